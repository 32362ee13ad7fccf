"""The sensor: one color a pixel, and noise that grows with the light."""

from __future__ import annotations

import numpy as np

PHASES = ("rggb", "grbg", "gbrg", "bggr")
"""Where the red filter is among each four pixels: the colors of the first row, then of the second."""

# Brooks et al. 2019, section 3.2: in natural logarithms, the shot noise of real cameras' settings is spread evenly,
# and the read noise follows it along a line. Theirs begins at 1e-4, of which nothing is seen after smoothing: a network
# that is shown much of it leaves more of the noise that is seen.
_SHOT_LOW, _SHOT_HIGH = 7e-4, 1.2e-2
_SLOPE, _OFFSET, _SPREAD = 2.18, 1.20, 0.26


def sites(phase: str) -> dict[str, list[tuple[int, int]]]:
    """Row and column, each 0 or 1, of every color's pixels in a Bayer mosaic of that phase."""
    where: dict[str, list[tuple[int, int]]] = {"r": [], "g": [], "b": []}
    for i, color in enumerate(phase):
        where[color].append(divmod(i, 2))
    return where


def mosaic(image: np.ndarray, phase: str) -> np.ndarray:
    """Of each pixel, the one color that its filter lets through: (..., H, W, 3) → (..., H, W); H and W even."""
    raw = np.empty(image.shape[:-1], image.dtype)
    for color, places in sites(phase).items():
        for row, column in places:
            raw[..., row::2, column::2] = image[..., row::2, column::2, "rgb".index(color)]
    return raw


def draw_noise_levels(rng: np.random.Generator) -> tuple[float, float]:
    """Variances of a sensor's noise, light being 0 to 1: of shot noise at full light, and of read noise."""
    log_shot = rng.uniform(np.log(_SHOT_LOW), np.log(_SHOT_HIGH))
    log_read = _SLOPE * log_shot + _OFFSET + rng.normal(0, _SPREAD)
    return float(np.exp(log_shot)), float(np.exp(log_read))


def add_noise(raw: np.ndarray, shot: float, read: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of variance shot · light + read, normally distributed (Foi et al. 2008), clipped where the sensor is full.

    Args:
        raw: float32 of any shape, light in [0, 1].
        shot: variance at full light.
        read: variance in the dark.
        rng: source of the noise.
    """
    deviation = np.sqrt(np.maximum(raw, 0) * np.float32(shot) + np.float32(read))
    # Black is not clipped: raw files keep levels below it, so that dark places do not turn gray.
    return np.minimum(raw + rng.standard_normal(raw.shape, np.float32) * deviation, 1)
