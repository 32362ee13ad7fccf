"""Kernels, features and biases of a network in 8-bit integers.

After a ReLU features are not negative, so that 0 to 255 stand for 0 to the range of their channel. Ranges are taken
into the kernels on both sides of them: a convolution gives features of at most 1 in every channel, and has one scale
for each of its output channels. The first convolution, whose input is the image, stays in floating point.

Processors with AVX2 alone multiply features by taps and add the products of two neighbouring channels in 16 bits; a sum
that is larger is cut off, and shows as a wrong pixel. Kernels are rounded so that no sum can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..models.calibration import Calibration
from ..models.folded import Network

STEP = np.float32(1 / 255)
"""Of every feature map."""

LARGEST = 127
"""Of a kernel, so that -127 is as far."""

LARGEST_SUM = 127.5
"""Of two taps before they are rounded: rounded they make at most 128, and 128 · 255 is less than 2¹⁵."""


@dataclass(frozen=True)
class Int8Network:
    """A network for int8.

    Attributes:
        first: the first kernel, float32 (3, 3, channels, out).
        kernels: the others, int8 (3, 3, in, out).
        scales: what their output channels are multiplied by, float32 (out,).
        biases: of all convolutions, float32 (out,).
    """

    first: np.ndarray
    kernels: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]


def in_int8(network: Network, calibration: Calibration) -> Int8Network:
    """Round a network.

    Args:
        network: weights and shape.
        calibration: how far its features reach, and which way its taps go.
    """
    first, *others = kernels_of_ranges(network, calibration.ranges)
    one = np.ones(network.config.channels, np.float32)
    shifts = [np.float32(0), *calibration.shifts]
    ranges = [*calibration.ranges, one]
    biases = [(bias + shift) / after for bias, shift, after in zip(network.biases, shifts, ranges, strict=True)]
    steps, scales = zip(*map(in_steps, others), strict=True)
    kernels = tuple(rounded(taps, away) for taps, away in zip(steps, calibration.away, strict=True))
    return Int8Network(first, kernels, scales, tuple(biases))


def kernels_of_ranges(network: Network, ranges: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The kernels, float32 (3, 3, in, out), between features that are parts of their ranges, (channels,) each."""
    one = np.ones(network.config.channels, np.float32)
    ends = [one, *ranges, one]
    return [
        kernel * before[:, None] / after
        for kernel, before, after in zip(network.kernels, ends[:-1], ends[1:], strict=True)
    ]


def in_steps(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A kernel before it is rounded, float32 (3, 3, in, out), and what makes it itself again, float32 (out,)."""
    largest = np.abs(kernel).max(axis=(0, 1, 2)) / LARGEST
    largest = np.maximum(largest, _sums_of_two(kernel).max(axis=(0, 1, 2)) / LARGEST_SUM)
    scale = np.maximum(largest, np.finfo(np.float32).tiny).astype(np.float32)
    return kernel / scale, scale


def rounded(taps: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Taps in steps to int8, each to the nearer integer or, where `away` is true, to that on its other side."""
    nearer = np.rint(taps)
    farther = nearer + np.where(taps < nearer, -1, 1)
    integers: np.ndarray = np.where(away, farther, nearer).clip(-LARGEST, LARGEST).astype(np.int8)
    return integers


def _sums_of_two(kernel: np.ndarray) -> np.ndarray:
    """Magnitudes of the largest sums that taps of each two channels make of features from 0 to 1: (3, 3, in / 2, out).

    Features being positive, it is the taps of one sign that add up.
    """
    even = np.pad(kernel, ((0, 0), (0, 0), (0, kernel.shape[2] % 2), (0, 0)))
    one, other = even[:, :, ::2], even[:, :, 1::2]
    upwards = np.maximum(one, 0) + np.maximum(other, 0)
    downwards = np.minimum(one, 0) + np.minimum(other, 0)
    sums: np.ndarray = np.maximum(upwards, -downwards)
    return sums
