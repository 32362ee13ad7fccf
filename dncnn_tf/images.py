"""Read image files with all that a denoised copy must keep: depth, transparency, profile, EXIF, resolution, coding."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from . import png_chunks
from .arrays import from_float

_READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF")

# Pillow's name of a mode, and of the mode it is read in where that is another, with what to say about it.
_CONVERTED = {
    "P": ("RGB", "palette picture; the result has full colour"),
    "1": ("L", "black-and-white picture; the result has 8-bit grey"),
}
_TIFF_PICTURE_TAGS = {"ImageDescription", "Make", "Model", "Orientation", "Software", "DateTime", "Artist", "Copyright"}


class ImageError(Exception):
    """An image file cannot be read or written; the message says why and what to do."""


@dataclass(frozen=True)
class Picture:
    """One image file.

    Attributes:
        pixels: float32 (H, W, C) in [0, 1], C = 1 (grey) or 3 (RGB).
        alpha: transparency, uint8 or uint16 (H, W) by `bits`, or None.
        format: "PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM" (also for PGM), or "GIF", which cannot be written.
        bits: 8 or 16 for each channel.
        icc: colour profile.
        exif: EXIF data.
        dpi: resolution.
        coding: how the file was coded, as options for Pillow's `save` in the same format.
        chunks: of a PNG file: all it says besides its pixels, profile, EXIF and resolution included.
        notes: what the result will not keep, for people.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    format: str
    bits: int
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    coding: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[png_chunks.Chunk, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> np.ndarray:
        """The pixels as uint8 or uint16 (H, W, C), by `bits`."""
        return from_float(self.pixels, np.uint8 if self.bits == 8 else np.uint16)


def read(source: Path | str | bytes) -> Picture:
    """Read an image file.

    Args:
        source: a path, or a file's content.

    Raises:
        ImageError: it is no image, damaged, or of a kind of which something would be lost.
        OSError: the file cannot be opened.
    """
    if isinstance(source, bytes):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on large and on cut files; errors say it
            return _decode(source)
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not an image file")
    try:
        return read(path.read_bytes())
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error.__cause__


def pixel_count(path: Path) -> int:
    """Width times height, from the file's header alone; 0 where that cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_READABLE) as image:
                return image.width * image.height
    except Exception:  # `read` says what is wrong with it
        return 0


def _decode(content: bytes) -> Picture:
    try:
        return _picture(content)
    except ImageError:
        raise
    except Exception as error:  # libraries fail in many ways on damaged files
        raise ImageError(f"damaged ({_first_line(error)}); get a whole copy") from error


def _picture(content: bytes) -> Picture:
    image = _open(content)
    notes = _check_frames(image)
    bits = _bits(image, content)
    _check_kept(image, bits)
    try:
        array = _array(image, content, bits, notes)
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        raise ImageError(f"damaged or cut short ({_first_line(error)}); get a whole copy") from error
    alpha = array[..., -1] if array.shape[-1] in (2, 4) else None
    pixels = array[..., :-1] if alpha is not None else array
    return Picture(
        pixels.astype(np.float32) / np.float32(2**bits - 1),
        alpha,
        "JPEG" if image.format == "MPO" else image.format,
        bits,
        icc=image.info.get("icc_profile"),
        exif=_exif(image),
        dpi=image.info.get("dpi"),
        coding=_coding(image, content),
        chunks=png_chunks.read_kept(content) if image.format == "PNG" else (),
        notes=tuple(notes),
    )


def _open(content: bytes) -> Image.Image:
    if not content:
        raise ImageError("empty, 0 bytes; get a whole copy")
    try:
        return Image.open(io.BytesIO(content), formats=_READABLE)
    except Image.DecompressionBombError:
        limit = 2 * Image.MAX_IMAGE_PIXELS
        raise ImageError(f"too large, more than {limit / 1e6:.0f} million pixels; cut it into parts") from None
    except UnidentifiedImageError:
        raise ImageError(
            "not an image, damaged, or of an unknown kind; PNG, JPEG, TIFF, WebP, BMP, PGM and PPM can be read"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"damaged or cut short ({_first_line(error)}); get a whole copy") from error


def _check_frames(image: Image.Image) -> list[str]:
    if getattr(image, "n_frames", 1) == 1:
        return []
    if image.format == "MPO":
        return ["holds several pictures; the result has the first alone"]
    if image.format == "TIFF":
        raise ImageError(f"holds {image.n_frames} pages; split it into files of one page")
    raise ImageError("animated; split it into files of one picture")


def _bits(image: Image.Image, content: bytes) -> int:
    """Depth in the file, which Pillow's mode does not tell for 16-bit colour."""
    if image.format == "PNG":
        return max(8, content[24])
    if image.format == "TIFF":
        return max(8, *image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,)))
    if image.format == "PPM":
        header = content[:2] + b" " + b" ".join(line.partition(b"#")[0] for line in content[2:999].split(b"\n"))
        highest = int(header.split()[3]) if content[:2] in (b"P2", b"P3", b"P5", b"P6") else 1
        return 16 if highest > 255 else 8
    return 8


