"""What all engines have in common."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Engine(Protocol):
    """A network ready to run.

    Attributes:
        channels: 1 for grey, 3 for RGB.
        receptive_radius: pixels on each side that can change one output pixel; the halo that tiles need.
    """

    channels: int
    receptive_radius: int

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, channels) in [0, 1] → the denoised images, same shape, float32, not clipped."""
