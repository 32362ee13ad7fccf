"""A network run by Keras, on whatever backend it has."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..forks import need_threads
from ..models.dncnn import from_network
from ..models.folded import Network
from .precision import KERAS_POLICIES, Precision


class KerasEngine:
    """A folded network as a Keras model.

    Args:
        model: as `models.dncnn.from_network` makes it.
        channels, receptive_radius: of the network.
    """

    def __init__(self, model: keras.Model, channels: int, receptive_radius: int) -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        self._forward = _compiled(model)

    @classmethod
    def of(cls, network: Network, precision: Precision) -> KerasEngine:
        """The engine for a network; in bfloat16, input, output and subtraction stay float32."""
        need_threads(keras.backend.backend())
        model = from_network(network, dtype=KERAS_POLICIES[precision])
        return cls(model, network.config.channels, network.config.receptive_radius)

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        need_threads(keras.backend.backend())
        denoised: np.ndarray = keras.ops.convert_to_numpy(self._forward(np.asarray(noisy, np.float32)))
        return denoised


def _compiled(model: keras.Model) -> Any:
    """On TensorFlow, one graph for all sizes instead of a trace for each."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    signature = tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)
    return tf.function(lambda noisy: model(noisy, training=False), input_signature=[signature])
