"""Grain of film, taken out of the pictures to be photographed.

The training pictures are scans, later JPEG files: their flat places are not flat. A network that is shown such grain as
clean learns to keep it, and keeps as much of a camera's noise, which looks alike.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from ...images.arrays import from_float


def without_grain(picture: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    """Smooth what varies by less than `sigma`, and keep what varies by more: the guided filter of He et al. 2010.

    Args:
        picture: uint8 (H, W, 3).
        sigma: standard deviation on the 0–255 scale in a window of which half is smoothed away.
        radius: of the square windows, in pixels.

    Returns:
        uint8 (H, W, 3).
    """
    image = picture.astype(np.float32) / np.float32(255)
    mean = _mean(image, radius)
    variance = np.maximum(_mean(image * image, radius) - mean * mean, 0).mean(axis=-1, keepdims=True)
    kept = variance / (variance + np.float32((sigma / 255) ** 2))  # (H, W, 1): one for all colors, so that none bleeds
    smooth = _mean(mean - kept * mean, radius) + _mean(np.broadcast_to(kept, image.shape), radius) * image
    return from_float(smooth, np.uint8)


def _mean(image: np.ndarray, radius: int) -> np.ndarray:
    """Over square windows, mirrored at the borders: (H, W, 3)."""
    size = 2 * radius + 1
    return uniform_filter(image, (size, size, 0))
