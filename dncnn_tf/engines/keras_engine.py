"""A Keras model on whatever backend Keras has."""

from __future__ import annotations

import keras
import numpy as np

from ..models.dncnn import fold_batch_norm, model_config

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras' dtype policy for each precision."""


class KerasEngine:
    """A Keras model, its batch normalisation folded.

    Args:
        model: a DnCNN with or without batch normalisation.
        precision: "float32" or "bfloat16" (bfloat16 arithmetic; input, output and subtraction stay float32).
    """

    def __init__(self, model: keras.Model, *, precision: str = "float32") -> None:
        config = model_config(model)
        self.channels = config.channels
        self.receptive_radius = config.receptive_radius
        self._forward = _compiled(fold_batch_norm(model, dtype=POLICIES[precision]))

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        return keras.ops.convert_to_numpy(self._forward(np.asarray(noisy, np.float32)))


def _compiled(model: keras.Model) -> keras.Model:
    """On TensorFlow, one graph for all sizes instead of a trace for each."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    signature = tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)
    return tf.function(lambda noisy: model(noisy, training=False), input_signature=[signature])
