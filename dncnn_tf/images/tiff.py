"""TIFF files beyond what Pillow keeps: floating-point numbers, 16-bit colour, several pages."""

from __future__ import annotations

import dataclasses
import io
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .arrays import check_levels
from .picture import ImageError, Picture
from .size_limit import require_size

if TYPE_CHECKING:
    import tifffile

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it says of damaged files, errors say

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Image description, make, model, software, date, artist, copyright.
_TEXT_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_ORIENTATION = 274
PICTURE_TAGS = (*_TEXT_TAGS, _ORIENTATION)
"""Of a TIFF's tags, which hold EXIF data and the file's layout together, those that describe the picture."""

_PROFILE = 34675

# Compressions without loss by Pillow's names, with tifffile's; in place of others goes the second.
_COMPRESSIONS = {"raw": None, "tiff_adobe_deflate": "adobe_deflate", "tiff_lzw": "lzw", "packbits": "packbits"}
_OTHERWISE = "tiff_adobe_deflate"


def holds_floats(content: bytes) -> bool:
    """Whether a file is a TIFF of floating-point numbers, which Pillow reads in part and does not write."""
    if content[:4] not in _MAGIC:
        return False
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            return any(np.issubdtype(page.dtype, np.floating) for page in file.pages)
    except Exception:  # damaged; who reads it says so
        return False


def read_pages(content: bytes, max_pixels: int) -> Picture:
    """Read a TIFF of grey or RGB numbers, unsigned of 8 or 16 bits or floating-point.

    Raises:
        ImageError: it holds something else, or more than `max_pixels` pixels in all.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        require_size(sum(math.prod(page.shape[:2]) for page in file.pages), max_pixels)
        first, *others = (_read_page(page.aspage()) for page in file.pages)
    return dataclasses.replace(first, pages=tuple(others))


def _read_page(page: tifffile.TiffPage) -> Picture:
    if page.axes not in ("YX", "YXS", "SYX") or page.samplesperpixel > 4:
        raise ImageError(
            f"numbers in the order {page.axes}; pictures of rows and columns can be read: convert it first"
        )
    array = page.asarray()
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array = np.moveaxis(array, 0, -1) if page.axes == "SYX" else array
    array = array.reshape(*array.shape[:2], -1)
    alpha = array[..., -1] if array.shape[-1] in (2, 4) else None
    levels = array[..., :-1] if alpha is not None else array
    try:
        check_levels(levels, alpha)
    except ValueError as error:
        raise ImageError(str(error).replace("divide by 255, or pass uint8 or uint16", "scale it first")) from error
    tags = {code: page.tags[code].value for code in (*PICTURE_TAGS, _PROFILE) if code in page.tags}
    kept = Image.Exif()
    kept.update({code: value for code, value in tags.items() if code != _PROFILE})
    names = {value: name for name, value in _COMPRESSIONS.items() if value}
    return Picture(
        levels,
        alpha,
        "TIFF",
        icc=tags.get(_PROFILE),
        exif=kept.tobytes() if len(kept) else None,
        dpi=_resolution(page),
        coding={"compression": "raw" if page.compression == 1 else names.get(_compression(page), _OTHERWISE)},
    )


def _compression(page: tifffile.TiffPage) -> str:
    """By tifffile's name."""
    import tifffile

    return tifffile.COMPRESSION(page.compression).name.lower()


def _resolution(page: tifffile.TiffPage) -> tuple[float, float] | None:
    values = page.get_resolution(2) if "XResolution" in page.tags and "YResolution" in page.tags else (1, 1)
    return values if min(values) > 1 else None


def encode_pages(picture: Picture, arrays: Sequence[np.ndarray]) -> bytes:
    """A TIFF file.

    Args:
        picture: its first page, with the others.
        arrays: levels of each page, alpha included: (H, W, C).
    """
    import tifffile

    buffer = io.BytesIO()
    pages = (picture, *picture.pages)
    with tifffile.TiffWriter(buffer, bigtiff=sum(array.nbytes for array in arrays) > 2**31) as writer:
        for page, array in zip(pages, arrays, strict=True):
            writer.write(array if array.shape[-1] > 1 else array[..., 0], **_options(page, array))
    return buffer.getvalue()


def _options(page: Picture, array: np.ndarray) -> dict[str, Any]:
    exif = Image.Exif()
    exif.load(page.exif or b"")
    text = [(tag, 2, 0, str(exif[tag]), True) for tag in _TEXT_TAGS if tag in exif]
    orientation = [(_ORIENTATION, 3, 1, exif[_ORIENTATION], True)] if _ORIENTATION in exif else []
    own = page.coding.get("compression") if page.format == "TIFF" else None
    compression = _COMPRESSIONS[own if own in _COMPRESSIONS else _OTHERWISE]
    return {
        "photometric": "rgb" if array.shape[-1] >= 3 else "minisblack",
        "extrasamples": ["unassalpha"] if array.shape[-1] in (2, 4) else None,
        "planarconfig": "contig" if array.shape[-1] > 1 else None,
        "compression": compression,
        "predictor": compression in ("adobe_deflate", "lzw"),
        "iccprofile": page.icc,
        "resolution": page.dpi,
        "resolutionunit": "inch" if page.dpi else None,
        "subfiletype": page.coding.get("subfiletype", 0) if page.format == "TIFF" else 0,
        "extratags": text + orientation,
        "metadata": None,
        "software": False,
    }
