"""Luminance as the paper's super-resolution and JPEG experiments take it, and luma as JPEG files do."""

from __future__ import annotations

import numpy as np

STUDIO_SWING = 219 / 255
"""Range of Y: black is at 16/255, white at 235/255."""


def luminance(image: np.ndarray) -> np.ndarray:
    """Y of YCbCr, ITU-R BT.601 in studio swing, as MATLAB's `rgb2ycbcr`.

    Args:
        image: float (..., 3) RGB in [0, 1].

    Returns:
        float32 (...) in [16/255, 235/255].
    """
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return (16 / 255 + np.asarray(image, np.float64) @ weights).astype(np.float32)


def studio_swing(grey: np.ndarray) -> np.ndarray:
    """Full-range grey in [0, 1] to the range of Y: float32, any shape."""
    return np.float32(16 / 255) + grey * np.float32(STUDIO_SWING)


def luma(image: np.ndarray) -> np.ndarray:
    """Luma of RGB in full range, ITU-R BT.601, as JPEG's Y.

    Args:
        image: float (..., 3) RGB, or a difference of such.

    Returns:
        (...) of the same type and range.
    """
    red, green, blue = np.moveaxis(image, -1, 0)
    weighted: np.ndarray = 0.299 * red + 0.587 * green + 0.114 * blue
    return weighted
