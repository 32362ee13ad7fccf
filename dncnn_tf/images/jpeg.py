"""The quality factor that a JPEG file was saved with, from its quantisation tables."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, JpegImagePlugin


def jpeg_quality(tables: Mapping[int, Sequence[int]]) -> int:
    """The factor, 1 to 100, whose luminance table in libjpeg is nearest.

    Exact for files of libjpeg and of all that uses it; near for programs and cameras with tables of their own.

    Args:
        tables: quantisation tables by number, as Pillow gives them; 0 is luminance's.
    """
    distances = np.abs(np.log(_luminance_tables() / np.asarray(tables[0], float))).sum(axis=1)
    return int(distances.argmin()) + 1


@functools.cache
def _luminance_tables() -> np.ndarray:
    """(100, 64)."""
    tables = []
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("L", (1, 1)).save(file, "JPEG", quality=quality)
        file.seek(0)
        tables.append(JpegImagePlugin.JpegImageFile(file).quantization[0])
    return np.array(tables, float)
