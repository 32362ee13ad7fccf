"""How many pixels a picture may have, for one call in one thread.

Pillow's own limit, `PIL.Image.MAX_IMAGE_PIXELS`, is one number for the whole process. To change it would change what
other threads, and the code that uses this package, may read; so it stays as it is, and within `limited_to` another
number takes its place.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar

from PIL import Image

from .picture import ImageError

_limit: ContextVar[int | None] = ContextVar("most pixels of a picture", default=None)


def require_size(pixels: int, max_pixels: int) -> None:
    """Refuse what is too large to be unpacked without being asked.

    Raises:
        ImageError: too many pixels.
    """
    if pixels > max_pixels:
        raise ImageError(
            f"too large, more than {max_pixels / 1e6:g} million pixels; if you trust it, give a higher `max_pixels`"
        )


class PixelBudget:
    """What the pages of one file may still have, of all the pixels that a picture may have.

    Args:
        max_pixels: of all pages together.
    """

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels, self._spent = max_pixels, 0

    def spend(self, pixels: int) -> None:
        """Ask for the pixels of a page before it is unpacked.

        Raises:
            ImageError: that is more than is left.
        """
        self._spent += pixels
        require_size(self._spent, self._max_pixels)


@contextlib.contextmanager
def limited_to(max_pixels: int) -> Iterator[None]:
    """Pillow refuses pictures of more pixels, and no others, in this thread while the block runs.

    Raises:
        ImageError: what is opened in the block is larger.
    """
    token = _limit.set(max_pixels)
    try:
        yield
    finally:
        _limit.reset(token)


@functools.wraps(_pillows_check := Image._decompression_bomb_check)
def _check(size: tuple[int, int], **options: bool) -> None:
    limit = _limit.get()
    if limit is None:
        _pillows_check(size, **options)
    else:
        require_size(size[0] * size[1], limit)


# Each of Pillow's readers calls this function by its name before it takes memory for a picture.
Image._decompression_bomb_check = _check
