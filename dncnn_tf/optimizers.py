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
    with. Its momentum is replaced by the orthogonal matrix nearest to it (five Newton–Schulz iterations) and scaled to
    the size of an Adam step, √max(rows, columns)·0.2 (Liu et al., 2025, arXiv:2502.16982), so that Adam's learning
    rates suit. All else goes by Adam: biases, batch normalisation, and the first and last layer's kernels, which join
    the features to 1 or 3 channels.
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
