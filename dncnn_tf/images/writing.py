"""Write image files: the format, depth and coding of the file a picture came from, or another format."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image

from ..files import atomic_path
from . import png as png_chunks
from . import tiff
from .arrays import from_float, to_float
from .metadata import FINE_QUALITY
from .orientation import orientation, upright
from .picture import ImageError, Picture

_WITH_ALPHA = ("PNG", "TIFF", "WEBP", "TGA", "JPEG2000", "AVIF")
_WITH_QUALITY = ("JPEG", "WEBP", "AVIF")
_PIXELS_ALONE = ("BMP", "PPM", "TGA", "JPEG2000")  # neither EXIF data nor a profile
_WITH_ANY_QUALITY = ("subsampling", "comment", "xmp", "progressive")


def write(
    picture: Picture,
    target: Path,
    format: str | None = None,
    quality: int | None = None,
    *,
    overwrite: bool = True,
    source: Path | None = None,
) -> None:
    """Write a file in one step: an interruption leaves the old one, or none.

    Args:
        picture: what to write.
        target: the file; its folder exists.
        format, quality: as for `encode`.
        overwrite: replace a file that is there by now, and keep its permissions and times.
        source: the file that the picture came from; a new one is as private as that.

    Raises:
        ImageError: the format cannot hold the picture.
        FileExistsError: there is a file, and `overwrite` is not given.
    """
    made = atomic_path(target, overwrite=overwrite, source=source, keep_times=True)
    with made as path, path.open("wb") as file:
        write_to(file, picture, format, quality)


def write_to(stream: BinaryIO, picture: Picture, format: str | None = None, quality: int | None = None) -> None:
    """Write a file's content; arguments and errors as for `write`."""
    stream.writelines(_encoded(picture, format or picture.format, quality))


def coded_anew(picture: Picture) -> Picture:
    """The picture, to be written finely where it came as a coarse JPEG file, whose blocks would be put back in."""
    if picture.format != "JPEG":
        return picture
    kept = {key: value for key, value in picture.coding.items() if key in ("comment", "xmp")}
    return dataclasses.replace(picture, coding={**_default_coding("JPEG"), **kept})


def losses(picture: Picture, format: str) -> list[str]:
    """What `format` will not keep of a picture, for people; `write` refuses greater losses."""
    lost = []
    if picture.bits > _bits(picture, format):
        lost.append(f"{format} holds 8 bits; the result does not keep all 16")
    special_tiff = format == "TIFF" and _needs_tifffile(picture)
    if picture.exif and (format in _PIXELS_ALONE or (special_tiff and _has_exif_groups(picture))):
        lost.append(f"the result does not keep all EXIF data as {format}")
    if picture.icc and format in _PIXELS_ALONE:
        lost.append(f"{format} is written without the colour profile")
    return lost


def _bits(picture: Picture, format: str) -> int:
    return picture.bits if format in ("PNG", "TIFF", "PPM") else 8


def _needs_tifffile(picture: Picture) -> bool:
    """Whether a TIFF of it is beyond Pillow."""
    return picture.is_float or bool(picture.pages) or _is_deep_color(picture, picture.bits)


def _is_deep_color(picture: Picture, bits: int) -> bool:
    """More than one channel of 16 bits, of which Pillow would keep the upper 8."""
    return bits == 16 and (picture.channels == 3 or picture.alpha is not None)


def _has_exif_groups(picture: Picture) -> bool:
    exif = Image.Exif()
    exif.load(picture.exif or b"")
    return any(exif.get_ifd(group) for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))


def encode(picture: Picture, format: str | None = None, quality: int | None = None) -> bytes:
    """The content of the file that `write` writes.

    Args:
        picture: what to write.
        format: "PNG", "JPEG", …; None for the picture's own.
        quality: 1 to 100, of formats that lose something; None for that of the file the picture came from.
    """
    return b"".join(_encoded(picture, format or picture.format, quality))


