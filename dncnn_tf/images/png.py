"""PNG files: their pixels, and their chunks, which say all else and are carried from one to another byte for byte."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

LONGEST_SIDE = 1_000_000
"""In pixels, of what `encode` takes."""

_SIGNATURE_LENGTH = 8

EXIF = b"eXIf"

# Colour, resolution, EXIF, text and time. Not what depends on the pixels' exact values or number format: tRNS, bKGD,
# sBIT, hIST, PLTE.
_KEPT = (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", EXIF, b"tEXt", b"zTXt", b"iTXt", b"tIME")

Chunk = tuple[bytes, bytes]


def encode(levels: np.ndarray) -> bytes:
    """A PNG file without loss, of pixels alone.

    Coding with Paeth's prediction and runs takes an eighth of the time that zlib's usual search for repetitions takes,
    which photographs have none of; benchmarks/speed/png.md has time and size of both.

    Args:
        levels: uint8 or uint16 (H, W, 1 to 4), H and W up to `LONGEST_SIDE`.
    """
    import imagecodecs

    runs, paeth = imagecodecs.PNG.STRATEGY.RLE, imagecodecs.PNG.FILTER.PAETH
    array = np.ascontiguousarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    filtered = array.nbytes + len(array)  # each row begins with its filter, as much again where it is one pixel wide
    room = filtered + filtered // 4 + 1024  # deflate cannot add more
    return bytes(imagecodecs.png_encode(array, level=1, strategy=runs, filter=paeth, out=room))


def read_kept(content: bytes) -> tuple[Chunk, ...]:
    """Kind and data of the chunks that outlive a change of pixels.

    Args:
        content: a PNG file.
    """
    return tuple((kind, data) for kind, data in _chunks(content) if kind in _KEPT)


def replace_kept(content: bytes | bytearray | memoryview, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """The same picture, in parts, with these chunks in place of those it has of their kinds.

    Args:
        content: a PNG file.
        chunks: as from `read_kept`.
    """
    rest = (chunk for chunk in _chunks(content) if chunk[0] not in _KEPT)
    yield bytes(content[:_SIGNATURE_LENGTH])
    yield _pack(*next(rest))
    for chunk in itertools.chain(chunks, rest):
        yield _pack(*chunk)


def make(icc: bytes | None, exif: bytes | None, dpi: tuple[float, float] | None) -> tuple[Chunk, ...]:
    """Chunks for a colour profile, EXIF data and a resolution that come from another format."""
    chunks = []
    if icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        per_metre = (round(value / 0.0254) for value in dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if exif:
        chunks.append((EXIF, exif.removeprefix(b"Exif\0\0")))
    return tuple(chunks)


def _chunks(content: bytes | bytearray | memoryview) -> Iterator[Chunk]:
    position = _SIGNATURE_LENGTH
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind = bytes(content[position + 4 : position + 8])
        yield kind, bytes(content[position + 8 : position + 8 + length])
        position += 12 + length


def _pack(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
