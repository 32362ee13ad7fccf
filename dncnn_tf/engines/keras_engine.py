"""A network run by Keras, on whatever backend it has."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..models.dncnn import from_network
from ..models.folded import Network
from .precision import KERAS_POLICIES, Precision


class KerasEngine:
    """A network in Keras.

    Args:
        network: weights and shape.
        precision: "float32" or "bfloat16" (bfloat16 arithmetic; input, output and subtraction stay float32).
    """

    def __init__(self, network: Network, *, precision: Precision = "float32") -> None:
        self.channels = network.config.channels
        self.receptive_radius = network.config.receptive_radius
        self._forward = _compiled(from_network(network, dtype=KERAS_POLICIES[precision]))

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        denoised: np.ndarray = keras.ops.convert_to_numpy(self._forward(np.asarray(noisy, np.float32)))
        return denoised


def _compiled(model: keras.Model) -> Any:
    """On TensorFlow, one graph for all sizes instead of a trace for each."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    signature = tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)
    return tf.function(lambda noisy: model(noisy, training=False), input_signature=[signature])
