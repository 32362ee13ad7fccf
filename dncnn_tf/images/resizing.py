"""Bicubic resizing as MATLAB's `imresize`: Keys' kernel (a = -0.5), anti-aliased when shrinking, mirrored borders."""

from __future__ import annotations

import numpy as np
from PIL import Image

_REACH = 3  # low-resolution pixels that the kernel reaches past a border: its radius of 2, rounded up by the phase


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge by a whole factor, rows before columns.

    Args:
        image: float32 (H, W, C), [0, 1].
        scale: 2 or more.

    Returns:
        float32 (scale·H, scale·W, C); ringing may leave [0, 1] slightly.
    """
    planes = (image[..., i] for i in range(image.shape[-1]))
    return np.stack([enlarge_axis(enlarge_axis(plane, 0, scale), 1, scale) for plane in planes], axis=-1)


def enlarge_axis(plane: np.ndarray, axis: int, scale: int) -> np.ndarray:
    """Enlarge a float32 (H, W) along one axis."""
    return _resize(plane, axis, _REACH, scale * _REACH)


def shrink_axis(plane: np.ndarray, axis: int, scale: int) -> np.ndarray:
    """Shrink a float32 (H, W), whose side is a multiple of `scale`, along one axis."""
    return _resize(plane, axis, scale * _REACH, _REACH)


def _resize(plane: np.ndarray, axis: int, margin: int, margin_after: int) -> np.ndarray:
    """Resize by margin_after / margin with mirrored borders; Pillow's own borders are cut off."""
    margins = [(margin, margin) if axis == i else (0, 0) for i in (0, 1)]
    padded = np.pad(plane, margins, mode="symmetric")
    height, width = (side * margin_after // margin if axis == i else side for i, side in enumerate(padded.shape))
    resized = np.asarray(Image.fromarray(padded).resize((width, height), Image.Resampling.BICUBIC))
    return resized[margin_after:-margin_after] if axis == 0 else resized[:, margin_after:-margin_after]
