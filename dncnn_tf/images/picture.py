"""One picture as it was in its file: levels, transparency, and all that a restored copy must keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DnCNNError
from . import png as png_chunks
from .arrays import to_float


class ImageError(DnCNNError):
    """An image file cannot be read or written; the message says why and what to do."""


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        levels: (H, W, C), C = 1 (grey) or 3 (RGB), as in the file: uint8, uint16 or, in [0, 1], float.
        alpha: transparency (H, W) of the same dtype, or None.
        format: Pillow's name of the file's format, such as "PNG", "JPEG", "TIFF" or "PPM" (also for PGM).
        icc: colour profile.
        exif: EXIF data.
        dpi: resolution.
        coding: how the file was coded, as options for Pillow's `save` in the same format.
        chunks: of a PNG file: all it says besides its pixels, profile, EXIF and resolution included.
        notes: what the result will not keep, for people.
        pages: of a TIFF file, the pages after this one.
    """

    levels: np.ndarray
    alpha: np.ndarray | None
    format: str
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    coding: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[png_chunks.Chunk, ...] = ()
    notes: tuple[str, ...] = ()
    pages: tuple[Picture, ...] = ()

    @property
    def bits(self) -> int:
        """Of each channel."""
        return self.levels.dtype.itemsize * 8

    @property
    def is_float(self) -> bool:
        """Whether the levels are floating-point numbers."""
        return bool(np.issubdtype(self.levels.dtype, np.floating))

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.levels.shape[-1])

    @property
    def pixels(self) -> np.ndarray:
        """float32 (H, W, C) in [0, 1]."""
        return to_float(self.levels)
