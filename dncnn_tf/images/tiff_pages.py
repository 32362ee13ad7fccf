"""The pages of a TIFF file, each as a file of its own.

Libraries follow the chain of pages wherever it leads, back to where it came from too, and begin anew for each page; and
pages may name the same data as often as they like. Here the chain is followed once, before any library sees the file,
and what the pages name is added up. Then each is handed out as if it were the only one.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .picture import ImageError

# Order of bytes and whether offsets have 64 bits, by how a file begins; some writers turn the number 42 round.
_HEADERS = {
    b"II*\0": ("<", False),
    b"II\0*": ("<", False),
    b"MM\0*": (">", False),
    b"MM*\0": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}

_VALUE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""In bytes, by the number of a tag's type."""

_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}
"""How `struct` calls them, by the number of the type."""

_SAMPLE_FORMAT, _FLOATS = 339, 3
_SUBFILE_TYPE, _REDUCED = 254, 1
_BENEATH = 330
_EXIF, _GPS, _FOR_OTHERS = 34665, 34853, 40965
"""Tags that name a further directory; the last one is in the first one's."""

_SHARED = 8
"""Pages may share data, such as a profile: what they name in all may be so many times as large as the file."""

_ANY, _PIXELS_OF_PAGE = 1_000, 10_000
"""Pages that any file may have; of more, each takes the place of so many pixels, since small ones take time too."""


class _Page(NamedTuple):
    """Where a page's directory begins, and where in the file the next page is named; None where that is cut off."""

    start: int
    next_at: int | None


def is_tiff(content: bytes) -> bool:
    """Whether a file begins as a TIFF file does."""
    return content[:4] in _HEADERS


class TiffPages:
    """A TIFF file's pages, each as a file of its own that is good until the next one is asked for.

    Args:
        content: of a file that `is_tiff`.
        max_pixels: what a reader takes in all; how many pages there may be depends on it.

    Attributes:
        hold_floats: whether any page is of floating-point numbers.
        have_others_beneath: whether any page names further pictures beneath it, which are not among the pages.

    Raises:
        ImageError: the pages go round in a circle, lie beyond the end, are too many, name too much, or begin with a
            preview of the picture beneath it.
    """

    def __init__(self, content: bytes, max_pixels: int) -> None:
        self._order, big = _HEADERS[content[:4]]
        self._content = content
        self._count = struct.Struct(self._order + ("Q" if big else "H"))
        self._entry = struct.Struct(self._order + ("HHQ8s" if big else "HHL4s"))
        self._offset = struct.Struct(self._order + ("Q" if big else "L"))
        self._first_at = 8 if big else 4
        self._named = 0
        self.hold_floats = self.have_others_beneath = False
        self._pages = self._follow(max(_ANY, max_pixels // _PIXELS_OF_PAGE))

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Iterator[io.BytesIO]:
        file = io.BytesIO(self._content)
        for page in self._pages:
            with self._alone(file, page):
                yield file

    @contextlib.contextmanager
    def _alone(self, file: io.BytesIO, page: _Page) -> Iterator[None]:
        """Let the file begin with a page, and end after it."""
        wanted = {self._first_at: page.start, page.next_at: 0}
        as_it_is = {at: self._offset_at(at) for at in wanted if at is not None}
        changed = {at: offset for at, offset in as_it_is.items() if wanted[at] != offset}
        self._patch(file, {at: wanted[at] for at in changed})
        file.seek(0)
        yield
        self._patch(file, changed)

    def _patch(self, file: io.BytesIO, offsets: dict[int, int]) -> None:
        for at, offset in offsets.items():
            file.seek(at)
            file.write(self._offset.pack(offset))

    def _follow(self, most: int) -> list[_Page]:
        pages: list[_Page] = []
        seen: set[int] = set()
        start = self._offset_at(self._first_at)
        while start:
            if start in seen:
                raise ImageError("damaged, its pages go round in a circle; get a whole copy")
            if len(pages) == most:
                raise ImageError(f"more than {most:,} pages; split it, or if you trust it, give a higher `max_pixels`")
            seen.add(start)
            end = self._read_directory(start, (_EXIF, _GPS))
            if end is None:
                raise ImageError("damaged or cut short, a page lies beyond its end; get a whole copy")
            next_at = end if end + self._offset.size <= len(self._content) else None
            pages.append(_Page(start, next_at))
            start = 0 if next_at is None else self._offset_at(next_at)
        if not pages:
            raise ImageError("damaged, there is no page in it; get a whole copy")
        return pages

    def _offset_at(self, at: int) -> int:
        if at + self._offset.size > len(self._content):
            raise ImageError("damaged or cut short, it ends in its header; get a whole copy")
        offset: int = self._offset.unpack_from(self._content, at)[0]
        return offset

    def _read_directory(self, start: int, further: tuple[int, ...]) -> int | None:
        """Add up what a directory names, those that it names by `further` tags included.

        Returns:
            Where its entries end; None if that is beyond the end of the file.
        """
        entries = start + self._count.size
        if entries > len(self._content):
            return None
        end: int = entries + self._count.unpack_from(self._content, start)[0] * self._entry.size
        if end > len(self._content):
            return None
        self._name(end - start)
        reduced = beneath = False
        for tag, kind, count, data in self._entry.iter_unpack(memoryview(self._content)[entries:end]):
            size = count * _VALUE_SIZES.get(kind, 0)
            if len(data) < size <= len(self._content):  # what is larger than the file, no library reads
                self._name(size)
            if tag == _SAMPLE_FORMAT and _FLOATS in self._numbers(kind, count, data):
                self.hold_floats = True
            elif tag == _SUBFILE_TYPE:
                reduced = any(number & _REDUCED for number in self._numbers(kind, count, data)[:1])
            elif tag == _BENEATH:
                beneath = True
            elif tag in further:
                for offset in self._numbers(kind, count, data)[:1]:
                    self._read_directory(offset, (_FOR_OTHERS,) if tag == _EXIF else ())
        if reduced and beneath and start == self._offset_at(self._first_at):
            raise ImageError("a preview, with the picture itself beneath it, as in camera raw files; develop it first")
        self.have_others_beneath |= beneath
        return end

    def _numbers(self, kind: int, count: int, data: bytes) -> tuple[int, ...]:
        """A tag's first values; none where they are no whole numbers, or not in the file."""
        format = _WHOLE_NUMBERS.get(kind)
        if format is None:
            return ()
        if count * _VALUE_SIZES[kind] > len(data):
            start = self._offset.unpack(data)[0]
            data = self._content[start : start + 8 * _VALUE_SIZES[kind]]
        count = min(count, 8, len(data) // _VALUE_SIZES[kind])
        return struct.unpack_from(f"{self._order}{count}{format}", data)

    def _name(self, size: int) -> None:
        self._named += size
        if self._named > _SHARED * len(self._content):
            raise ImageError("damaged, its pages name the same data over and over; get a whole copy")
