"""What a JPEG file says of its coding: the quality factor, from its quantisation tables, and how many scans it has."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, JpegImagePlugin

_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers that no data follow: temporary, restart, start of image."""


def jpeg_quality(tables: Mapping[int, Sequence[int]]) -> int:
    """The factor, 1 to 100, whose luminance table in libjpeg is nearest.

    Exact for files of libjpeg and of all that uses it; near for programs and cameras with tables of their own.

    Args:
        tables: quantisation tables by number, as Pillow gives them; 0 is luminance's.
    """
    distances = np.abs(np.log(_luminance_tables() / np.asarray(tables[0], float))).sum(axis=1)
    return int(distances.argmin()) + 1


def scan_count(content: bytes) -> int:
    """How many times a decoder goes over the pixels: once, or in progressive files, a dozen times or so.

    Args:
        content: a JPEG file; what follows the end of its first image does not count.
    """
    scans, position = 0, 2
    while marker := _MARKER.search(content, position):
        kind, position = marker[1][0], marker.end()
        if kind == _END_OF_IMAGE:
            break
        if kind not in _ALONE:
            scans += kind == _START_OF_SCAN
            position += int.from_bytes(content[position : position + 2])
    return scans


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
