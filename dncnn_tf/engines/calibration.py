"""How far a network's features reach, and what rounding them shifts: measured on noisy images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from ..models.calibration import Calibration
from ..models.folded import Network
from .int8 import STEP, in_int8

_LEAST = 1 / 32
"""Range of a channel that is nearly always 0, as a share of the layer's largest: another image may use it."""

_SHARES = np.linspace(0.4, 1, 16, dtype=np.float32)
"""Of a channel's largest feature, tried as its range."""

_FEATURES = 10_000
"""Of a channel, that are looked at for it."""


def calibrated(network: Network, samples: Iterable[np.ndarray]) -> Network:
    """A network with what int8 needs.

    Ranges are tried in two ways, and the one whose output is nearer to that of the network in floating point is taken:
    the largest feature of a layer for all of its channels, which leaves the kernels as they are; and for each channel
    its own, which rounds features of unlike size more finely, and the kernels between them more coarsely.

    Args:
        network: weights and shape.
        samples: noisy images as it will get them, float32 (N, H, W, C), all of one size.
    """
    noisy = np.concatenate(list(samples))
    x, means, of_layers, of_channels = noisy, [], [], []
    for i, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True), 1):
        x = _convolved(x, kernel, bias)
        means.append(_mean(x))
        if i < network.config.depth:
            x = keras.ops.relu(x)
            features = keras.ops.convert_to_numpy(x).reshape(-1, x.shape[-1])
            largest, own = features.max(axis=0), _own_ranges(features)
            of_layers.append(np.full_like(largest, max(largest.max(), 1e-3)))
            of_channels.append(np.maximum(own, of_layers[-1] * _LEAST))
    tried = [_shifted(network, noisy, tuple(ranges), means) for ranges in (of_layers, of_channels)]
    best, _ = min(tried, key=lambda each: np.square(each[1] - keras.ops.convert_to_numpy(x)).mean())
    return best


def _own_ranges(features: np.ndarray) -> np.ndarray:
    """For each channel, the range that rounding to 8 bits and clipping change least: (channels,)."""
    largest = features.max(axis=0)
    some = features[:: max(1, len(features) // _FEATURES)]
    errors = []
    for share in _SHARES:
        step = np.maximum(share * largest, np.finfo(np.float32).tiny) * STEP
        errors.append(np.square(np.minimum(np.rint(some / step), 255) * step - some).mean(axis=0))
    return np.asarray(largest * _SHARES[np.argmin(errors, axis=0)], np.float32)


def _shifted(
    network: Network, noisy: np.ndarray, ranges: tuple[np.ndarray, ...], means: list[np.ndarray]
) -> tuple[Network, np.ndarray]:
    """The network with shifts to its biases, one layer after the other, and its residual in int8."""
    shifts: list[np.ndarray] = [np.zeros_like(bias) for bias in network.biases[1:]]
    rounded = in_int8(network, Calibration(ranges, tuple(shifts)))
    x = keras.ops.relu(_convolved(noisy, rounded.first, rounded.biases[0]))
    for i, (kernel, scale) in enumerate(zip(rounded.kernels, rounded.scales, strict=True)):
        levels = keras.ops.clip(keras.ops.round(x / STEP), 0, 255)
        x = _convolved(levels * STEP, kernel * scale, rounded.biases[i + 1])
        reach = ranges[i + 1] if i + 1 < len(ranges) else np.float32(1)
        shift = means[i + 1] / reach - _mean(x)
        shifts[i] = shift * reach
        x = x + shift
        if i + 1 < len(ranges):
            x = keras.ops.relu(x)
    of_all = Calibration(ranges, tuple(shifts))
    return dataclasses.replace(network, calibration=of_all), keras.ops.convert_to_numpy(x)


def _convolved(x: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
    return keras.ops.conv(x, kernel, padding="same") + bias


def _mean(x: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    mean: np.ndarray = keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2)))
    return mean
