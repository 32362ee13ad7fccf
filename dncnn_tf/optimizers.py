"""Muon for convolutions: Keras' optimizer of that name, which leaves every kernel but a matrix to Adam."""

from __future__ import annotations

import math
from typing import Any

import keras

_IMAGE_CHANNELS = 3


@keras.saving.register_keras_serializable(package="dncnn_tf")
class ConvolutionMuon(keras.optimizers.Muon):
    """`keras.optimizers.Muon` that also steps 4-D convolution kernels along the nearest orthogonal matrix.

    A kernel of shape (height, width, in, out) counts as the matrix (height·width·in, out) that it multiplies patches
    with. Its momentum is replaced by the orthogonal matrix nearest to it (five Newton–Schulz iterations), scaled such
    that the elements of a step have a root mean square of `rms_rate` times the learning rate (Liu et al., 2025,
    arXiv:2502.16982). All else goes by Adam: biases, batch normalisation, and the kernels of the first and last layer,
    which join the features to 1 or 3 channels.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4 or min(variable.shape[-2:]) <= _IMAGE_CHANNELS

    def _muon_update_step(self, gradient: Any, variable: keras.Variable, lr: Any, m: keras.Variable) -> None:
        self.assign(m, m * self.momentum + gradient)
        step = gradient + m * self.momentum if self.nesterov else m
        rows, columns = math.prod(variable.shape[:-1]), variable.shape[-1]
        step = self.zeropower_via_newtonschulz5(keras.ops.reshape(step, (rows, columns)), self.ns_steps)
        scale = math.sqrt(max(rows, columns)) * self.rms_rate
        self.assign_sub(variable, keras.ops.reshape(step, variable.shape) * scale * lr)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """The orthogonal matrix nearest to x, (rows, columns), by as many Newton–Schulz iterations as `steps`.

        An iteration multiplies x by a polynomial of xᵀx from the right. Here all of them are gathered in one matrix
        of (columns, columns) first, a tenth of the work for a kernel of 3×3.
        """
        a, b, c = self.muon_a, self.muon_b, self.muon_c
        x = x / (keras.ops.norm(x) + 1e-7)
        gram = keras.ops.matmul(keras.ops.transpose(x), x)
        identity = keras.ops.eye(gram.shape[0], dtype=gram.dtype)
        product = identity
        for _ in range(steps):
            factor = a * identity + b * gram + c * keras.ops.matmul(gram, gram)
            product = keras.ops.matmul(product, factor)
            gram = keras.ops.matmul(factor, keras.ops.matmul(gram, factor))  # all of these are symmetric and commute
        return keras.ops.matmul(x, product)
