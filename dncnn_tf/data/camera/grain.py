"""What noise looks like, in numbers: how strong, how coarse, how alike in the three colors, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_gradient_magnitude

from .finishing import TO_YCBCR

DISTANCES = (1, 2, 4)

_SLOPE = 1.5  # pixels: σ of the Gaussian before slopes are measured


@dataclass(frozen=True)
class Grain:
    """Of the noise of one picture.

    Attributes:
        deviation: standard deviation of R, G and B on the 0–255 scale.
        green: autocorrelation of G at `DISTANCES` pixels, the mean of rows and columns.
        cr: the same of Cr.
        red_green: correlation of R with G.
        flat: autocorrelation of Y in the flattest quarter of the clean picture. (At edges, pictures that are not quite
            in the same place differ, and that looks like coarse noise.)
        edges: deviation of Y in the steepest quarter, as a multiple of that in the flattest.
    """

    deviation: tuple[float, ...]
    green: tuple[float, ...]
    cr: tuple[float, ...]
    red_green: float
    flat: tuple[float, ...]
    edges: float

    @classmethod
    def of(cls, noisy: np.ndarray, clean: np.ndarray) -> Grain:
        """Measure noisy − clean, both uint8 (H, W, 3), which must differ."""
        noise = noisy.astype(np.float64) - clean
        noise -= noise.mean(axis=(0, 1))
        luma = noise @ TO_YCBCR[0]
        slope = gaussian_gradient_magnitude(clean @ TO_YCBCR[0], _SLOPE)
        flat, steep = slope <= np.quantile(slope, 0.25), slope >= np.quantile(slope, 0.75)
        return cls(
            tuple(float(value) for value in noise.std(axis=(0, 1))),
            autocorrelation(noise[..., 1]),
            autocorrelation(noise @ TO_YCBCR[2]),
            float(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]),
            autocorrelation(luma, flat),
            float(luma[steep].std() / luma[flat].std()),
        )

    @property
    def numbers(self) -> np.ndarray:
        """All of them in one row, in the order of the attributes."""
        return np.array([*self.deviation, *self.green, *self.cr, self.red_green, *self.flat, self.edges])


def autocorrelation(plane: np.ndarray, where: np.ndarray | None = None) -> tuple[float, ...]:
    """At `DISTANCES` pixels along rows and columns, of (H, W) with a mean of zero, or of part of it."""
    part = np.where(True if where is None else where, plane, 0)
    products = ((part[d:] * plane[:-d], part[:, d:] * plane[:, :-d]) for d in DISTANCES)
    variance = np.square(part).mean()
    return tuple(float((down.mean() + across.mean()) / 2 / variance) for down, across in products)
