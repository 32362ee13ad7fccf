"""Noisy photographs, embedded in the package, by which exports are checked and quantised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..data import datasets
from ..data.degradations import add_gaussian_noise

SIDE = 512
_SIGMA = 25.0
_CALIBRATION_SIDE, _CALIBRATION_SIGMAS = 96, (0, 10, 25, 40, 55)


def noisy_photograph(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph, clean and with noise of σ 25, float32 (1, 512, 512, channels)."""
    image = datasets.load("sample", channels)[0]
    clean = image[None, :SIDE, :SIDE].astype(np.float32) / 255
    return clean, add_gaussian_noise(clean, _SIGMA, np.random.default_rng(0))


def calibration_samples(channels: int) -> Iterator[np.ndarray]:
    """Parts of all photographs with noise of all levels, float32 (1, 96, 96, channels)."""
    rng = np.random.default_rng(0)
    for image in datasets.load("sample", channels):
        for sigma in _CALIBRATION_SIGMAS:
            top, left = (rng.integers(length - _CALIBRATION_SIDE + 1) for length in image.shape[:2])
            clean = image[None, top : top + _CALIBRATION_SIDE, left : left + _CALIBRATION_SIDE].astype(np.float32) / 255
            yield add_gaussian_noise(clean, sigma, rng)
