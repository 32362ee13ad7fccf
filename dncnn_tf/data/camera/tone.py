"""Tone curves: from the light that a sensor counts to the levels of a file, and back.

Each curve is sRGB's gamma (IEC 61966-2-1), then a contrast curve: part of the way from the straight line to
3x² − 2x³, the smooth step that Brooks et al. 2019 (section 3.1) take for all cameras.
"""

from __future__ import annotations

import functools

import numpy as np

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Contrast curves: 0 is none at all, 1 the full smooth step."""

_STEPS = 2**16  # of the table from light to levels; black's are the coarsest, 0.05 of 255


def levels(light: np.ndarray, strength: float) -> np.ndarray:
    """What a picture shows of linear light: float32 in [0, 1], clipped, of any shape → the same.

    Args:
        light: linear, 1 is the brightest that is not clipped.
        strength: one of `STRENGTHS`.
    """
    index = np.clip(light * np.float32(_STEPS - 1) + np.float32(0.5), 0, _STEPS - 1)
    return _levels_table(strength)[index.astype(np.int32)]


def light(picture: np.ndarray, strength: float) -> np.ndarray:
    """The inverse of `levels` for the levels of a file: uint8 of any shape → float32 in [0, 1]."""
    return _light_table(strength)[picture]


@functools.cache
def _levels_table(strength: float) -> np.ndarray:
    return _curve(np.linspace(0, 1, _STEPS), strength).astype(np.float32)


@functools.cache
def _light_table(strength: float) -> np.ndarray:
    grid = np.linspace(0, 1, 2**16) ** 2.4  # finer where the curve is steep
    return np.interp(np.arange(256) / 255, _curve(grid, strength), grid).astype(np.float32)


def _curve(linear: np.ndarray, strength: float) -> np.ndarray:
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    return (1 - strength) * gamma + strength * (3 * gamma**2 - 2 * gamma**3)
