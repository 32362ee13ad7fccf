"""Any array or PIL image to float32 batches in [0, 1], and back to what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image

ImageLike: TypeAlias = np.ndarray | Image.Image
ImageT = TypeVar("ImageT", np.ndarray, Image.Image)

_PIL_MODES = ("L", "LA", "RGB", "RGBA", "I;16")

# Unclipped noise leaves [0, 1], but not as far as an image of 0 to 255 that was not divided by 255.
_LOWEST, _HIGHEST = -4.0, 5.0


@dataclass(frozen=True)
class Batch:
    """Images as a network takes them, with what is needed to give them back.

    Attributes:
        pixels: float32 (N, H, W, C), C = 1 or 3, in [0, 1]; float input may leave the range slightly.
        alpha: transparency as it came, (N, H, W, 1), or None.
        ndim: of the array that came, 2 to 4.
        dtype: of the array that came.
        mode: PIL's mode, None for arrays.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    ndim: int
    dtype: np.dtype
    mode: str | None


def to_batch(image: ImageLike) -> Batch:
    """Bring an image or a batch into one form.

    Args:
        image: an array of uint8, uint16 (0–65535) or float (0–1), shaped (H, W), (H, W, C) or (N, H, W, C) with C = 1
            (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha); or a PIL image in mode L, LA, RGB, RGBA or I;16.

    Raises:
        TypeError: another type or PIL mode.
        ValueError: another shape, no pixels, NaN, or values far outside [0, 1].
    """
    mode = None
    if isinstance(image, Image.Image):
        mode = image.mode
        if mode not in _PIL_MODES:
            raise TypeError(f"PIL images must have mode {', '.join(_PIL_MODES)}: use convert. Received: mode={mode!r}")
    elif not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a NumPy array or a PIL image. Received: {type(image).__name__}")
    array = np.asarray(image)
    images = _as_nhwc(array)
    channels = images.shape[-1]
    alpha = images[..., -1:] if channels in (2, 4) else None
    color = images[..., :-1] if alpha is not None else images
    return Batch(_to_float(color), alpha, array.ndim, array.dtype, mode)


def _as_nhwc(array: np.ndarray) -> np.ndarray:
    images = array[..., None] if array.ndim == 2 else array
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[-1] not in (1, 2, 3, 4):
        raise ValueError(
            "image must be shaped (H, W), (H, W, C) or (N, H, W, C) with C = 1, 2 (grey and alpha), 3 or 4 (RGB and "
            f"alpha). Received: shape={array.shape}"
        )
    if images.size == 0:
        raise ValueError(f"image must have at least one pixel. Received: shape={array.shape}")
    return images


def _to_float(color: np.ndarray) -> np.ndarray:
    if color.dtype in (np.uint8, np.uint16):
        return color.astype(np.float32) / np.float32(np.iinfo(color.dtype).max)
    if not np.issubdtype(color.dtype, np.floating):
        raise ValueError(f"image must be uint8, uint16 or float. Received: dtype={color.dtype}")
    low, high = float(color.min()), float(color.max())
    if not (low >= _LOWEST and high <= _HIGHEST):  # NaN too
        raise ValueError(
            f"float images must be in [0, 1], without NaN. Received: values from {low:g} to {high:g}; "
            "divide by 255, or pass uint8 or uint16"
        )
    return color.astype(np.float32)


def from_batch(pixels: np.ndarray, like: Batch) -> Any:
    """The inverse of `to_batch`.

    Args:
        pixels: float32 (N, H, W, C) in [0, 1].
        like: what `to_batch` gave; its type, dimensions, dtype and alpha come back.

    Returns:
        An array or a PIL image.
    """
    color = from_float(pixels, like.dtype)
    images = color if like.alpha is None else np.concatenate([color, like.alpha], axis=-1)
    array = {2: images[0, ..., 0], 3: images[0], 4: images}[like.ndim]
    return array if like.mode is None else Image.fromarray(array)


def from_float(pixels: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """Float in [0, 1] to levels of uint8 or uint16, clipped and rounded to the nearest, or to another float type."""
    if np.issubdtype(dtype, np.floating):
        return pixels.astype(dtype)
    highest = np.float32(np.iinfo(dtype).max)
    return np.rint(np.clip(pixels, 0, 1) * highest).astype(dtype)
