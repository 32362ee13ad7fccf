"""Write image files: the format, depth and coding of the file a picture came from, or another format."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from . import png_chunks
from .arrays import from_float
from .files import atomic_path
from .images import ImageError, Picture

_WITH_ALPHA = ("PNG", "TIFF", "WEBP")
_JPEG_QUALITY = _WEBP_QUALITY = 95

# What a TIFF's EXIF data says in text, for the writer of 16-bit colour.
_TIFF_TEXT_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_TIFF_ORIENTATION = 274


def write(picture: Picture, target: Path, format: str | None = None) -> None:
    """Write a file in one step: an interruption leaves the old one, or none.

    Args:
        picture: what to write.
        target: the file; its folder exists.
        format: "PNG", "JPEG", …; None for the picture's own.

    Raises:
        ImageError: the format cannot hold the picture.
    """
    content = encode(picture, format)
    with atomic_path(target) as path:
        path.write_bytes(content)


def coded_anew(picture: Picture) -> Picture:
    """The picture, to be written finely where it came as a coarse JPEG file, whose blocks would be put back in."""
    if picture.format != "JPEG":
        return picture
    kept = {key: picture.coding[key] for key in ("comment", "xmp") if key in picture.coding}
    return dataclasses.replace(picture, coding={**_default_coding("JPEG"), **kept})


def losses(picture: Picture, format: str) -> list[str]:
    """What `format` will not keep of a picture, for people; `write` refuses greater losses."""
    lost = []
    if picture.bits > _bits(picture, format):
        lost.append(f"{format} holds 8 bits; the result does not keep all 16")
    deep_tiff = format == "TIFF" and _is_deep_color(picture, picture.bits)
    if picture.exif and (format in ("BMP", "PPM") or (deep_tiff and _has_exif_groups(picture))):
        lost.append(f"the result does not keep all EXIF data as {format}")
    if picture.icc and format == "PPM":
        lost.append("PPM holds no colour profile; the result does not keep it")
    return lost


def _bits(picture: Picture, format: str) -> int:
    return picture.bits if format in ("PNG", "TIFF", "PPM") else 8


def _is_deep_color(picture: Picture, bits: int) -> bool:
    """More than one channel of 16 bits, of which Pillow would keep the upper 8."""
    return bits == 16 and (picture.pixels.shape[-1] == 3 or picture.alpha is not None)


def _has_exif_groups(picture: Picture) -> bool:
    exif = Image.Exif()
    exif.load(picture.exif or b"")
    return any(exif.get_ifd(group) for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))


def encode(picture: Picture, format: str | None = None) -> bytes:
    """The content of the file that `write` writes."""
    format = format or picture.format
    require_holds(picture, format)
    bits = _bits(picture, format)
    array = _array(picture, bits)
    if _is_deep_color(picture, bits):
        return _encode_deep_color(array, picture, format)
    image = Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array)
    return _encode(image, picture, format)


def require_holds(picture: Picture, format: str) -> None:
    """Check that a format can hold a picture.

    Raises:
        ImageError: it cannot.
    """
    if format == "GIF":
        raise ImageError("GIF holds 256 colours, too few for the result; choose another format: --format png")
    if picture.alpha is not None and format not in _WITH_ALPHA and (format, picture.format) != ("BMP", "BMP"):
        raise ImageError(f"{format} does not keep transparency; choose another format: --format png")
    if _is_deep_color(picture, _bits(picture, format)) and format not in ("PNG", "TIFF"):
        raise ImageError(f"{format} does not keep 16-bit colour; choose another format: --format png")


def _array(picture: Picture, bits: int) -> np.ndarray:
    """uint8 or uint16 (H, W, C), alpha included."""
    dtype = np.uint8 if bits == 8 else np.uint16
    color = from_float(picture.pixels, dtype)
    if picture.alpha is None:
        return color
    alpha = picture.alpha if picture.alpha.dtype == dtype else from_float(picture.alpha / np.float32(65535), dtype)
    return np.concatenate([color, alpha[..., None]], axis=-1)


def _encode(image: Image.Image, picture: Picture, format: str) -> bytes:
    buffer = io.BytesIO()
    if format == "PNG":
        image.save(buffer, "PNG")
        return png_chunks.replace_kept(buffer.getvalue(), _chunks(picture))
    options = picture.coding if format == picture.format else _default_coding(format)
    if format == "TIFF" and _has_exif_groups(picture):
        options = {}  # Pillow writes EXIF's groups into uncompressed TIFF only
    said = {"icc_profile": picture.icc, "exif": picture.exif, "dpi": picture.dpi}
    try:
        image.save(buffer, format, **options, **{key: value for key, value in said.items() if value})
    except (OSError, ValueError) as error:
        raise ImageError(f"{format} cannot hold it ({error}); choose another format: --format png") from error
    return buffer.getvalue()


def _default_coding(format: str) -> dict[str, Any]:
    return {
        "JPEG": {"quality": _JPEG_QUALITY, "subsampling": 0},
        "WEBP": {"quality": _WEBP_QUALITY},
        "TIFF": {"compression": "tiff_adobe_deflate"},
    }.get(format, {})


def _chunks(picture: Picture) -> tuple[png_chunks.Chunk, ...]:
    return picture.chunks or png_chunks.make(picture.icc, picture.exif, picture.dpi)


def _encode_deep_color(array: np.ndarray, picture: Picture, format: str) -> bytes:
    if format == "PNG":
        import imagecodecs

        return png_chunks.replace_kept(imagecodecs.png_encode(array), _chunks(picture))
    return _encode_deep_tiff(array, picture)


def _encode_deep_tiff(array: np.ndarray, picture: Picture) -> bytes:
    import tifffile

    exif = Image.Exif()
    exif.load(picture.exif or b"")
    text = [(tag, 2, 0, str(exif[tag]), True) for tag in _TIFF_TEXT_TAGS if tag in exif]
    orientation = [(_TIFF_ORIENTATION, 3, 1, exif[_TIFF_ORIENTATION], True)] if _TIFF_ORIENTATION in exif else []
    compressed = picture.format != "TIFF" or picture.coding["compression"] != "raw"
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        array,
        photometric="rgb" if array.shape[-1] >= 3 else "minisblack",
        extrasamples=["unassalpha"] if array.shape[-1] in (2, 4) else None,
        planarconfig="contig",
        compression="adobe_deflate" if compressed else None,
        predictor=compressed,
        iccprofile=picture.icc,
        resolution=picture.dpi,
        resolutionunit="inch" if picture.dpi else None,
        extratags=text + orientation,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()
