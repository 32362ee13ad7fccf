"""Read image files with all that a denoised copy must keep: depth, transparency, profile, EXIF, resolution, coding."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ..errors import first_line
from . import png as png_chunks
from . import tiff
from .formats import MAX_PIXELS
from .picture import ImageError, Picture
from .size_limit import limited_to, require_size

_READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA")
_AS_8_BITS = ("JPEG2000", "AVIF")

FINE_QUALITY = 95
"""Of lossy files where nothing says how they were coded, or should be."""

# Pillow's name of a mode, and of the mode it is read in where that is another, with what to say about it.
_CONVERTED = {
    "P": ("RGB", "palette picture; the result has full colour"),
    "1": ("L", "black-and-white picture; the result has 8-bit grey"),
}
_SUBFILE_TYPE = 254


def read(source: Path | str | bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file.

    Args:
        source: a path, or a file's content.
        max_pixels: refuse larger ones; of several pages together.

    Raises:
        ImageError: it is no image, damaged, too large, or of a kind of which something would be lost.
        OSError: the file cannot be opened.
    """
    if isinstance(source, bytes):
        with limited_to(max_pixels):
            return _decode(source, max_pixels)
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not an image file")
    if path.is_char_device() or path.is_block_device() or path.is_socket():
        raise ImageError(f"{path}: a device, not an image file")
    try:
        return read(path.read_bytes(), max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error.__cause__


def pixel_count(path: Path, *, max_pixels: int = MAX_PIXELS) -> int:
    """Width times height, from the file's header alone; 0 where that cannot be read, or is more than `max_pixels`."""
    try:
        with limited_to(max_pixels), Image.open(path, formats=_READABLE) as image:
            return image.width * image.height
    except Exception:  # `read` says what is wrong with it
        return 0


def _decode(content: bytes, max_pixels: int) -> Picture:
    try:
        return _picture(content, max_pixels)
    except ImageError:
        raise
    except Exception as error:  # libraries fail in many ways on damaged files
        raise ImageError(f"damaged ({first_line(error)}); get a whole copy") from error


def _picture(content: bytes, max_pixels: int) -> Picture:
    if tiff.holds_floats(content):
        return tiff.read_pages(content, max_pixels)
    image = _open(content)
    notes = _check_frames(image)
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    if pages > 1:
        require_size(_pixels_of_pages(image, pages), max_pixels)
    first, *others = (_page(image, content, i) for i in range(pages))
    return dataclasses.replace(first, notes=(*notes, *first.notes), pages=tuple(others))


def _pixels_of_pages(image: Image.Image, pages: int) -> int:
    total = 0
    for page in range(pages):
        image.seek(page)
        total += image.width * image.height
    image.seek(0)
    return total


def _page(image: Image.Image, content: bytes, index: int) -> Picture:
    notes: list[str] = []
    try:
        if index:
            image.seek(index)
        bits = _bits(image, content)
        _check_kept(image, bits)
        array = _array(image, content, bits, index, notes)
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        raise ImageError(f"damaged or cut short ({first_line(error)}); get a whole copy") from error
    alpha = array[..., -1] if array.shape[-1] in (2, 4) else None
    if image.format in _AS_8_BITS:
        notes.append(f"{image.format} is read with 8 bits for each channel, whatever it holds")
    return Picture(
        array[..., :-1] if alpha is not None else array,
        alpha,
        "JPEG" if image.format == "MPO" else str(image.format),
        icc=image.info.get("icc_profile"),
        exif=_sound_exif(image, notes),
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
    except UnidentifiedImageError:
        raise ImageError(
            "not an image, damaged, or of an unknown kind; PNG, JPEG, TIFF, WebP, BMP, PGM, PPM, TGA, JPEG 2000 and "
            "AVIF can be read"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"damaged or cut short ({first_line(error)}); get a whole copy") from error


def _check_frames(image: Image.Image) -> list[str]:
    if getattr(image, "n_frames", 1) == 1 or image.format == "TIFF":
        return []
    if image.format == "MPO":
        return ["holds several pictures; the result has the first alone"]
    raise ImageError("animated; split it into files of one picture")


def _bits(image: Image.Image, content: bytes) -> int:
    """Depth in the file, which Pillow's mode does not tell for 16-bit colour."""
    if image.format == "PNG":
        return max(8, content[24])
    if image.format == "TIFF":
        bits: tuple[int, ...] = _tags(image).get(ExifTags.Base.BitsPerSample, (1,))
        return max(8, *bits)
    if image.format == "PPM":
        return 16 if _highest_level(content) > 255 else 8
    return 8


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """A TIFF's."""
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}


def _highest_level(content: bytes) -> int:
    """What a PGM or PPM file calls white."""
    header = content[:2] + b" " + b" ".join(line.partition(b"#")[0] for line in content[2:999].split(b"\n"))
    return int(header.split()[3]) if content[:2] in (b"P2", b"P3", b"P5", b"P6") else 1


def _check_kept(image: Image.Image, bits: int) -> None:
    """Refuse what would lose something on the way."""
    if bits not in (8, 16):
        raise ImageError(f"{bits} bits for each channel; 8 and 16 can be read: convert it first")
    if image.format == "TIFF" and _tags(image).get(ExifTags.Base.SampleFormat, (1,))[0] != 1:
        raise ImageError("signed or complex numbers; unsigned ones can be read: convert it first")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "P", "PA", "1", "I", "I;16", "I;16B", "I;16L"):
        raise ImageError(f"colour mode {image.mode}; grey and RGB can be read: convert it first")
    if bits == 16 and "transparency" in image.info:
        raise ImageError("16 bits with a transparent colour; convert it to RGBA first")


