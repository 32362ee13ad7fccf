"""A file's content, from a stream that may never end: by how it begins, it is an image, and how long it can be."""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image

from .formats import MAX_PIXELS, READABLE
from .picture import ImageError
from .size_limit import limited_to
from .tiff_pages import is_tiff

_HEAD = _PIECE = 2**20

_BYTES_OF_PIXEL = 32
"""Red, green, blue and alpha, each of 64 bits."""

_COMPRESSED = 8
"""How many times fewer that is in files of those kinds that do not say their size at once."""

_BESIDE = 2**28
"""Bytes that a file may have beside its pixels: profiles, a preview, the film that some telephones put behind it."""

UNKNOWN = (
    "not an image, damaged, or of an unknown kind; PNG, JPEG, TIFF, WebP, BMP, PGM, PPM, TGA, JPEG 2000 and AVIF can "
    "be read"
)


def read_content(stream: BinaryIO, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read an image file from a stream, and of what is none, or says or is too much, only the beginning.

    Args:
        stream: open for reading, at its beginning.
        max_pixels: what will be read of it.

    Raises:
        ImageError: it is no image, or longer than one of its size can be.
    """
    content = io.BytesIO()
    content.write(stream.read(_HEAD))
    most = _longest(content.getvalue(), max_pixels)
    while content.tell() <= most and (piece := stream.read(_PIECE)):
        content.write(piece)
    if content.tell() > most:
        raise ImageError(f"too large a file, more than {most / 1e6:,.0f} MB for its pixels; save it anew")
    return content.getvalue()


def _longest(head: bytes, max_pixels: int) -> int:
    """How many bytes a file can have that begins so."""
    if is_tiff(head):  # says its size anywhere, and may have several pages
        return _BYTES_OF_PIXEL * max_pixels + _BESIDE
    try:
        with limited_to(max_pixels), Image.open(io.BytesIO(head), formats=READABLE) as image:
            pixels = image.width * image.height
    except ImageError:
        raise
    except Exception:  # of some kinds, the beginning is too little
        if not head or not _is_known(head):
            raise ImageError("empty, 0 bytes; get a whole copy" if not head else UNKNOWN) from None
        pixels = max_pixels // _COMPRESSED
    return _BYTES_OF_PIXEL * pixels + _BESIDE


def _is_known(head: bytes) -> bool:
    """Whether one of the kinds that have a mark of their own begins so."""
    marks = (Image.OPEN[kind][1] for kind in READABLE if kind in Image.OPEN)
    return any(is_marked(head[:16]) is True for is_marked in marks if is_marked)
