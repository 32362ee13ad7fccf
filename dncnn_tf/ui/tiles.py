"""Parts of a picture as the browser shows them: PNG files of 8 bits, in full size or smaller."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..viewing.encoding import as_image, as_png

SIDE = 512
"""Of a tile, in pixels of the screen."""

_MARGIN = 8  # pixels around a tile that enlarging and shrinking look at, at each level


def tile(pixels: np.ndarray, x: int, y: int, *, level: int = 0, enlargement: int = 1, icc: bytes | None) -> bytes:
    """One tile of a picture.

    Args:
        pixels: (H, W, 1 to 4) as they are seen, of any type.
        x, y: which tile, counted in tiles.
        level: how often the picture is halved.
        enlargement: how many times it is enlarged before, bicubically.
        icc: its colour profile.

    Raises:
        IndexError: there is no such tile.
    """
    size = SIDE * 2**level
    height, width = (side * enlargement for side in pixels.shape[:2])
    left, top, right, bottom = size * x, size * y, min(size * (x + 1), width), min(size * (y + 1), height)
    if not (0 <= left < right and 0 <= top < bottom):
        raise IndexError(f"tile {x}, {y}")
    margin = _MARGIN * 2**level
    first = [max(0, edge // enlargement - margin) for edge in (left, top)]
    last = [-(-edge // enlargement) + margin for edge in (right, bottom)]
    image = as_image(pixels[first[1] : last[1], first[0] : last[0]])
    shown = -(-(right - left) // 2**level), -(-(bottom - top) // 2**level)
    west, north, east, south = (edge / enlargement - first[i % 2] for i, edge in enumerate((left, top, right, bottom)))
    image = image.resize(shown, Image.Resampling.BICUBIC, box=(west, north, east, south), reducing_gap=2.0)
    return as_png(image, icc)
