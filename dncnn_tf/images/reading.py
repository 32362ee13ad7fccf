"""Read image files with all that a denoised copy must keep: depth, transparency, profile, EXIF, resolution, coding."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from ..errors import first_line
from . import png as png_chunks
from . import tiff
from .content import UNKNOWN, read_content
from .formats import MAX_PIXELS, READABLE
from .jpeg import scan_count
from .metadata import coding, sound_dpi, sound_exif, tiff_tags
from .picture import ImageError, Picture
from .size_limit import PixelBudget, limited_to
from .tiff_pages import TiffPages, is_tiff

_AS_8_BITS = ("JPEG2000", "AVIF")

# Pillow's name of a mode, and of the mode it is read in where that is another, with what to say about it.
_CONVERTED = {
    "P": ("RGB", "palette picture; the result has full colour"),
    "1": ("L", "black-and-white picture; the result has 8-bit grey"),
}
_BENEATH = "has further pictures beneath its pages, such as smaller ones; the result does not keep them"
_MOST_SCANS = 100

_TILE_SIDES = (322, 323)


def read(source: Path | str | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file.

    Args:
        source: a path, a file's content, or a stream of it.
        max_pixels: refuse larger ones; of several pages together.

    Raises:
        ImageError: it is no image, damaged, too large, or of a kind of which something would be lost.
        OSError: the file cannot be opened.
    """
    if isinstance(source, bytes):
        with limited_to(max_pixels):
            return _decode(source, max_pixels)
    if not isinstance(source, str | Path):
        return read(read_content(source, max_pixels=max_pixels), max_pixels=max_pixels)
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not an image file")
    if path.is_char_device() or path.is_block_device() or path.is_socket():
        raise ImageError(f"{path}: a device, not an image file")
    try:
        with path.open("rb") as stream:
            return read(stream, max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error.__cause__


def pixel_count(path: Path, *, max_pixels: int = MAX_PIXELS) -> int:
    """Width times height, from the file's header alone; 0 where that cannot be read, or is more than `max_pixels`."""
    try:
        with limited_to(max_pixels), Image.open(path, formats=READABLE) as image:
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
    if is_tiff(content):
        pages = TiffPages(content, max_pixels)
        first, *others = _tiff_pages(pages, max_pixels)
        beneath = (_BENEATH,) if pages.have_others_beneath else ()
        return dataclasses.replace(first, pages=tuple(others), notes=(*beneath, *first.notes))
    file = io.BytesIO(content)
    image = _open(file)
    notes = _check_frames(image)
    if image.format in ("JPEG", "MPO") and (scans := scan_count(content)) > _MOST_SCANS:
        raise ImageError(f"a JPEG of {scans:,} scans, where a dozen would do; if you trust it, save it anew")
    picture = _page(image, file)
    return dataclasses.replace(picture, notes=(*notes, *picture.notes))


def _tiff_pages(pages: TiffPages, max_pixels: int) -> Iterator[Picture]:
    budget = PixelBudget(max_pixels)
    for file in pages:
        if pages.hold_floats:
            yield tiff.read_page(file, budget)
            continue
        try:
            image = TiffImagePlugin.TiffImageFile(file)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if tiff.is_deep_grey_with_alpha(file):
                yield tiff.read_page(file, budget)
                continue
            raise ImageError(
                f"a TIFF of an unknown kind, or damaged ({first_line(error)}); convert it, or get a whole copy"
            ) from error
        budget.spend(_largest_part(image))
        _check_whole(image)
        yield _page(image, file)


def _check_whole(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse a TIFF's page that does not name all of its parts, the rest of which Pillow leaves black."""
    in_planes = tiff_tags(image).get(ExifTags.Base.PlanarConfiguration) == 2 and len(image.tile) > 1
    planes = len(image.getbands()) if in_planes else 1
    parts = (part.extents or (0, 0, 0, 0) for part in image.tile)
    named = sum((right - left) * (lower - upper) for left, upper, right, lower in parts)
    if named < image.width * image.height * planes:
        raise ImageError("damaged or cut short, parts of it are missing; get a whole copy")


def _largest_part(image: Image.Image) -> int:
    """Pixels of a TIFF's page, or of one of its tiles where these are larger."""
    tile = [side if isinstance(side, int) else 0 for side in map(tiff_tags(image).get, _TILE_SIDES)]
    return max(image.width * image.height, math.prod(tile))


def _page(image: Image.Image, file: io.BytesIO) -> Picture:
    notes: list[str] = []
    try:
        bits = _bits(image, file)
        _check_kept(image, bits)
        array = _array(image, file, bits, notes)
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        raise ImageError(f"damaged or cut short ({first_line(error)}); get a whole copy") from error
    alpha = array[..., -1] if array.shape[-1] in (2, 4) else None
    if image.format in _AS_8_BITS:
        notes.append(f"{image.format} is read with 8 bits for each channel, whatever it holds")
    exif = sound_exif(image, notes)
    chunks = png_chunks.read_kept(file.getvalue()) if image.format == "PNG" else ()
    return Picture(
        array[..., :-1] if alpha is not None else array,
        alpha,
        "JPEG" if image.format == "MPO" else str(image.format),
        icc=image.info.get("icc_profile"),
        exif=exif,
        dpi=sound_dpi(image),
        coding=coding(image, file.getvalue()),
        chunks=tuple(chunk for chunk in chunks if exif or chunk[0] != png_chunks.EXIF),
        notes=tuple(notes),
    )


def _open(file: io.BytesIO) -> Image.Image:
    if not file.getbuffer():
        raise ImageError("empty, 0 bytes; get a whole copy")
    try:
        return Image.open(file, formats=READABLE)
    except UnidentifiedImageError:
        raise ImageError(UNKNOWN) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"damaged or cut short ({first_line(error)}); get a whole copy") from error


def _check_frames(image: Image.Image) -> list[str]:
    if not getattr(image, "is_animated", False):  # unlike `n_frames`, known without going through all of them
        return []
    if image.format == "MPO":
        return ["holds several pictures; the result has the first alone"]
    raise ImageError("animated; split it into files of one picture")


def _bits(image: Image.Image, file: io.BytesIO) -> int:
    """Depth in the file, which Pillow's mode does not tell for 16-bit colour."""
    if image.format == "PNG":
        return max(8, file.getbuffer()[24])
    if image.format == "TIFF":
        bits: tuple[int, ...] = tiff_tags(image).get(ExifTags.Base.BitsPerSample, (1,))
        return max(8, *bits)
    if image.format == "PPM":
        return 16 if _highest_level(file.getvalue()) > 255 else 8
    return 8


def _highest_level(content: bytes) -> int:
    """What a PGM or PPM file calls white."""
    header = content[:2] + b" " + b" ".join(line.partition(b"#")[0] for line in content[2:999].split(b"\n"))
    return int(header.split()[3]) if content[:2] in (b"P2", b"P3", b"P5", b"P6") else 1


def _check_kept(image: Image.Image, bits: int) -> None:
    """Refuse what would lose something on the way."""
    if bits not in (8, 16):
        raise ImageError(f"{bits} bits for each channel; 8 and 16 can be read: convert it first")
    if image.format == "TIFF" and tiff_tags(image).get(ExifTags.Base.SampleFormat, (1,))[0] != 1:
        raise ImageError("signed or complex numbers; unsigned ones can be read: convert it first")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "P", "PA", "1", "I", "I;16", "I;16B", "I;16L"):
        raise ImageError(f"colour mode {image.mode}; grey and RGB can be read: convert it first")
    if bits == 16 and "transparency" in image.info:
        raise ImageError("16 bits with a transparent colour; convert it to RGBA first")