def _check_kept(image: Image.Image, bits: int) -> None:
    """Refuse what would lose something on the way."""
    if bits not in (8, 16) or image.mode == "F":
        raise ImageError(f"{bits} bits for each channel; 8 and 16 can be read: convert it first")
    if image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.SampleFormat, (1,))[0] != 1:
        raise ImageError("signed or complex numbers; unsigned ones can be read: convert it first")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "P", "PA", "1", "I", "I;16", "I;16B", "I;16L"):
        raise ImageError(f"colour mode {image.mode}; grey and RGB can be read: convert it first")
    if bits == 16 and "transparency" in image.info:
        raise ImageError("16 bits with a transparent colour; convert it to RGBA first")
    if bits == 16 and image.format == "PPM" and image.mode == "RGB":
        raise ImageError("16-bit PPM; convert it to PNG or TIFF first")


def _array(image: Image.Image, content: bytes, bits: int, notes: list[str]) -> np.ndarray:
    """uint8 or uint16 (H, W, 1 to 4)."""
    if bits == 16:
        array = _sixteen_bits(image, content)
    else:
        image.load()  # of a PNG, only now all of its description is known
        mode = _mode_to_read(image, notes)
        array = np.asarray(image if mode == image.mode else image.convert(mode))
    return array.reshape(*array.shape[:2], -1)


def _sixteen_bits(image: Image.Image, content: bytes) -> np.ndarray:
    if image.mode.startswith("I"):
        array = np.asarray(image).astype(np.uint16)
        white_is_zero = image.format == "TIFF" and image.tag_v2[ExifTags.Base.PhotometricInterpretation] == 0
        return 65535 - array if white_is_zero else array  # Pillow turns 8-bit ones round by itself
    # Pillow keeps the upper 8 bits of 16-bit colour.
    if image.format == "PNG":
        import imagecodecs

        return imagecodecs.png_decode(content)
    import tifffile

    array = tifffile.imread(io.BytesIO(content))
    planar = image.tag_v2.get(ExifTags.Base.PlanarConfiguration) == 2
    return np.moveaxis(array, 0, -1) if planar else array


def _mode_to_read(image: Image.Image, notes: list[str]) -> str:
    mode = image.mode
    if mode in _CONVERTED:
        mode, remark = _CONVERTED[mode]
        notes.append(remark)
    if image.mode == "PA" or "transparency" in image.info:
        return {"L": "LA", "RGB": "RGBA"}.get(mode, "RGBA")
    return mode


def _exif(image: Image.Image) -> bytes | None:
    """EXIF data; of a TIFF, whose tags hold EXIF and layout together, those that describe the picture."""
    if image.format != "TIFF":
        return image.info.get("exif")
    tags, kept = image.getexif(), Image.Exif()
    kept.update({tag: value for tag, value in tags.items() if ExifTags.TAGS.get(tag) in _TIFF_PICTURE_TAGS})
    groups = {group: tags.get_ifd(group) for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)}
    for group, values in groups.items():
        if values:
            kept.get_ifd(group).update(values)
    return kept.tobytes() if len(kept) or any(groups.values()) else None


def _coding(image: Image.Image, content: bytes) -> dict[str, Any]:
    if image.format in ("JPEG", "MPO"):
        sampling = JpegImagePlugin.get_sampling(image)
        return {
            "qtables": image.quantization,
            **({"subsampling": sampling} if sampling >= 0 else {}),
            **{key: image.info[key] for key in ("comment", "xmp") if key in image.info},
            "progressive": "progressive" in image.info,
        }
    if image.format == "WEBP":
        xmp = {"xmp": image.info["xmp"]} if "xmp" in image.info else {}
        return {"lossless": b"VP8L" in content[12:64], **xmp}
    if image.format == "TIFF" and image.mode != "1":
        return {"compression": image.info["compression"]}
    return {}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
