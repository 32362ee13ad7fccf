"""Batch normalisation that trains with TensorFlow's fused kernel, and is Keras' own layer in every other respect."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="dncnn_tf")
class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """`keras.layers.BatchNormalization` over the last axis, computed by one kernel in training.

    Keras composes the training pass from some ten operations; `FusedBatchNormV3` does the same in one, which is
    what training time on a CPU is won by. Variables, configuration, inference and the other backends are Keras'
    own. On several replicas the statistics are those of the whole global batch.

    Args:
        frozen: normalise by the moving statistics in training too; scale and shift go on learning.
        options: as for Keras' layer.
    """

    def __init__(self, *, frozen: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.frozen = frozen
        self.joined = False

    def get_config(self) -> dict[str, Any]:
        """As Keras' layer, with `frozen`."""
        return {**super().get_config(), "frozen": self.frozen}

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise (N, H, W, C) with the batch's statistics in training, unless frozen, else with the moving ones."""
        if self.joined:
            return inputs
        if not training or not self.trainable or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training and not self.frozen, mask=mask)
        if self.frozen:
            return self._normalised(inputs, frozen=True)[0]
        import tensorflow as tf

        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            self.synchronized = True
            try:
                return super().call(inputs, training=training, mask=mask)
            finally:
                self.synchronized = False  # not part of the saved layer: other backends refuse it
        outputs, mean, variance, *_ = self._normalised(inputs, frozen=False)
        # The kernel returns the sample variance; Keras keeps the population variance.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
        variance *= (count - 1) / count
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs

    def _normalised(self, inputs: Any, *, frozen: bool) -> Any:
        """Outputs, and the batch's mean and variance unless frozen."""
        import tensorflow as tf

        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,  # (N, H, W, C)
            scale=self.gamma,
            offset=self.beta,
            mean=self.moving_mean if frozen else tf.zeros([0]),
            variance=self.moving_variance if frozen else tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=not frozen,
        )


def batch_norms(model: keras.Model) -> list[FusedBatchNormalization]:
    """The model's normalisations, first to last."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def freeze_batch_norm(model: keras.Model) -> None:
    """Fix the statistics by which a model normalises, in place; it has to be compiled after this.

    Statistics of a batch tell a network what it will not know of a single picture: with noise of any level, those of
    the others in the batch. Trained on them to the end, DnCNN-B was up to 0.44 dB worse without.
    """
    for norm in batch_norms(model):
        norm.frozen = True


def is_frozen(model: keras.Model) -> bool:
    """Whether `freeze_batch_norm` was called."""
    return any(norm.frozen for norm in batch_norms(model))


def join_frozen(model: keras.Model) -> None:
    """Let each convolution do the frozen normalisation after it, in place, as long as the model is in memory.

    Since (K ∗ x)·s + b = (K·s) ∗ x + b, it is the same function of the same variables, and a step of training takes
    three quarters of the time: nothing but convolutions goes over the features. Compile or fit only after this.

    Args:
        model: a DnCNN whose normalisations are frozen.
    """
    for norm in batch_norms(model):
        conv = model.get_layer(norm.name.replace("bn", "conv"))
        conv.convolution_op = functools.partial(_convolve_and_normalise, norm)
        norm.joined = True


def _convolve_and_normalise(norm: FusedBatchNormalization, inputs: Any, kernel: Any) -> Any:
    """In place of a convolution: (N, H, W, in) and (3, 3, in, out) → (N, H, W, out), normalised."""
    import tensorflow as tf

    scale = norm.gamma * tf.math.rsqrt(norm.moving_variance + norm.epsilon)  # (out,)
    kernel = tf.cast(tf.cast(kernel, tf.float32) * scale, inputs.dtype)
    shift = tf.cast(norm.beta - norm.moving_mean * scale, inputs.dtype)
    return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "SAME"), shift)


def reestimate_batch_norm(
    model: keras.Model,
    batches: Iterable[tuple[Any, Any]],
    *,
    count: int = 200,
    forward: Callable[[Any], Any] | None = None,
) -> None:
    """Set the moving statistics to their mean over `count` batches at the present weights, in place.

    While training, they lag behind weights that move on, which a model that is kept should not inherit.

    Args:
        model: a DnCNN; without batch normalisation, or with it frozen, nothing happens.
        batches: training batches (degraded, clean), at least `count` of them.
        count: how many to use.
        forward: runs the model in training on what a batch has degraded; None for here and now.
    """
    norms = [norm for norm in batch_norms(model) if not norm.frozen]
    if not norms:
        return
    forward = forward or functools.partial(model, training=True)
    means = [np.zeros(norm.moving_mean.shape) for norm in norms]
    variances = [np.zeros(norm.moving_variance.shape) for norm in norms]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the moving statistics become those of the latest batch
    for degraded, _ in itertools.islice(batches, count):
        forward(degraded)
        for mean, variance, norm in zip(means, variances, norms, strict=True):
            mean += keras.ops.convert_to_numpy(norm.moving_mean)
            variance += keras.ops.convert_to_numpy(norm.moving_variance)
    for mean, variance, norm, momentum in zip(means, variances, norms, momenta, strict=True):
        norm.momentum = momentum
        norm.moving_mean.assign(mean / count)
        norm.moving_variance.assign(variance / count)
