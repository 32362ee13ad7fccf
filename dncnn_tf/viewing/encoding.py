"""Pixels as a browser shows them: files of 8 bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ..images.arrays import from_float, to_float


def as_image(pixels: np.ndarray) -> Image.Image:
    """(H, W, 1 to 4) of any type, with 8 bits; floats are clipped to [0, 1]."""
    levels = pixels if pixels.dtype == np.uint8 else from_float(to_float(pixels), np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels[..., 0] if levels.shape[-1] == 1 else levels))


def as_png(image: Image.Image, icc: bytes | None = None) -> bytes:
    """A PNG file, made quickly."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, icc_profile=icc)
    return file.getvalue()


def as_thumbnail(image: Image.Image, side: int = 160) -> bytes:
    """A small JPEG file."""
    small = image.convert("RGB" if image.mode in ("RGB", "RGBA") else "L")
    small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return file.getvalue()
