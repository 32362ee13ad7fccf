"""How rough a picture is, and an engine that takes for it the network that is rounded to suit.

The stronger the noise, the farther a network's features reach, and the coarser 8 bits are: features of clean pictures
reach a third as far as those under noise of σ 55.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..images.arrays import to_float
from .base import Engine

_SIDE = 32
_MOST_PATCHES = 64
_QUANTILE = 0.75
_MEDIAN_ABSOLUTE = 0.6744897501960817  # of standard normal noise: its 0.75 quantile


def roughness(images: np.ndarray) -> float:
    """How strong the fine detail of the roughest of some images is, of noise and texture alike.

    White noise of σ has a little more than σ. It is measured in evenly spaced patches of the green or only channel, by
    Immerkær's mask (Fast noise variance estimation, 1996), which is blind to slopes and straight edges, and of all
    patches three in four are smoother.

    Args:
        images: (N, H, W, C): float in [0, 1], uint8 or uint16.

    Returns:
        Standard deviation on the 0–255 scale; 0 for images of fewer than 3 pixels on a side.
    """
    return max(map(_roughness, images[..., images.shape[-1] // 2]), default=0.0)


def _roughness(plane: np.ndarray) -> float:
    """Of one channel (H, W)."""
    if min(plane.shape) < 3:
        return 0.0
    details = np.diff(np.diff(to_float(_patches(plane)), 2, axis=1), 2, axis=2) * np.float32(255 / 6)
    deviations = np.median(np.abs(details), axis=(1, 2)) / _MEDIAN_ABSOLUTE
    return float(np.quantile(deviations, _QUANTILE))


def _patches(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (n, side, side), evenly spaced; the whole of a small one."""
    height, width = (min(length, _SIDE) for length in plane.shape)
    windows = np.lib.stride_tricks.sliding_window_view(plane, (height, width))
    most = int(np.sqrt(_MOST_PATCHES))
    rows, columns = (
        np.linspace(0, length - side, min(most, length // side)).astype(int)
        for length, side in zip(plane.shape, (height, width), strict=True)
    )
    chosen: np.ndarray = windows[np.ix_(rows, columns)].reshape(-1, height, width)
    return chosen


def kind(images: np.ndarray, bounds: Sequence[float]) -> int:
    """Which of some kinds of pictures, each up to a bound of roughness, the roughest of some images is of.

    Args:
        images: as for `roughness`.
        bounds: rising; what is beyond the last one is of the last kind.
    """
    found = roughness(images)
    return next((i for i, bound in enumerate(bounds) if found <= bound), len(bounds) - 1)


class ByRoughness:
    """A network that is rounded in several ways, each for pictures up to some roughness.

    Args:
        bounds: these, rising.
        channels, receptive_radius: of the network.
        open_nth: makes the engine for the nth of them ready; it is called again for every use.
    """

    def __init__(
        self, bounds: Sequence[float], channels: int, receptive_radius: int, open_nth: Callable[[int], Engine]
    ) -> None:
        self.bounds, self.channels, self.receptive_radius = tuple(bounds), channels, receptive_radius
        self._open_nth = open_nth

    def suited(self, images: np.ndarray) -> Engine:
        """The engine that suits the roughest of some images; of a very rough one, the last.

        Args:
            images: as for `roughness`, with any number of channels.
        """
        return self._open_nth(kind(images, self.bounds))

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        return self.suited(noisy)(noisy)


def suited(engine: Engine, images: np.ndarray) -> Engine:
    """The engine for whole images, so that all their tiles get the same; that given, if it is always the same.

    Args:
        engine: any.
        images: (N, H, W, C), as they will get to it in parts.
    """
    return engine.suited(images) if isinstance(engine, ByRoughness) else engine
