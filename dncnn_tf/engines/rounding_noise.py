"""Ranges of features at which rounding a network to 8 bits adds least noise to its output.

Two errors pull at the range of a channel. The larger it is, the coarser the steps of its features; the smaller it is,
the finer the kernels that take them would have to be, since all kernels of an output channel share one step. Both
errors are noise, uniform within a step, and so small that the network passes them on linearly. How much it lets through
of each is measured, by sending random noise backwards through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..models.folded import Network
from .int8 import LARGEST, STEP

_UNIFORM = 1 / 12
"""Variance of an error that is uniform within a step of 1."""
_TAPS = 9
_LEFT = 1 / 8
"""Of the noise of kernels that are rounded each by itself, about what is left (`kernel_rounding`)."""
_FACTORS = (1.5, 1.2, 1.05)
_WORTHWHILE = 1e-5
_TOGETHER = 8
"""Images that are sent through at a time."""


@dataclass(frozen=True)
class Gains:
    """How much noise at one convolution adds to the network's output, in variance.

    Attributes:
        features: of noise on each of its inputs, float64 (in,).
        outputs: of noise on each of its outputs, before the ReLU, float64 (out,).
    """

    features: np.ndarray
    outputs: np.ndarray


def noise_gains(network: Network, noisy: np.ndarray) -> list[Gains]:
    """Measure each convolution's, first to last, on images: means over their pixels.

    Args:
        network: weights and shape.
        noisy: images as it gets them, float32 (N, H, W, C).
    """
    rng = np.random.default_rng(0)
    parts = [noisy[i : i + _TOGETHER] for i in range(0, len(noisy), _TOGETHER)]
    sums = [_squared_gradients(network, part, rng) for part in parts]
    return [
        Gains(*(np.sum(squares, axis=0) / noisy.size for squares in zip(*convolution, strict=True)))
        for convolution in zip(*sums, strict=True)
    ]


def _squared_gradients(
    network: Network, noisy: np.ndarray, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of a random mix of all outputs, by each convolution's inputs, (in,), and outputs, (out,): summed over pixels."""
    used = [keras.ops.sign(x) for x in feature_maps(network, noisy)]
    gradient: Any = rng.standard_normal(noisy.shape, np.float32)
    sums = []
    for kernel in network.kernels[::-1]:
        outputs = _sum_of_squares(gradient)
        gradient = keras.ops.conv(gradient, kernel[::-1, ::-1].swapaxes(2, 3), padding="same")
        sums.append((_sum_of_squares(gradient), outputs))
        if used:
            gradient = gradient * used.pop()
    return sums[::-1]


def feature_maps(network: Network, noisy: Any) -> Iterator[Any]:
    """What a network makes of images (N, H, W, C): after each ReLU, first to last, (N, H, W, filters)."""
    x = noisy
    for kernel, bias in zip(network.kernels[:-1], network.biases[:-1], strict=True):
        x = keras.ops.relu(convolved(x, kernel, bias))
        yield x


def convolved(x: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
    """What a convolution gives, (N, H, W, out), for features (N, H, W, in)."""
    return keras.ops.conv(x, kernel, padding="same") + bias


def _sum_of_squares(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.square(x), axis=(0, 1, 2))).astype(np.float64)


def rounding_noise(largest: np.ndarray, ranges: np.ndarray, variances: np.ndarray, gains: Gains) -> float:
    """What rounding one convolution's inputs and kernels adds to the variance of the network's output.

    Args:
        largest: of each kernel the magnitude of its largest tap, (in, out).
        ranges: what 255 stands for, of each of its inputs: (in,), positive.
        variances: of its inputs; their means make a constant error, which a bias takes away: (in,).
        gains: of this convolution.
    """
    steps = (largest * ranges[:, None]).max(axis=0) / LARGEST  # of the kernels that take features of 0 to 1
    kernels = _TAPS * np.sum(variances / ranges**2) * np.sum(gains.outputs * steps**2)
    features = np.sum(gains.features * (ranges * STEP) ** 2)
    return float(_UNIFORM * (_LEFT * kernels + features))


def balanced(kernel: np.ndarray, reaches: np.ndarray, variances: np.ndarray, gains: Gains) -> np.ndarray:
    """The ranges with the least rounding noise at which no feature is clipped.

    One after the other is made larger or smaller by a little for as long as it helps.

    Args:
        kernel: float32 (3, 3, in, out).
        reaches: how far its inputs reach, (in,), positive.
        variances, gains: as for `rounding_noise`.

    Returns:
        float32 (in,), each at least as far as its channel reaches.
    """
    largest, ranges = np.abs(kernel).max(axis=(0, 1)), reaches.astype(np.float64)
    least = rounding_noise(largest, ranges, variances, gains)
    for factor in _FACTORS:
        before = np.inf
        while least < before * (1 - _WORTHWHILE):
            before = least
            for channel in range(len(ranges)):
                for changed in (ranges[channel] * factor, max(ranges[channel] / factor, reaches[channel])):
                    trial = ranges.copy()
                    trial[channel] = changed
                    noise = rounding_noise(largest, trial, variances, gains)
                    if noise < least:
                        least, ranges = noise, trial
    return ranges.astype(np.float32)
