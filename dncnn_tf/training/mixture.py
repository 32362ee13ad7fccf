"""DnCNN-3's three degradations, mixed: noise, super-resolution and JPEG, by the code that evaluation uses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..data.degradations import add_gaussian_noise, bicubic_down_up, jpeg
from ..images.color import studio_swing

GRID = 12
"""A multiple of ×2, ×3 and ×4, which the sides of what is spoiled have to be."""

# DnCNN-3's patches are cut from the middle of a spoiled region, so that they look as if cut from a whole spoiled
# image: no resizing border in sight, JPEG's 8×8 grid at any place.
_REGION_MARGIN = 16
# Upscaling takes longest to learn, ×3 and ×4 above all.
_TASKS = (0, 1, 1, 1, 2)  # noise, super-resolution, JPEG
_SCALES = (2, 3, 3, 4, 4)
_LOWEST_QUALITY, _HIGHEST_QUALITY = 5, 99

# Luminance ends at 16 and 235 of 255, grey files do not. A network that has seen luminance alone lifts their black.
_LUMINANCE_SHARE = 0.5

CANDIDATES = 2
"""Places drawn for a patch; super-resolution takes the one that lost more: from a patch of sky it learns nothing."""


def region_size(patch_size: int) -> int:
    """Side of what is cut from an image for one training patch."""
    region = patch_size + 2 * _REGION_MARGIN
    return region + -region % GRID


def spoiled_patches(
    regions: np.ndarray, patch_size: int, sigma: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Patches from the middle of regions, one degradation drawn for each.

    Args:
        regions: float32 (N·CANDIDATES, side, side, 1) in [0, 1], with the side of `region_size`.
        patch_size: of the patches.
        sigma: lowest and highest noise level on the 0–255 scale.
        rng: decides everything.

    Returns:
        Degraded and clean patches, float32 (N, patch_size, patch_size, 1) each.
    """
    places = np.split(regions[..., 0], len(regions) // CANDIDATES)
    pairs = [_spoiled_patch(candidates, patch_size, sigma, rng) for candidates in places]
    degraded, clean = (np.stack(side)[..., None] for side in zip(*pairs, strict=True))
    return degraded, clean


def _spoiled_patch(
    candidates: np.ndarray, patch_size: int, sigma: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A (degraded, clean) patch from one of the regions (N, side, side)."""
    if rng.random() < _LUMINANCE_SHARE:
        candidates = studio_swing(candidates)
    task = int(rng.choice(_TASKS))
    degrade = degradation(task, rng.uniform(*sigma), rng)
    last = candidates.shape[1] - patch_size - _REGION_MARGIN
    top, left = rng.integers(_REGION_MARGIN, last + 1, 2)
    window = np.s_[top : top + patch_size, left : left + patch_size]
    regions = candidates if task == 1 else candidates[:1]
    pairs = [(degrade(region)[window], region[window]) for region in regions]
    return max(pairs, key=lambda pair: np.square(pair[0] - pair[1]).sum())


def degradation(task: int, sigma: float, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One of DnCNN-3's three, its strength drawn, for images (H, W): 0 noise, 1 super-resolution, 2 JPEG."""
    if task == 0:
        return lambda clean: add_gaussian_noise(clean, sigma, rng)
    if task == 1:
        scale = int(rng.choice(_SCALES))
        return lambda clean: bicubic_down_up(clean, scale)
    # Even in the logarithm: from quality 5 to 10 a picture changes as much as from 50 to 99.
    quality = round(np.exp(rng.uniform(np.log(_LOWEST_QUALITY), np.log(_HIGHEST_QUALITY))))
    return lambda clean: jpeg(clean, quality)
