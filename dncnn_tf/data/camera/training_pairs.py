"""Training pairs of (noisy, clean) patches as cameras write them, with white noise and clean pictures among them."""

from __future__ import annotations

import numpy as np

from ...images.arrays import from_float
from .coding import coded
from .film import without_grain
from .finishing import resized
from .photographs import photograph
from .shots import draw_shot

MARGIN = 8
"""Pixels beside a patch that smoothing and demosaicing look at."""

_GRID = 16  # JPEG codes chroma at half the resolution in blocks of 16 × 16 pixels; a patch may begin anywhere in one
_GRAIN, _GRAIN_RADIUS = (8.0, 24.0), 4  # as `film.without_grain` takes them
_LARGEST = 4.0  # times the size of the training pictures
_WHITE_SHARE, _CLEAN_SHARE = 0.08, 0.05
_SAVED_SHARE = 0.5  # of the white noise: with none, the model leaves noise that JPEG has coded; with all, other noise


def region_size(patch_size: int) -> int:
    """Side of the region, even, of which the middle becomes one training patch."""
    side = patch_size + 2 * MARGIN + _GRID
    return side + side % 2


def spoiled_patch(
    region: np.ndarray, patch_size: int, sigma: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One patch as a camera would have written it, or with white noise, or clean.

    Args:
        region: uint8 (side, side, 3), a clean picture.
        patch_size: at most as `region_size` says.
        sigma: lowest and highest σ of the white noise, on the 0–255 scale.
        rng: decides everything else.

    Returns:
        The noisy and the clean patch, float32 (patch, patch, 3); clean in [0, 1], white noise is not clipped but where
        it is saved.
    """
    shot, kind = draw_shot(rng), rng.random()
    if kind < _WHITE_SHARE:
        clean = region / np.float32(255)
        noisy = clean + rng.standard_normal(clean.shape, np.float32) * np.float32(rng.uniform(*sigma) / 255)
        if rng.random() < _SAVED_SHARE:
            noisy = coded(from_float(noisy, np.uint8), shot.saved) / np.float32(255)
    elif kind < _WHITE_SHARE + _CLEAN_SHARE:
        noisy = clean = coded(region, shot.saved) / np.float32(255)
    else:
        noisy, clean = (side / np.float32(255) for side in photograph(as_cameras_see(region, rng), shot, rng))
    top, left = rng.integers(MARGIN, region.shape[0] - MARGIN - patch_size + 1, 2)
    window = np.s_[top : top + patch_size, left : left + patch_size]
    return noisy[window], clean[window]


def as_cameras_see(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture that was made small long ago, as large and as soft as what a sensor sees.

    Args:
        region: uint8 (side, side, 3).
        rng: decides how much larger, and how much of its grain goes.

    Returns:
        uint8 (side, side, 3), its middle.
    """
    side = region.shape[0]
    picture = without_grain(region, rng.uniform(*_GRAIN), _GRAIN_RADIUS)
    part = round(side / np.exp(rng.uniform(0, np.log(_LARGEST))))
    first = (side - part) // 2
    return resized(picture[first : first + part, first : first + part], side, side)


def spoiled_patches(
    regions: np.ndarray, patch_size: int, sigma: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same for a batch: uint8 (N, side, side, 3) → two of float32 (N, patch, patch, 3)."""
    pairs = [spoiled_patch(region, patch_size, sigma, rng) for region in regions]
    noisy, clean = (np.stack(side) for side in zip(*pairs, strict=True))
    return noisy, clean
