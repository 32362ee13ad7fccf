"""Muon: steps along orthogonal matrices for the hidden convolutions, Adam's for everything else; and a clipped SGD."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

_IMAGE_CHANNELS = 3
# The quintic iteration of Jordan et al. (2024): five of them bring every singular value that counts to about 1.
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def new_optimizer(
    name: str, rate: float | keras.optimizers.schedules.LearningRateSchedule, weight_decay: float = 0.0
) -> keras.optimizers.Optimizer:
    """An optimizer with the settings that suit a DnCNN.

    Args:
        name: as `TrainConfig.optimizer`.
        rate: its learning rate or schedule.
        weight_decay: 0 for none.
    """
    decay = weight_decay or None
    if name == "sgd":
        # The paper mentions no clipping. Without it, its rate of 0.1 diverges from He's start. In some hundred steps of
        # DnCNN-S, a norm of 0.1 learned more slowly than 0.3, and 1 killed the network without normalisation.
        return ClippedSGD(rate, norm=0.3, momentum=0.9, weight_decay=decay)
    if name == "muon":
        return Muon(rate, weight_decay=decay)
    if name == "adamw":
        return keras.optimizers.AdamW(rate, beta_2=0.99, weight_decay=weight_decay)
    return keras.optimizers.Adam(rate, beta_2=0.99, weight_decay=decay)


@keras.saving.register_keras_serializable(package="dncnn_tf")
class Muon(keras.optimizers.Optimizer):
    """Muon (Jordan et al., 2024) for the kernels between hidden layers, Adam for the rest.

    A hidden kernel of shape (height, width, in, out) counts as the matrix (height·width·in, out) that it multiplies
    patches with. It steps against the orthogonal matrix nearest to its momentum, scaled such that the elements of the
    step have a root mean square of the learning rate, which makes Adam's rates fit (Liu et al., 2025,
    arXiv:2502.16982). Adam takes biases, batch normalisation, and the kernels of the first and the last layer.

    `keras.optimizers.Muon` leaves convolutions to Adam.

    Args:
        learning_rate: a rate or a schedule.
        momentum: share of the old momentum that is kept (Muon's, with Nesterov's look ahead).
        beta_1: decay of Adam's first moment.
        beta_2: decay of Adam's second moment.
        epsilon: keeps Adam from dividing by zero.
        name: of the optimizer.
        **options: of every Keras optimizer, such as `weight_decay`, which is decoupled.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        momentum: float = 0.95,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float = 1e-7,
        name: str = "muon",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.momentum, self.beta_1, self.beta_2, self.epsilon = momentum, beta_1, beta_2, epsilon

    def build(self, variables: list[keras.Variable]) -> None:
        """Add a momentum for every variable and a velocity for each that Adam takes."""
        if self.built:
            return
        super().build(variables)
        self.momenta = [self.add_variable_from_reference(variable, name="momentum") for variable in variables]
        self.velocities = [
            None if is_hidden_kernel(variable) else self.add_variable_from_reference(variable, name="velocity")
            for variable in variables
        ]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Move one variable."""
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if self.velocities[index] is None:
            self._orthogonal_step(gradient, variable, rate, self.momenta[index])
        else:
            self._adam_step(gradient, variable, rate, self.momenta[index], self.velocities[index])

    def _orthogonal_step(self, gradient: Any, variable: keras.Variable, rate: Any, momentum: keras.Variable) -> None:
        self.assign(momentum, momentum * self.momentum + gradient)
        ahead = gradient + momentum * self.momentum
        rows, columns = math.prod(variable.shape[:-1]), variable.shape[-1]
        step = orthogonalized(ops.reshape(ahead, (rows, columns))) * math.sqrt(max(rows, columns))
        self.assign_sub(variable, ops.reshape(step, variable.shape) * rate)

    def _adam_step(
        self, gradient: Any, variable: keras.Variable, rate: Any, momentum: keras.Variable, velocity: keras.Variable
    ) -> None:
        step = ops.cast(self.iterations + 1, variable.dtype)
        self.assign(momentum, momentum * self.beta_1 + gradient * (1 - self.beta_1))
        self.assign(velocity, velocity * self.beta_2 + ops.square(gradient) * (1 - self.beta_2))
        rate = rate * ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
        self.assign_sub(variable, rate * momentum / (ops.sqrt(velocity) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        own = {name: getattr(self, name) for name in ("momentum", "beta_1", "beta_2", "epsilon")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="dncnn_tf")
class ClippedSGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` whose gradient is clipped after the replicas' parts have been summed.

    Keras clips each part by itself (`global_clipnorm`), so that the step depends on how many there are.

    Args:
        learning_rate: a rate or a schedule.
        norm: the highest that the gradient of all variables together may have.
        **options: of Keras' SGD.
    """

    def __init__(self, learning_rate: Any = 0.01, norm: float = 1.0, **options: Any) -> None:
        super().__init__(learning_rate=learning_rate, **options)
        self.norm = norm

    def apply(self, grads: list[Any], trainable_variables: list[keras.Variable] | None = None) -> None:
        """Move the variables."""
        replicas = 1
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            context = tf.distribute.get_replica_context()
            replicas = context.num_replicas_in_sync if context is not None else 1
            if replicas > 1:
                grads = context.all_reduce("SUM", list(grads))
        total = ops.sqrt(sum(ops.sum(ops.square(ops.cast(grad, "float32"))) for grad in grads))
        # Keras sums the replicas' parts. A gradient that is not finite must not pass for a small one.
        scale = self.norm / ops.maximum(total, self.norm) / replicas + (total - total)
        super().apply([grad * ops.cast(scale, grad.dtype) for grad in grads], trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "norm": self.norm}


def is_hidden_kernel(variable: keras.Variable) -> bool:
    """Whether a variable is the 4-D kernel of a convolution from features to features."""
    return len(variable.shape) == 4 and min(variable.shape[-2:]) > _IMAGE_CHANNELS


def orthogonalized(matrix: Any) -> Any:
    """About the orthogonal matrix nearest to `matrix`, (rows, columns): singular values of 0.7 to 1.2.

    Each Newton–Schulz iteration multiplies by a polynomial of matrixᵀ·matrix from the right. All of them are gathered
    in one product of (columns, columns) first, which for 3×3 kernels is a tenth of the work.
    """
    a, b, c = _COEFFICIENTS
    matrix = matrix / (ops.norm(matrix) + 1e-7)
    gram = ops.matmul(ops.transpose(matrix), matrix)
    identity = ops.eye(gram.shape[0], dtype=gram.dtype)
    product = identity
    for _ in range(_ITERATIONS):
        factor = a * identity + b * gram + c * ops.matmul(gram, gram)
        product = ops.matmul(product, factor)
        gram = ops.matmul(factor, ops.matmul(gram, factor))  # symmetric and commuting, all of them
    return ops.matmul(matrix, product)
