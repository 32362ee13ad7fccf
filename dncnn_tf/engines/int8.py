"""Kernels, features and biases of a network in 8-bit integers.

After a ReLU features are not negative, so that 0 to 255 stand for 0 to the range of their channel. Ranges are taken
into the kernels on both sides of them: a convolution gives features of at most 1 in every channel, and has one scale
for each of its output channels. The first convolution, whose input is the image, stays in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..models.calibration import Calibration
from ..models.folded import Network

STEP = np.float32(1 / 255)
"""Of every feature map."""

LARGEST = 127
"""Of a kernel, so that -127 is as far."""


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
    """Round a network."""
    one = np.ones(network.config.channels, np.float32)
    ranges = [one, *calibration.ranges, one]
    shifts = [np.float32(0), *calibration.shifts]
    kernels = [
        kernel * before[:, None] / after
        for kernel, before, after in zip(network.kernels, ranges[:-1], ranges[1:], strict=True)
    ]
    biases = [(bias + shift) / after for bias, shift, after in zip(network.biases, shifts, ranges[1:], strict=True)]
    rounded, scales = zip(*map(_rounded, kernels[1:]), strict=True)
    return Int8Network(kernels[0], rounded, scales, tuple(biases))


def _rounded(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 (3, 3, in, out), and what makes it the kernel again, float32 (out,)."""
    largest = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), np.finfo(np.float32).tiny * LARGEST)
    scale = (largest / LARGEST).astype(np.float32)
    return np.rint(kernel / scale).astype(np.int8), scale
