"""What an opened image file says beside its pixels: EXIF data, tags, and how it was coded."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin

from . import tiff

FINE_QUALITY = 95
"""Of lossy files where nothing says how they were coded, or should be."""

_SUBFILE_TYPE = 254
_EXIF_BEGINS = b"Exif\0\0"


def tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    """The tags of an opened TIFF; of another file, none."""
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}


def sound_exif(image: Image.Image, notes: list[str]) -> bytes | None:
    """EXIF data, if it can be read; if not, a note says so.

    Args:
        image: opened.
        notes: for people.
    """
    try:
        content = _exif(image)
        parsed = Image.Exif()
        parsed.load(content or b"")
        parsed.tobytes()
        for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            parsed.get_ifd(group)
    except Exception:  # Pillow's parser fails in many ways
        notes.append("its EXIF data is damaged; the result does not keep it")
        return None
    return content


def _exif(image: Image.Image) -> bytes | None:
    """EXIF data; of a TIFF, whose tags hold EXIF and layout together, those that describe the picture."""
    if image.format != "TIFF":
        content: bytes | None = image.info.get("exif")
        # Pillow gives that of WebP without it, and JPEG's is found by it.
        return _EXIF_BEGINS + content if content and not content.startswith(_EXIF_BEGINS) else content
    tags, kept = image.getexif(), Image.Exif()
    kept.update({tag: value for tag, value in tags.items() if tag in tiff.PICTURE_TAGS})
    groups = {group: tags.get_ifd(group) for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)}
    for group, values in groups.items():
        if values:
            kept.get_ifd(group).update(values)
    return kept.tobytes() if len(kept) or any(groups.values()) else None


def sound_dpi(image: Image.Image) -> tuple[float, float] | None:
    """The resolution, if it is one."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if all(0 < value < math.inf for value in (across, down)) else None


def _is_lossless_webp(content: bytes) -> bool:
    """Whether a file's picture, which a profile may come before, is coded as WebP without loss."""
    at = 12
    while content[:4] == b"RIFF" and at + 8 <= len(content):
        kind, size = struct.unpack_from("<4sL", content, at)
        if kind in (b"VP8L", b"VP8 "):
            return bool(kind == b"VP8L")
        at += 8 + size + size % 2
    return False


def coding(image: Image.Image, content: bytes) -> dict[str, Any]:
    """How a file was coded, as options for Pillow's `save` in the same format.

    Args:
        image: opened.
        content: of the file.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):  # of several pictures (MPO) too
        sampling = JpegImagePlugin.get_sampling(image)
        return {
            "qtables": image.quantization,
            **({"subsampling": sampling} if sampling >= 0 else {}),
            **{key: image.info[key] for key in ("comment", "xmp") if key in image.info},
            "progressive": "progressive" in image.info,
        }
    if image.format in ("WEBP", "AVIF"):
        xmp = {"xmp": image.info["xmp"]} if "xmp" in image.info else {}
        # How coarsely it was coded, neither says.
        return ({"lossless": True} if _is_lossless_webp(content) else {"quality": FINE_QUALITY}) | xmp
    if image.format == "TIFF" and image.mode != "1":
        kind = tiff_tags(image).get(_SUBFILE_TYPE)
        compression = image.info["compression"].replace("tiff_jpeg", "jpeg")  # an old kind, which is written as the new
        return {
            "compression": compression,
            **({"quality": FINE_QUALITY} if compression == "jpeg" else {}),
            **({"subfiletype": kind} if isinstance(kind, int) and kind else {}),
        }
    return {}
