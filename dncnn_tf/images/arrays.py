"""Any array or PIL image to batches of levels, levels to float32 in [0, 1], and back."""

from __future__ import annotations

import sys
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
    """Images in one form, with what is needed to give them back.

    Attributes:
        levels: (N, H, W, C), C = 1 or 3, of the dtype that came: uint8, uint16 or float.
        alpha: transparency as it came, (N, H, W, 1), or None.
        ndim: of the array that came, 2 to 4.
        mode: PIL's mode, None for arrays.
    """

    levels: np.ndarray
    alpha: np.ndarray | None
    ndim: int
    mode: str | None

    @property
    def pixels(self) -> np.ndarray:
        """float32 (N, H, W, C) in [0, 1]; float input may leave the range slightly."""
        return to_float(self.levels)


def to_batch(image: ImageLike) -> Batch:
    """Bring an image or a batch into one form.

    Args:
        image: an array of uint8, uint16 (0–65535) or float (0–1), shaped (H, W), (H, W, C) or (N, H, W, C) with C = 1
            (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha); or a PIL image in mode L, LA, RGB, RGBA or I;16.

    Raises:
        TypeError: another type or PIL mode, or a masked array.
        ValueError: another shape, no pixels, NaN, also in alpha, or values far outside [0, 1].
    """
    mode = None
    if isinstance(image, Image.Image):
        mode = image.mode
        if mode not in _PIL_MODES:
            raise TypeError(f"PIL images must have mode {', '.join(_PIL_MODES)}: use convert. Received: mode={mode!r}")
    elif not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a NumPy array or a PIL image. Received: {type(image).__name__}")
    if "numpy.ma" in sys.modules and isinstance(image, np.ma.MaskedArray):  # naming it imports it, which takes time
        raise TypeError("image must have a value for every pixel: use filled. Received: a masked array")
    array = np.asarray(image)
    images = _as_nhwc(array)
    channels = images.shape[-1]
    alpha = images[..., -1:] if channels in (2, 4) else None
    color = images[..., :-1] if alpha is not None else images
    check_levels(color, alpha)
    return Batch(color, alpha, array.ndim, mode)


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


def check_levels(levels: np.ndarray, alpha: np.ndarray | None) -> None:
    """Check the type of an image's levels and the range of floating-point ones, and that its alpha is made of numbers.

    Raises:
        ValueError: another type than uint8, uint16 or float; values far outside [0, 1], or NaN.
    """
    if levels.dtype in (np.uint8, np.uint16):
        return
    if not np.issubdtype(levels.dtype, np.floating):
        raise ValueError(f"image must be uint8, uint16 or float. Received: dtype={levels.dtype}")
    low, high = float(levels.min()), float(levels.max())
    if not (low >= _LOWEST and high <= _HIGHEST):  # NaN too
        raise ValueError(
            f"float images must be in [0, 1], without NaN. Received: values from {low:g} to {high:g}; "
            "divide by 255, or pass uint8 or uint16"
        )
    if alpha is not None and not np.isfinite(alpha).all():
        raise ValueError("the alpha of float images must be finite. Received: NaN or infinity; drop it, or set it to 1")


def from_batch(batch: Batch) -> Any:
    """The inverse of `to_batch`: an array or a PIL image."""
    images = batch.levels if batch.alpha is None else np.concatenate([batch.levels, batch.alpha], axis=-1)
    array = {2: images[0, ..., 0], 3: images[0], 4: images}[batch.ndim]
    return array if batch.mode is None else Image.fromarray(array)


def to_float(levels: np.ndarray) -> np.ndarray:
    """Levels of uint8, uint16 or float to float32 in [0, 1]; exactly undone by `from_float`."""
    if np.issubdtype(levels.dtype, np.floating):
        return levels.astype(np.float32)
    pixels = levels.astype(np.float32)
    pixels /= np.float32(np.iinfo(levels.dtype).max)
    return pixels


def from_float(pixels: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """Float in [0, 1] to levels of uint8 or uint16, clipped and rounded to the nearest, or to another float type."""
    if np.issubdtype(dtype, np.floating):
        return pixels.astype(dtype)
    scaled: np.ndarray = np.clip(pixels, 0, 1)
    scaled *= np.float32(np.iinfo(dtype).max)
    np.rint(scaled, out=scaled)
    return scaled.astype(dtype)