def _encoded(picture: Picture, format: str, quality: int | None) -> Iterable[bytes | memoryview]:
    """The content in parts, of which a large one is not copied."""
    require_holds(picture, format)
    picture = _as_seen(picture) if format in _PIXELS_ALONE else picture
    if format == "TIFF" and _needs_tifffile(picture):
        return [tiff.encode_pages(picture, [_array(page, page.levels.dtype) for page in (picture, *picture.pages)])]
    bits = _bits(picture, format)
    array = _array(picture, np.uint8 if bits == 8 else np.uint16)
    deep = _is_deep_color(picture, bits)
    if format == "PNG" and (deep or max(array.shape) <= png_chunks.LONGEST_SIDE):
        return png_chunks.replace_kept(png_chunks.encode(array), _chunks(picture))
    if deep:
        return _encode_ppm(array)
    image = Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array)
    return _encode(image, picture, format, quality)


def require_holds(picture: Picture, format: str) -> None:
    """Check that a format can hold a picture.

    Raises:
        ImageError: it cannot.
    """
    if format == "GIF":
        raise ImageError("GIF holds 256 colours, too few for the result; choose another `format`, such as png")
    if picture.pages and format != "TIFF":
        pages = 1 + len(picture.pages)
        raise ImageError(f"{format} does not keep {pages} pages; choose another `format`, such as tiff")
    if picture.is_float and format != "TIFF":
        raise ImageError(f"{format} does not keep floating-point numbers; choose another `format`, such as tiff")
    if picture.alpha is not None and format not in _WITH_ALPHA and (format, picture.format) != ("BMP", "BMP"):
        raise ImageError(f"{format} does not keep transparency; choose another `format`, such as png")


def _as_seen(picture: Picture) -> Picture:
    """The picture turned as EXIF says, which is not kept."""
    way = orientation(picture)
    alpha = None if picture.alpha is None else upright(picture.alpha, way)
    dpi = picture.dpi[::-1] if picture.dpi and way >= 5 else picture.dpi  # rows and columns change places
    return dataclasses.replace(picture, levels=upright(picture.levels, way), alpha=alpha, exif=None, dpi=dpi)


def _array(picture: Picture, dtype: np.dtype | type) -> np.ndarray:
    """Levels of a type (H, W, C), alpha included."""
    levels = picture.levels if picture.alpha is None else np.dstack([picture.levels, picture.alpha])
    return levels if levels.dtype == dtype else from_float(to_float(levels), dtype)


def _encode(image: Image.Image, picture: Picture, format: str, quality: int | None) -> Iterable[bytes | memoryview]:
    buffer = io.BytesIO()
    if format == "PNG":
        image.save(buffer, "PNG")
        return png_chunks.replace_kept(buffer.getbuffer(), _chunks(picture))
    options = picture.coding if format == picture.format else _default_coding(format)
    if quality is not None and options.get("compression") == "jpeg":
        options = {**options, "quality": quality}
    elif quality is not None and format in _WITH_QUALITY:
        kept = {key: value for key, value in options.items() if key in _WITH_ANY_QUALITY}
        options = {"quality": quality, **({"subsampling": 0} if format == "JPEG" else {}), **kept}
    if format == "TIFF" and _has_exif_groups(picture):
        options = {}  # Pillow writes EXIF's groups into uncompressed TIFF only
    said = {"icc_profile": picture.icc, "exif": picture.exif, "dpi": picture.dpi}
    try:
        image.save(buffer, format, **options, **{key: value for key, value in said.items() if value})
    except (OSError, ValueError) as error:
        raise ImageError(f"{format} cannot hold it ({error}); choose another `format`, such as png") from error
    return [buffer.getbuffer()]


def _default_coding(format: str) -> dict[str, Any]:
    codings: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": FINE_QUALITY, "subsampling": 0},
        "WEBP": {"quality": FINE_QUALITY},
        "AVIF": {"quality": FINE_QUALITY},
        "TIFF": {"compression": "tiff_adobe_deflate"},
    }
    return codings.get(format, {})


def _chunks(picture: Picture) -> tuple[png_chunks.Chunk, ...]:
    return picture.chunks or png_chunks.make(picture.icc, picture.exif, picture.dpi)


def _encode_ppm(array: np.ndarray) -> Iterable[memoryview]:
    import netpbmfile

    buffer = io.BytesIO()
    netpbmfile.imwrite(buffer, array)
    return [buffer.getbuffer()]
