"""Image files as bytes, and a photograph to make them of."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage
import tifffile
from PIL import Image, ImageCms

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
"""A colour profile."""

_CHELSEA = Path(skimage.__file__).parent / "data/chelsea.png"


def chelsea() -> Image.Image:
    """A part of a photograph, RGB, 81×63."""
    with Image.open(_CHELSEA) as image:
        return image.convert("RGB").crop((60, 40, 141, 103))


def sixteen_bit(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """Noise that uses all 16 bits: uint16 (H, W, C)."""
    return np.random.default_rng(seed).integers(0, 65536, (height, width, channels), np.uint16)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """The content of a file of Pillow's."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def tiff_of(array: np.ndarray, **options: object) -> bytes:
    """The content of a file of tifffile's."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, metadata=None, **options)
    return buffer.getvalue()
