"""How far a network's features reach, and what rounding them shifts: measured on noisy images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from ..models.calibration import Calibration
from ..models.folded import Network
from .int8 import STEP, in_int8
from .rounding_noise import balanced, convolved, noise_gains

_LEAST, _SMALLEST = 1 / 32, 1e-3
"""Range of a channel that is nearly always 0, of the layer's largest and at all: another image may use it."""
_PROBED = 32
"""Samples by which it is measured what the network makes of noise."""


def calibrated(network: Network, samples: Iterable[np.ndarray]) -> Network:
    """A network with what int8 needs.

    Each channel has its own range, since features of one layer reach unlike far: the largest that there is, or more
    where that makes kernels so much finer that it pays (`rounding_noise`). Clipping some of them would round the others
    more finely, but shows at single pixels.

    Args:
        network: weights and shape.
        samples: noisy images as it will get them, float32 (N, H, W, C), all of one size.
    """
    noisy = np.concatenate(list(samples))
    gains = noise_gains(network, noisy[:: -(-len(noisy) // _PROBED)])
    x: Any = noisy
    means, ranges = [], []
    for i, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True), 1):
        x = convolved(x, kernel, bias)
        means.append(_mean(x))
        if i < network.config.depth:
            x = keras.ops.relu(x)
            ranges.append(balanced(network.kernels[i], _reaches(x), _variances(x), gains[i]))
    calibration = Calibration(tuple(ranges), _shifts(network, noisy, ranges, means))
    return dataclasses.replace(network, calibration=calibration)


def _reaches(features: Any) -> np.ndarray:
    """For each channel its largest feature, and something where it is nearly always 0: (channels,)."""
    largest = keras.ops.convert_to_numpy(keras.ops.max(features, axis=(0, 1, 2)))
    reaches: np.ndarray = np.maximum(largest, max(_LEAST * largest.max(), _SMALLEST))
    return reaches


def _variances(features: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    variances: np.ndarray = keras.ops.convert_to_numpy(keras.ops.var(features, axis=(0, 1, 2)))
    return variances


def _shifts(
    network: Network, noisy: np.ndarray, ranges: Sequence[np.ndarray], means: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """What brings the mean of each channel back to that in floating point, one layer after the other."""
    nothing = tuple(np.zeros_like(bias) for bias in network.biases[1:])
    rounded = in_int8(network, Calibration(tuple(ranges), nothing))
    following = [*ranges[1:], np.ones(network.config.channels, np.float32)]
    x = keras.ops.relu(convolved(noisy, rounded.first, rounded.biases[0]))
    shifts = []
    layers = zip(rounded.kernels, rounded.scales, rounded.biases[1:], means[1:], following, strict=True)
    for kernel, scale, bias, mean, reach in layers:
        levels = keras.ops.clip(keras.ops.round(x / STEP), 0, 255)
        x = convolved(levels * STEP, kernel * scale, bias)
        shift = mean / reach - _mean(x)
        shifts.append(shift * reach)
        x = keras.ops.relu(x + shift)
    return tuple(shifts)


def _mean(x: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    mean: np.ndarray = keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2)))
    return mean
