"""Noisy photographs, embedded in the package, by which exports are checked and quantised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..data import datasets
from ..data.degradations import add_gaussian_noise

SIDE = 512
_SIGMA = 25.0
_CALIBRATION_SIDE = 96
BLIND_SIGMAS = (0, 10, 25, 40, 55)
"""Noise by which a model is calibrated that takes any."""


def noisy_photograph(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph, clean and with noise of σ 25, float32 (1, 512, 512, channels)."""
    image = datasets.load("sample", channels)[0]
    clean = image[None, :SIDE, :SIDE].astype(np.float32) / 255
    return clean, add_gaussian_noise(clean, _SIGMA, np.random.default_rng(0))


def calibration_samples(channels: int, sigmas: Sequence[float] = BLIND_SIGMAS) -> Iterator[np.ndarray]:
    """Parts of all photographs with noise of each σ, float32 (1, 96, 96, channels)."""
    rng = np.random.default_rng(0)
    for image in datasets.load("sample", channels):
        for sigma in sigmas:
            yield add_gaussian_noise(calibration_part(image, rng), sigma, rng)


def calibration_part(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of a picture at any place: uint8 (H, W, channels) → float32 (1, 96, 96, channels) in [0, 1]."""
    top, left = (rng.integers(length - _CALIBRATION_SIDE + 1) for length in image.shape[:2])
    part: np.ndarray = image[None, top : top + _CALIBRATION_SIDE, left : left + _CALIBRATION_SIDE]
    return part.astype(np.float32) / 255
