"""What noise looks like, in numbers: how strong, how coarse, and how alike in the three colors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DISTANCES = (1, 2, 4)

_CR = np.array([0.5, -0.418688, -0.081312])  # ITU-R BT.601 at full range


@dataclass(frozen=True)
class Grain:
    """Of the noise of one picture.

    Attributes:
        deviation: standard deviation of R, G and B on the 0–255 scale.
        green: autocorrelation of G at `DISTANCES` pixels, the mean of rows and columns.
        cr: the same of Cr.
        red_green: correlation of R with G.
    """

    deviation: tuple[float, ...]
    green: tuple[float, ...]
    cr: tuple[float, ...]
    red_green: float

    @classmethod
    def of(cls, noisy: np.ndarray, clean: np.ndarray) -> Grain:
        """Measure noisy − clean, both uint8 (H, W, 3), which must differ."""
        noise = noisy.astype(np.float64) - clean
        noise -= noise.mean(axis=(0, 1))
        return cls(
            tuple(float(value) for value in noise.std(axis=(0, 1))),
            autocorrelation(noise[..., 1]),
            autocorrelation(noise @ _CR),
            float(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]),
        )

    @property
    def numbers(self) -> np.ndarray:
        """All of them in one row: three deviations, three of green, three of Cr, one of red with green."""
        return np.array([*self.deviation, *self.green, *self.cr, self.red_green])


def autocorrelation(plane: np.ndarray) -> tuple[float, ...]:
    """At `DISTANCES` pixels along rows and columns, of (H, W) with a mean of zero."""
    products = ((plane[d:] * plane[:-d], plane[:, d:] * plane[:, :-d]) for d in DISTANCES)
    variance = np.square(plane).mean()
    return tuple(float((down.mean() + across.mean()) / 2 / variance) for down, across in products)