def _array(image: Image.Image, file: io.BytesIO, bits: int, notes: list[str]) -> np.ndarray:
    """uint8 or uint16 (H, W, 1 to 4)."""
    if bits == 16:
        array = _sixteen_bits(image, file).astype(np.uint16)  # in this machine's order of bytes
    else:
        image.load()  # of a PNG, only now all of its description is known
        mode = _mode_to_read(image, notes)
        array = np.asarray(image if mode == image.mode else image.convert(mode))
    array = array.reshape(*array.shape[:2], -1)
    if array.shape[-1] > 4:
        raise ValueError(f"{array.shape[-1]} channels")  # libraries disagree on what a damaged file holds
    return array


def _sixteen_bits(image: Image.Image, file: io.BytesIO) -> np.ndarray:
    if image.mode.startswith("I"):
        array = np.asarray(image).astype(np.uint16)
        white_is_zero = image.format == "TIFF" and tiff_tags(image)[ExifTags.Base.PhotometricInterpretation] == 0
        return 65535 - array if white_is_zero else array  # Pillow turns 8-bit ones round by itself
    # Pillow keeps the upper 8 bits of 16-bit colour.
    if image.format == "PNG":
        import imagecodecs

        return imagecodecs.png_decode(file.getvalue())
    if image.format == "PPM":
        import netpbmfile

        array = netpbmfile.imread(io.BytesIO(file.getvalue())).reshape(image.height, image.width, 3)
        highest = _highest_level(file.getvalue())
        return array if highest == 65535 else np.rint(array * (65535 / highest)).astype(np.uint16)
    return tiff.read_levels(file, PixelBudget(_largest_part(image)))


def _mode_to_read(image: Image.Image, notes: list[str]) -> str:
    mode = image.mode
    if mode in _CONVERTED:
        mode, remark = _CONVERTED[mode]
        notes.append(remark)
    if image.mode == "PA" or "transparency" in image.info:
        return {"L": "LA", "RGB": "RGBA"}.get(mode, "RGBA")
    return mode
