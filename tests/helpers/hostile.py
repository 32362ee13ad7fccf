"""Image files that are sound in their parts and mean harm as a whole: each must be read or refused at once."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import signal
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tifffile
from PIL import Image

from .encoded import saved
from .waiting import HANGS

SHORT, LONG = 3, 4
MANY = 100_000

Entry = tuple[int, int, int, "int | Callable[[list[int]], int]"]
"""A tag, its type, how many values it has, and the one or where they are."""


class TooSlow(BaseException):  # no code under test takes it for a damaged file
    """Something took longer than it may."""


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """End what takes longer: with an exception, and where a library does not come back to Python, the process.

    Args:
        seconds: of a processor's time in this process, so that what else the machine does is not counted. What waits
            takes none, and is ended as a hang.
    """

    def stop(number: int, _: object) -> None:
        raise TooSlow(f"more than {seconds} s" if number == signal.SIGPROF else "it hangs")

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(HANGS)
    faulthandler.dump_traceback_later(2 * HANGS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def grey_page(side: int, data: int, **more: int) -> list[Entry]:
    """Tags of a page of 8-bit grey, whose pixels are at `data`; `more` are further ones, as `_330=offset`."""
    tags = {256: side, 257: side, 258: 8, 259: 1, 262: 1, 273: data, 277: 1, 278: side, 279: side * side}
    return sorted((tag, LONG, 1, value) for tag, value in (tags | {int(key[1:]): more[key] for key in more}).items())


def chained(
    pages: Sequence[list[Entry]],
    data: bytes,
    last: Callable[[list[int]], int] = lambda _: 0,
    *,
    big: bool = False,
) -> bytes:
    """A TIFF file: header, data at offset 8 (16 if big), and the pages' directories one after the other.

    Args:
        pages: the tags of each; a value that is a function gets where all pages are.
        data: what they name.
        last: where the last page says that the next one is, by where all are.
        big: whether offsets have 64 bits.
    """
    count, entry, offset = ("<Q", "<HHQQ", "<Q") if big else ("<H", "<HHLL", "<L")
    head = b"II+\0\10\0\0\0" if big else b"II*\0"
    starts, at = [], len(head) + struct.calcsize(offset) + len(data)
    for page in pages:
        starts.append(at)
        at += struct.calcsize(count) + len(page) * struct.calcsize(entry) + struct.calcsize(offset)
    parts = [head, struct.pack(offset, starts[0]), data]
    for page, following in zip(pages, [*starts[1:], last(starts)], strict=True):
        tags = ((*known, value(starts) if callable(value) else value) for *known, value in page)
        parts += [
            struct.pack(count, len(page)),
            *(struct.pack(entry, *tag) for tag in tags),
            struct.pack(offset, following),
        ]
    return b"".join(parts)


def stack(pages: int, dtype: type, shape: tuple[int, ...]) -> bytes:
    """A sound TIFF of many small pages."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for i in range(pages):
            level = i % 200 / (255 if np.issubdtype(dtype, np.floating) else 1)
            kind = "rgb" if len(shape) == 3 else "minisblack"
            writer.write(np.full(shape, level, dtype), metadata=None, photometric=kind)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file, with its sum."""
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def gif_of(frames: int) -> bytes:
    """A GIF with so many frames of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return head + frames * frame + b";"


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG that goes over its pixels again and again, without a word to say."""
    content = saved(Image.new("L", (side, side)), "JPEG", progressive=True)
    *_, last = (at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda")
    return content[:-2] + scans * content[last:-2] + content[-2:]


PIXELS = bytes(64)


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """Name and content of files that must come to an end at once, whatever is said of them."""
    page = grey_page(8, 8)
    yield "a page that is its own next.tif", chained([page], PIXELS, lambda starts: starts[0])
    yield "pages in a circle.tif", chained([page] * 3, PIXELS, lambda starts: starts[1])
    yield "a long circle.tif", chained([page] * 900, PIXELS, lambda starts: starts[450])
    yield "next page beyond the end.tif", chained([page], PIXELS, lambda _: 2**32 - 2)
    yield "pixels beyond the end.tif", chained([grey_page(8, 2**32 - 9)], PIXELS)
    yield "no page.tif", b"II*\0" + bytes(4)
    yield "too many pages.tif", chained([page] * MANY, PIXELS)
    for tag in (330, 34665, 34853):
        for where, offset in (("itself", 72), ("the header", 0), ("nowhere", 2**32 - 1)):
            yield f"directory {tag} that names {where}.tif", chained([grey_page(8, 8, **{f"_{tag}": offset})], PIXELS)
    profile = (34675, 7, 2_000_000, 72)
    yield "one profile for all.tif", chained([sorted([*page, profile])] * 900, PIXELS + bytes(2_000_000))
    exif = struct.pack("<H", 60_000) + 60_000 * struct.pack("<HHLL", 0x9286, 7, 700_000, 80)
    pages = [grey_page(8, 8, _34665=72)] * 900
    yield "one EXIF of many fields for all.tif", chained(pages, PIXELS + exif + bytes(4))
    yield "a page of 400 million pixels.tif", chained([grey_page(20_000, 8)], PIXELS)
    for kind in (np.uint16, np.float32):
        yield f"{kind.__name__} in tiles of a pixel.tif", _tiles(kind, 1, 12_000)
        yield f"{kind.__name__} in one tile of 4 billion.tif", _tiles(kind, 65_536, 16)
    header = png_chunk(b"IHDR", struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(bytes(2))) + png_chunk(b"IEND", b"")
    frames = png_chunk(b"acTL", struct.pack(">LL", 1_000_000, 0))
    yield "declares a million frames.png", b"\x89PNG\r\n\x1a\n" + header + frames + data
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)))
    yield "unpacks to much text.png", b"\x89PNG\r\n\x1a\n" + header + 2_000 * text + data
    yield "many chunks.png", b"\x89PNG\r\n\x1a\n" + header + MANY * png_chunk(b"tEXt", b"a\0b") + data
    yield "many frames.gif", gif_of(MANY)
    red = Image.new("RGB", (8, 8), "red")
    animated = saved(red, "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    at = animated.index(b"ANMF")
    end = at + 8 + int.from_bytes(animated[at + 4 : at + 8], "little")
    frames = animated[8:at] + MANY * animated[at:end]
    yield "many frames.webp", b"RIFF" + struct.pack("<L", len(frames)) + frames
    animated = saved(red, "AVIF", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    at = animated.index(b"stsz") + 8
    yield "declares a million frames.avif", animated[:at] + struct.pack(">LL", 1, 1_000_000) + animated[at + 8 :]
    yield "goes over its pixels 20,000 times.jpg", jpeg_of_scans(2_000, 20_000)
    several = saved(Image.new("RGB", (8, 8)), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    at = several.index(struct.pack("<HHL", 0xB001, 4, 1)) + 8
    yield "declares a million pictures.mpo.jpg", several[:at] + struct.pack("<L", 1_000_000) + several[at + 4 :]


def _tiles(kind: type, side: int, whole: int) -> bytes:
    """A page of RGB in tiles, of which there is but one."""
    buffer = io.BytesIO()
    tile = max(16, min(side, 64))
    tifffile.imwrite(buffer, np.zeros((tile, tile, 3), kind), tile=(tile, tile), photometric="rgb", metadata=None)
    content = bytearray(buffer.getvalue())
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        for tag, value in ((256, whole), (257, whole), (322, side), (323, side)):
            known = file.pages.first.tags[tag]
            struct.pack_into("<H" if known.dtype == SHORT else "<L", content, known.valueoffset, min(value, 65_535))
    return bytes(content)