def _array(image: Image.Image, content: bytes, bits: int, page: int, notes: list[str]) -> np.ndarray:
    """uint8 or uint16 (H, W, 1 to 4)."""
    if bits == 16:
        array = _sixteen_bits(image, content, page).astype(np.uint16)  # in this machine's order of bytes
    else:
        image.load()  # of a PNG, only now all of its description is known
        mode = _mode_to_read(image, notes)
        array = np.asarray(image if mode == image.mode else image.convert(mode))
    array = array.reshape(*array.shape[:2], -1)
    if array.shape[-1] > 4:
        raise ValueError(f"{array.shape[-1]} channels")  # libraries disagree on what a damaged file holds
    return array


def _sixteen_bits(image: Image.Image, content: bytes, page: int) -> np.ndarray:
    if image.mode.startswith("I"):
        array = np.asarray(image).astype(np.uint16)
        white_is_zero = image.format == "TIFF" and _tags(image)[ExifTags.Base.PhotometricInterpretation] == 0
        return 65535 - array if white_is_zero else array  # Pillow turns 8-bit ones round by itself
    # Pillow keeps the upper 8 bits of 16-bit colour.
    if image.format == "PNG":
        import imagecodecs

        return imagecodecs.png_decode(content)
    if image.format == "PPM":
        import netpbmfile

        array = netpbmfile.imread(io.BytesIO(content)).reshape(image.height, image.width, 3)
        highest = _highest_level(content)
        return array if highest == 65535 else np.rint(array * (65535 / highest)).astype(np.uint16)
    import tifffile

    array = tifffile.imread(io.BytesIO(content), key=page)
    planar = _tags(image).get(ExifTags.Base.PlanarConfiguration) == 2
    return np.moveaxis(array, 0, -1) if planar else array


def _mode_to_read(image: Image.Image, notes: list[str]) -> str:
    mode = image.mode
    if mode in _CONVERTED:
        mode, remark = _CONVERTED[mode]
        notes.append(remark)
    if image.mode == "PA" or "transparency" in image.info:
        return {"L": "LA", "RGB": "RGBA"}.get(mode, "RGBA")
    return mode


def _sound_exif(image: Image.Image, notes: list[str]) -> bytes | None:
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
        return image.info.get("exif")
    tags, kept = image.getexif(), Image.Exif()
    kept.update({tag: value for tag, value in tags.items() if tag in tiff.PICTURE_TAGS})
    groups = {group: tags.get_ifd(group) for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)}
    for group, values in groups.items():
        if values:
            kept.get_ifd(group).update(values)
    return kept.tobytes() if len(kept) or any(groups.values()) else None


def _coding(image: Image.Image, content: bytes) -> dict[str, Any]:
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
        return ({"lossless": True} if b"VP8L" in content[12:64] else {"quality": FINE_QUALITY}) | xmp
    if image.format == "TIFF" and image.mode != "1":
        kind = _tags(image).get(_SUBFILE_TYPE, 0)
        return {"compression": image.info["compression"], **({"subfiletype": kind} if kind else {})}
    return {}
