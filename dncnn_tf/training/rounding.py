"""Features rounded while a network learns, as int8 rounds them but coarser, so that it learns to lose little by it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..config import ModelConfig
from ..engines.calibration import reaches
from ..engines.roughness import kind
from ..engines.rounding_noise import feature_maps
from ..models.calibration import ROUGHNESS
from ..models.dncnn import build_dncnn, to_network

_STEPS = 127
"""Half of those of int8. What 255 cost is so little that a network would hardly learn to avoid it; with 63 it gives up
more of what it does without rounding than it gains with."""
_SHARE = np.float32(0.85)
"""Of how far features reach at the start, how far they may: those few beyond cost less than finer steps gain."""
_BATCHES = 64
"""On which it is measured how far they reach."""


@keras.saving.register_keras_serializable(package="dncnn_tf")
class Kind(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Noisy images, float32 (N, H, W, C) → which of `ROUGHNESS` each is of, int32 (N,)."""

    def call(self, noisy: Any) -> Any:
        """As `kinds`."""
        found = tf.numpy_function(kinds, [noisy], tf.int32, stateful=False)
        return tf.ensure_shape(found, noisy.shape[:1])


@keras.saving.register_keras_serializable(package="dncnn_tf")
class Rounding(keras.layers.Layer):  # type: ignore[misc]
    """Features (N, H, W, C), none below 0, in steps up to the range of their channel, and no farther.

    Going back, rounding counts as nothing, and features beyond their range are sent towards it.

    Args:
        ranges: for each kind of picture, that of each channel: (kinds, C), positive.
        options: as for Keras' layer.
    """

    def __init__(self, ranges: Any, **options: Any) -> None:
        super().__init__(**options)
        self.ranges = np.asarray(ranges, np.float32)

    def get_config(self) -> dict[str, Any]:
        """As Keras' layer, with `ranges`."""
        return {**super().get_config(), "ranges": self.ranges.tolist()}

    def call(self, x: Any, of_kind: Any) -> Any:
        """Round the features of images of some kinds, (N,)."""
        return _rounded(x, tf.gather(tf.cast(self.ranges, x.dtype), of_kind)[:, None, None])


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _rounded(x: Any, ranges: Any) -> Any:
    step = ranges / _STEPS

    def gradient(upstream: Any) -> Any:
        return tf.where(x <= ranges, upstream, tf.abs(upstream)), None

    return tf.minimum(tf.round(x / step), _STEPS) * step, gradient


def kinds(noisy: np.ndarray) -> np.ndarray:
    """Which of `ROUGHNESS` images are of: float32 (N, H, W, C) → int32 (N,)."""
    return np.array([kind(image[None], ROUGHNESS) for image in noisy], np.int32)


def with_rounding(model: keras.Model, batches: Iterable[tuple[Any, Any]]) -> keras.Model:
    """A model of the same layers, and so of the same weights, whose features are rounded on their way.

    Args:
        model: a DnCNN as it starts, with fixed statistics of batch normalisation, if any.
        batches: training batches (degraded, clean), on which it is measured how far its features reach.
    """
    ranges = iter(feature_ranges(model, batches))
    noisy, last = model.input, model.layers[-1]
    of_kind = Kind(dtype="float32", name="kind")(noisy)
    x = noisy
    for layer in model.layers[1:-1]:
        x = layer(x)
        if layer.name == "conv_1" or isinstance(layer, keras.layers.ReLU):
            x = Rounding(next(ranges), dtype=layer.dtype_policy, name=f"{layer.name}_rounded")(x, of_kind)
    return keras.Model(noisy, last([noisy, x] if isinstance(last, keras.layers.Subtract) else x), name=model.name)


def without_rounding(model: keras.Model, config: ModelConfig) -> keras.Model:
    """The DnCNN in a model that `with_rounding` made: another one, with its weights.

    Args:
        model: with the weights.
        config: of its network.
    """
    plain = build_dncnn(config)
    plain.set_weights(model.get_weights())
    return plain


def feature_ranges(model: keras.Model, batches: Iterable[tuple[Any, Any]]) -> list[np.ndarray]:
    """How far features may reach: of every convolution but the last, for each of `ROUGHNESS`, (kinds, channels).

    Args:
        model: a DnCNN.
        batches: training batches (degraded, clean), of which some are looked at.
    """
    network = to_network(model)
    largest = [np.zeros((len(ROUGHNESS), len(bias)), np.float32) for bias in network.biases[:-1]]
    for noisy, _ in itertools.islice(batches, _BATCHES):
        of_kind = kinds(noisy.numpy())
        for x, most in zip(feature_maps(network, noisy), largest, strict=True):
            np.maximum.at(most, of_kind, keras.ops.convert_to_numpy(keras.ops.max(x, axis=(1, 2))))
    return [_SHARE * np.stack([reaches(each) for each in _of_all_up_to(most)]) for most in largest]


def _of_all_up_to(largest: np.ndarray) -> np.ndarray:
    """Of pictures of a kind and of all smoother ones, for each kind; of a kind that did not come, as of all."""
    most = np.maximum.accumulate(largest)
    return np.where(most.any(axis=1, keepdims=True), most, most[-1])
