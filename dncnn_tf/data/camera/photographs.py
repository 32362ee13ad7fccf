"""From a clean picture to two of one camera: with the noise of its sensor, and without."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...images.arrays import from_float
from . import finishing, sensor, tone
from .coding import coded
from .demosaicing import METHODS
from .shots import Shot

_CLEAN_CHROMA = 0.8  # pixels: σ at most for the picture's own chroma at edges, as chroma of half the resolution has it


def photograph(picture: np.ndarray, shot: Shot, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Take a picture of a picture.

    Clean is what the same camera would show without noise: the mean of many such pictures. The camera's own coding is
    part of the noise, but what saving it again costs is not, so both are saved alike.

    Args:
        picture: uint8 (H, W, 3), H and W even.
        shot: camera, light and file.
        rng: source of the noise.

    Returns:
        Noisy and clean, both uint8 (H, W, 3).
    """
    sides = picture.shape[:2]
    if shot.scale != 1:
        picture = finishing.resized(picture, *(2 * round(side / shot.scale / 2) for side in sides))
    clean, noisy = developed(picture, shot, rng)
    edges = finishing.edges(clean, shot.finish)
    noise = finishing.denoised(noisy - clean, clean, shot.finish, edges, shot.left)
    # In the mean of many, flat places are flat: what is there as clean, a network learns to leave. Colors end at edges.
    chroma = min(shot.finish.chroma, _CLEAN_CHROMA)
    clean = finishing.finished(clean, dataclasses.replace(shot.finish, flat_luma=shot.calm, chroma=chroma), edges)
    if shot.scale != 1:
        clean, noise = finishing.resized(clean, *sides), finishing.resized(noise, *sides)
    clean = from_float(clean, np.uint8)
    noisy = from_float(clean / np.float32(255) + noise, np.uint8)
    return coded(coded(noisy, shot.camera), shot.saved), coded(clean, shot.saved)


def developed(picture: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """The picture back to the sensor and developed again, without noise and with it.

    Args:
        picture: uint8 (H, W, 3), H and W even.
        shot: its tone curve, colors, sensor and demosaicing.
        rng: source of the noise.

    Returns:
        float32 (2, H, W, 3) in [0, 1]: the clean and the noisy one.
    """
    light = tone.light(picture, shot.tone) @ (shot.matrix.T / shot.gains)
    raw = sensor.mosaic(light, shot.phase)  # (H, W)
    raws = np.stack([raw, sensor.add_noise(raw, shot.shot, shot.read, rng)])
    # White balance first: demosaicing carries differences from one color to the others.
    raws *= sensor.mosaic(np.broadcast_to(shot.gains, light.shape), shot.phase)
    light = METHODS[shot.method](raws, shot.phase) @ np.linalg.inv(shot.matrix).T
    return tone.levels(light, shot.tone)
