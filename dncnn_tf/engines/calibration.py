"""How far a network's features reach, and what rounding them shifts: measured on noisy images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from ..models.calibration import Calibration, as_kept
from ..models.folded import Network
from .int8 import STEP, in_steps, kernels_of_ranges, rounded
from .kernel_rounding import neighbourhoods, rounded_away
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
            best = balanced(network.kernels[i], reaches(_largest(x)), _variances(x), gains[i])
            ranges.append(as_kept(best).astype(np.float32))  # since by these kernels are rounded
    return dataclasses.replace(network, calibration=_rounded(network, noisy, ranges, means))


def reaches(largest: np.ndarray) -> np.ndarray:
    """How far channels are taken to reach: as their largest features, and a little where they are nearly always 0.

    Args:
        largest: of each channel, (channels,).
    """
    far: np.ndarray = np.maximum(largest, max(_LEAST * largest.max(), _SMALLEST))
    return far


def _largest(features: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    largest: np.ndarray = keras.ops.convert_to_numpy(keras.ops.max(features, axis=(0, 1, 2)))
    return largest


def _variances(features: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    variances: np.ndarray = keras.ops.convert_to_numpy(keras.ops.var(features, axis=(0, 1, 2)))
    return variances


def _rounded(
    network: Network, noisy: np.ndarray, ranges: Sequence[np.ndarray], means: Sequence[np.ndarray]
) -> Calibration:
    """How kernels are rounded, and what then brings the mean of each channel back to that in floating point.

    One layer after the other, each on features that come from those before it, rounded as they are.
    """
    first, *kernels = kernels_of_ranges(network, ranges)
    x = keras.ops.relu(convolved(noisy, first, network.biases[0] / ranges[0]))
    shifts, away = [], []
    following = [*ranges[1:], np.ones(network.config.channels, np.float32)]
    for kernel, bias, mean, reach in zip(kernels, network.biases[1:], means[1:], following, strict=True):
        x = keras.ops.clip(keras.ops.round(x / STEP), 0, 255) * STEP
        taps, scale = in_steps(kernel)
        away.append(rounded_away(taps, neighbourhoods(keras.ops.convert_to_numpy(x))))
        x = convolved(x, rounded(taps, away[-1]) * scale, bias / reach)
        shift = mean / reach - _mean(x)
        shifts.append(shift * reach)
        x = keras.ops.relu(x + shift)
    return Calibration(tuple(ranges), tuple(shifts), tuple(away))


def _mean(x: Any) -> np.ndarray:
    """Of each channel: (channels,)."""
    mean: np.ndarray = keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2)))
    return mean
