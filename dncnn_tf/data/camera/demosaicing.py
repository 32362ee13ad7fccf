"""Three colors a pixel from one: what cameras' own converters do, from the simplest to one that follows edges.

All take a mosaic (..., H, W), H and W even, and give (..., H, W, 3); beyond the borders the picture is mirrored, which
keeps the colors of the mosaic in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .sensor import sites

_CROSS = ((-1, 0), (1, 0), (0, -1), (0, 1))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_REACH = 2  # pixels that any of the methods looks away

Taps = Callable[[int, int], np.ndarray]
"""The neighbors of all pixels of one site that are so many rows and columns away."""


def bilinear(raw: np.ndarray, phase: str) -> np.ndarray:
    """The mean of the nearest pixels of each color."""
    image = _known(raw, phase)
    around = _padded(raw)
    for color, other in (("r", "b"), ("b", "r")):
        (place,), (opposite,) = sites(phase)[color], sites(phase)[other]
        _at(image, place)[..., 1] = _mean(_taps(around, place), _CROSS)
        _at(image, opposite)[..., "rgb".index(color)] = _mean(_taps(around, opposite), _DIAGONAL)
        for green in sites(phase)["g"]:
            _at(image, green)[..., "rgb".index(color)] = _mean(_taps(around, green), _toward(green, place))
    return image


def malvar(raw: np.ndarray, phase: str) -> np.ndarray:
    """Bilinear, corrected by how the pixel's own color bends: Malvar, He and Cutler 2004, their 5×5 filters."""
    image = bilinear(raw, phase)
    around = _padded(raw)
    for color, other in (("r", "b"), ("b", "r")):
        (place,), (opposite,) = sites(phase)[color], sites(phase)[other]
        _at(image, place)[..., 1] += _bend(_taps(around, place)) / 2
        _at(image, opposite)[..., "rgb".index(color)] += _bend(_taps(around, opposite)) * np.float32(0.75)
        for green in sites(phase)["g"]:
            _at(image, green)[..., "rgb".index(color)] += _bend_of_green(_taps(around, green), _toward(green, place))
    return image


def edge_aware(raw: np.ndarray, phase: str) -> np.ndarray:
    """Green along the smoother direction, then red and blue by their difference to it: Hamilton and Adams 1997."""
    image = _known(raw, phase)
    around = _padded(raw)
    green_at = sites(phase)["g"]
    for color in "rb":
        (place,) = sites(phase)[color]
        _at(image, place)[..., 1] = _green_along_edges(_taps(around, place))
    difference = _padded(raw - image[..., 1])
    for color, other in (("r", "b"), ("b", "r")):
        (place,), (opposite,) = sites(phase)[color], sites(phase)[other]
        for target, neighbors in ((opposite, _DIAGONAL), *((green, _toward(green, place)) for green in green_at)):
            pixels = _at(image, target)
            pixels[..., "rgb".index(color)] = pixels[..., 1] + _mean(_taps(difference, target), neighbors)
    return image


METHODS = {"bilinear": bilinear, "malvar": malvar, "edge-aware": edge_aware}


def _green_along_edges(taps: Taps) -> np.ndarray:
    """At a red or blue pixel: the mean of two green ones, and half of how its own color bends between them."""
    estimates, slopes = [], []
    for i, j in ((1, 0), (0, 1)):
        before, after = taps(-i, -j), taps(i, j)
        bend = 2 * taps(0, 0) - taps(-2 * i, -2 * j) - taps(2 * i, 2 * j)
        estimates.append((before + after) / 2 + bend / 4)
        slopes.append(np.abs(before - after) + np.abs(bend))
    return np.where(slopes[0] < slopes[1], estimates[0], estimates[1])


def _bend(taps: Taps) -> np.ndarray:
    """How far a pixel is above the mean of the four next ones of its color."""
    return taps(0, 0) - _mean(taps, [(2 * i, 2 * j) for i, j in _CROSS])


def _bend_of_green(taps: Taps, along: list[tuple[int, int]]) -> np.ndarray:
    """The same at a green pixel between two of the color that is wanted, weighted as Malvar et al. do (their 5/8)."""
    across = [(2 * j, 2 * i) for i, j in along]
    beyond = [(2 * i, 2 * j) for i, j in along]
    weighted = 5 * taps(0, 0) - 4 * _mean(taps, _DIAGONAL) - 2 * _mean(taps, beyond) + _mean(taps, across)
    return weighted / 8


def _toward(green: tuple[int, int], place: tuple[int, int]) -> list[tuple[int, int]]:
    """Where a green pixel's two neighbors of another color are: beside it if in its row, else above and below."""
    return [(0, -1), (0, 1)] if green[0] == place[0] else [(-1, 0), (1, 0)]


def _known(raw: np.ndarray, phase: str) -> np.ndarray:
    """An image with the colors that were measured in place; the others are not set."""
    image = np.empty((*raw.shape, 3), raw.dtype)
    for color, places in sites(phase).items():
        for place in places:
            _at(image, place)[..., "rgb".index(color)] = raw[..., place[0] :: 2, place[1] :: 2]
    return image


def _at(image: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """A view of the pixels at one site: (..., H, W, 3) → (..., H/2, W/2, 3)."""
    return image[..., place[0] :: 2, place[1] :: 2, :]


def _padded(raw: np.ndarray) -> np.ndarray:
    return np.pad(raw, [(0, 0)] * (raw.ndim - 2) + [(_REACH, _REACH)] * 2, mode="reflect")


def _taps(around: np.ndarray, place: tuple[int, int]) -> Taps:
    height, width = (side - 2 * _REACH for side in around.shape[-2:])

    def taps(row: int, column: int) -> np.ndarray:
        top, left = place[0] + row + _REACH, place[1] + column + _REACH
        return around[..., top : top + height : 2, left : left + width : 2]

    return taps


def _mean(taps: Taps, neighbors: Sequence[tuple[int, int]]) -> np.ndarray:
    total = taps(*neighbors[0]) + taps(*neighbors[1])
    for neighbor in neighbors[2:]:
        total += taps(*neighbor)
    return total / np.float32(len(neighbors))
