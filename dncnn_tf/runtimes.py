"""What runs a network: one small class per engine, all called the same way."""

from __future__ import annotations

from typing import Protocol

import keras
import numpy as np

from .model import fold_batch_norm, model_config


class Runtime(Protocol):
    """A network ready to run.

    Attributes:
        channels: 1 for grey, 3 for RGB.
        receptive_radius: pixels on each side that can change one output pixel; the halo that tiles need.
    """

    channels: int
    receptive_radius: int

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, channels) in [0, 1] → the denoised images, same shape, float32, not clipped."""


class KerasRuntime:
    """A Keras model, its batch normalisation folded, on whatever backend Keras has.

    Args:
        model: a DnCNN with or without batch normalisation.
        precision: "float32" or "bfloat16" (bfloat16 arithmetic; input, output and subtraction stay float32).
    """

    def __init__(self, model: keras.Model, *, precision: str = "float32") -> None:
        config = model_config(model)
        self.channels = config.channels
        self.receptive_radius = config.receptive_radius
        self._forward = _compiled(fold_batch_norm(model, dtype=_POLICIES[precision]))

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(self._forward(np.asarray(noisy, np.float32)))


_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def _compiled(model: keras.Model) -> keras.Model:
    """On TensorFlow, one graph for all sizes instead of a trace for each."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    signature = tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)
    return tf.function(lambda noisy: model(noisy, training=False), input_signature=[signature])
