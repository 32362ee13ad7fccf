"""Large images in parts: the same result as in one piece, in bounded memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import psutil

from ..errors import OptionError

DEFAULT_MEMORY = 2 * 2**30
"""Bytes that a process makes do with where nothing else is said."""

# What a process that is larger already may take beside where nothing is said.
_MORE = 2**30

AT_START = 700 * 2**20
"""Bytes that a process has when TensorFlow is there."""

# Beside the network's feature maps and the picture itself: the result, and what its coding into a file takes.
_COPIES = 3

# A layer of 64 feature maps in float32 and the one made from it; measured: 540 bytes for each pixel.
BYTES_PER_PIXEL = 600

# Larger pieces are not faster, and this way progress shows every few seconds.
_LARGEST_TILE = 1024
_SMALLEST_TILE = 32

# Pixels of a row that kernels compute at a time: rows of 1,030 pixels take up to a quarter longer for each than 1,040.
_AT_A_TIME = 16

Tile = int | Literal["auto"]
Progress = Callable[[float], None]


def require_parts(tile: Tile, max_memory: int | None) -> None:
    """Check what a caller says of the parts that an image is done in.

    Raises:
        OptionError: one is out of range.
    """
    if tile != "auto" and (not isinstance(tile, int | np.integer) or tile < 0):
        raise OptionError(f'`tile` must be "auto", 0 or a number of pixels. Received: {tile!r}')
    if max_memory is not None and (not isinstance(max_memory, int | np.integer) or max_memory < 1):
        raise OptionError(f"`max_memory` must be None or a whole number of bytes, at least 1. Received: {max_memory!r}")


def in_parts(
    function: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    *,
    halo: int,
    tile: Tile = "auto",
    max_memory: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Apply a function to tiles that overlap; the result is that of the whole images at once.

    Tiles reach to the images' border and no further, so that a network's zero padding lies where it would lie without
    tiles.

    Args:
        function: makes an array of the same shape and dtype of (n, h, w, C); a pixel depends on others up to `halo`
            away.
        images: (N, H, W, C).
        halo: in pixels.
        tile: largest side of a tile in pixels without a halo around it, 0 for the whole image, "auto" for what fits.
        max_memory: bytes that the process may take, as for `dncnn_tf.denoise`.
        progress: called with the share that is done, up to 1.

    Returns:
        As `images`.
    """
    count, height, width, _ = images.shape
    memory = memory_left(max_memory, images.nbytes)
    side = tile_side(height, width, halo, memory) if tile == "auto" else tile
    results = np.empty_like(images)
    done = 0
    for core, inner, outer in _windows(height, width, side, halo):
        piece = images[:, *outer]
        together = max(1, memory // (BYTES_PER_PIXEL * piece.shape[1] * piece.shape[2]))
        for start in range(0, count, together):
            some = slice(start, start + together)
            results[some, *core] = function(piece[some])[:, *inner]
            done += results[some, *core].size
            if progress is not None:
                progress(done / images.size)
    return results


def tile_side(height: int, width: int, halo: int, memory: int) -> int:
    """The tile size that "auto" stands for, with so many bytes for feature maps: 0 when the image fits in one piece."""
    pixels = min(memory // BYTES_PER_PIXEL, (_LARGEST_TILE + 2 * halo) ** 2)
    if height * width <= pixels:
        return 0
    return max(_SMALLEST_TILE, math.isqrt(pixels) - 2 * halo)


def memory_left(max_memory: int | None, level_bytes: int, resident: int | None = None) -> int:
    """What a process leaves for feature maps.

    Args:
        max_memory: bytes that the process may take; None for 2 GiB, or 1 GiB more than it has where that is more.
        level_bytes: size of the picture's levels.
        resident: bytes that the process has already, the picture included; None to ask the system.
    """
    if resident is None:
        resident = psutil.Process().memory_info().rss
    if max_memory is None:
        max_memory = max(DEFAULT_MEMORY, resident + _MORE)
    return max(0, max_memory - resident - _COPIES * level_bytes)


def _windows(height: int, width: int, side: int, halo: int) -> Iterator[tuple[tuple[slice, ...], ...]]:
    """For each tile: where its result goes, where that lies in the tile, and what the tile reads of the image."""
    multiple = _AT_A_TIME if side > 8 * _AT_A_TIME else 1
    for row in _spans(height, side, halo):
        for column in _spans(width, side, halo, multiple):
            yield tuple(zip(row, column, strict=True))


def _spans(length: int, side: int, halo: int, multiple: int = 1) -> Iterator[tuple[slice, slice, slice]]:
    """All tiles read spans of one length, since engines prepare for each size that they have not seen before."""
    inside = length - 2 * halo
    if not side or inside <= side:
        yield slice(0, length), slice(0, length), slice(0, length)
        return
    longest = side + 2 * halo
    longest -= longest % multiple
    parts = math.ceil(inside / (longest - 2 * halo))
    read = 2 * halo + math.ceil(inside / parts)
    read += -read % multiple
    starts = [(length - read) * i // (parts - 1) for i in range(parts)]
    edges = [0, *(start + halo for start in starts[1:]), length]
    for start, (first, last) in zip(starts, itertools.pairwise(edges), strict=True):
        yield slice(first, last), slice(first - start, last - start), slice(start, start + read)
