"""A picture to begin with: a photograph that comes inside scikit-image, with noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.datasets import sample_files
from ..data.degradations import add_gaussian_noise
from ..images.arrays import from_float
from ..images.picture import Picture
from ..images.reading import read
from ..images.writing import write

_PHOTOGRAPH, _SIGMA = "coffee", 25


def write_sample(target: Path) -> Path:
    """Write the photograph with noise of σ 25, the same each time, as a PNG file."""
    clean = read(next(file for file in sample_files() if file.stem == _PHOTOGRAPH)).pixels
    noisy = add_gaussian_noise(clean, _SIGMA, np.random.default_rng(0))
    write(Picture(from_float(noisy, np.uint8), None, "PNG"), target)
    return target
