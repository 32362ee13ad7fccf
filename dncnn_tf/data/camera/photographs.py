"""From a clean picture to a (noisy, clean) pair, as one camera would have taken it."""

from __future__ import annotations

import os
from dataclasses import replace
import numpy as np

from ...arrays import from_float
from . import finishing, sensor, tone
from .coding import coded
from .demosaicing import METHODS
from .shots import Shot

TARGET = os.environ.get("PHOTO_TARGET", "added")


def photograph(picture: np.ndarray, shot: Shot, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    clean8, noise = (picture, noise_of(picture, shot, rng)) if TARGET == "added" else rendered(picture, shot, rng)
    noisy = from_float(clean8 / np.float32(255) + noise, np.uint8)
    return coded(coded(noisy, shot.camera), shot.saved), coded(clean8, shot.saved)


def rendered(picture, shot, rng):
    sides = picture.shape[:2]
    large = picture if shot.scale == 1 else finishing.resized(picture, *(2 * round(side / shot.scale / 2) for side in sides))
    clean, noisy = developed(large, shot, rng)
    noise = finishing.finished(noisy - clean, shot.finish)
    clean = finishing.finished(clean, replace(shot.finish, calm=1.0))
    if shot.scale != 1:
        clean, noise = finishing.resized(clean, *sides), finishing.resized(noise, *sides)
    return from_float(clean, np.uint8), noise


def noise_of(picture: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """What noise there is in a camera's picture before it is coded, float32 (H, W, 3).

    It is the difference of two developed pictures, with noise on the sensor and without.
    """
    sides = picture.shape[:2]
    if shot.scale != 1:
        picture = finishing.resized(picture, *(2 * round(side / shot.scale / 2) for side in sides))
    clean, noisy = developed(picture, shot, rng)
    noise = finishing.finished(noisy - clean, shot.finish)
    return noise if shot.scale == 1 else finishing.resized(noise, *sides)


def developed(picture: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """The picture back to the sensor and developed again, without noise and with it.

    Args:
        picture: uint8 (H, W, 3), H and W even.
        shot: how it is taken.
        rng: source of the noise.

    Returns:
        float32 (2, H, W, 3) in [0, 1]: the clean and the noisy one.
    """
    light = tone.light(picture, shot.tone) @ (shot.matrix.T / shot.gains)
    raw = sensor.mosaic(light, shot.phase)
    raws = np.stack([raw, sensor.add_noise(raw, shot.shot, shot.read, rng)])
    light = METHODS[shot.method](raws, shot.phase) @ (shot.gains[:, None] * np.linalg.inv(shot.matrix).T)
    return tone.levels(light, shot.tone)
