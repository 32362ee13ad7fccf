"""TIFF files beyond what Pillow keeps: floating-point numbers, 16-bit colour, several pages."""

from __future__ import annotations

import contextlib
import io
import logging
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .arrays import check_levels
from .picture import ImageError, Picture
from .size_limit import PixelBudget

if TYPE_CHECKING:
    import tifffile

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it says of damaged files, errors say

# Image description, make, model, software, date, artist, copyright.
_TEXT_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_ORIENTATION, _ORIENTATIONS = 274, range(1, 9)
PICTURE_TAGS = (*_TEXT_TAGS, _ORIENTATION)
"""Of a TIFF's tags, which hold EXIF data and the file's layout together, those that describe the picture."""

_PROFILE = 34675

# Compressions without loss by Pillow's names, with tifffile's; in place of others goes the second.
_COMPRESSIONS = {"raw": None, "tiff_adobe_deflate": "adobe_deflate", "tiff_lzw": "lzw", "packbits": "packbits"}
_OTHERWISE = "tiff_adobe_deflate"


# By TIFF's numbers, those whose unpacker is told how much a part holds: none, LZW, Deflate twice, PackBits, LZMA, Zstd.
_BOUNDED = (1, 5, 8, 32946, 32773, 34925, 50000)

# By TIFF's numbers: grey of which 0 is black, and RGB.
_KINDS = (1, 2)

_MULTIPLIED, _NOT_MULTIPLIED = 1, 2
"""TIFF's numbers for an alpha by which colours are multiplied, and for one by which they are not."""

_PHOTOMETRIC = 262

# Parts may share data: those of a page may be so many times as large as the file.
_SHARED = 8


def read_page(file: io.BytesIO, budget: PixelBudget) -> Picture:
    """Read a TIFF of one page of grey or RGB numbers, unsigned of 8 or 16 bits or floating-point.

    Args:
        file: as `TiffPages` gives it.
        budget: of all its pages.

    Raises:
        ImageError: it holds something else, or more pixels than are left.
    """
    with _opened(file, budget) as page:
        if page.axes not in ("YX", "YXS", "SYX"):
            raise ImageError(
                f"numbers in the order {page.axes}; pictures of rows and columns can be read: convert it first"
            )
        return _picture(page)


def is_deep_grey_with_alpha(file: io.BytesIO) -> bool:
    """Whether a TIFF of one page has 16 bits of grey and of alpha, which Pillow has no mode for."""
    try:
        page = _by_tifffile(file).pages.first
        deep = (page.samplesperpixel, page.bitspersample, page.sampleformat) == (2, 16, 1)
        return deep and page.extrasamples[:1] in ((_MULTIPLIED,), (_NOT_MULTIPLIED,))
    except Exception:  # of damaged files Pillow has said what is wrong
        return False


def read_levels(file: io.BytesIO, budget: PixelBudget) -> np.ndarray:
    """Read the numbers of a TIFF of one page, (H, W, C); arguments and errors as for `read_page`."""
    with _opened(file, budget) as page:
        return _levels(page)


@contextlib.contextmanager
def _opened(file: io.BytesIO, budget: PixelBudget) -> Iterator[tifffile.TiffPage]:
    """A page that unpacks to no more than it says, and says no more than is left."""
    with _by_tifffile(file) as tiff:
        page = tiff.pages.first
        if page.samplesperpixel > 4:
            raise ImageError(f"{page.samplesperpixel} channels; grey and RGB can be read: convert it first")
        if _PHOTOMETRIC in page.tags and page.photometric not in _KINDS:
            raise ImageError(f"numbers that mean {_kind(page)}; grey and RGB can be read: convert it first")
        if page.compression not in _BOUNDED:
            raise ImageError(
                f"compressed as {_compression(page)}; with such numbers Deflate, LZW, LZMA, PackBits and Zstd can be "
                "read: convert it first"
            )
        depth = page.imagedepth
        budget.spend(max(page.imagewidth * page.imagelength * depth, page.tilewidth * page.tilelength * page.tiledepth))
        shared = sum(page.databytecounts) > _SHARED * len(file.getbuffer())
        if shared or math.prod(page.chunked) > len(page.dataoffsets):
            raise ImageError("damaged or cut short, parts of it are missing; get a whole copy")
        yield page


def _by_tifffile(file: io.BytesIO) -> tifffile.TiffFile:
    """A file of one page; those of some microscopes and scanners tifffile would follow by rules of their own."""
    import tifffile

    file.seek(0)
    return tifffile.TiffFile(file, is_lsm=False, is_ndpi=False, is_scanimage=False)


def _levels(page: tifffile.TiffPage) -> np.ndarray:
    array = page.asarray()
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array = np.moveaxis(array, 0, -1) if page.axes == "SYX" else array
    array = array.reshape(*array.shape[:2], -1)
    multiplied = array.shape[-1] in (2, 4) and page.extrasamples[:1] == (_MULTIPLIED,)
    return _divided_by_alpha(array) if multiplied else array


def _divided_by_alpha(array: np.ndarray) -> np.ndarray:
    """Levels (H, W, C) that were multiplied by their alpha, the last channel, as they were before, up to white.

    Where alpha is 0 they stay as they are. Row by row, so that a large picture takes no more memory than its result.
    """
    white = 1 if np.issubdtype(array.dtype, np.floating) else np.iinfo(array.dtype).max
    divided = array.copy()
    for row in divided:
        share = row[:, -1:] / np.float64(white)
        levels = np.divide(row[:, :-1], share, out=row[:, :-1].astype(np.float64), where=share > 0)
        highest = max(white, row[:, :-1].max())
        row[:, :-1] = levels.clip(None, highest) if white == 1 else np.rint(levels.clip(0, highest))
    return divided


def _picture(page: tifffile.TiffPage) -> Picture:
    array = _levels(page)
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


def _kind(page: tifffile.TiffPage) -> str:
    """What its numbers mean, by tifffile's name."""
    import tifffile

    try:
        return tifffile.PHOTOMETRIC(page.photometric).name.lower()
    except ValueError:
        return "nothing known"


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
    turned = exif.get(_ORIENTATION)
    orientation = [(_ORIENTATION, 3, 1, turned, True)] if isinstance(turned, int) and turned in _ORIENTATIONS else []
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
