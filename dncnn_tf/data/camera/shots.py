"""All that decides how one photograph is taken and saved, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import demosaicing, sensor, tone
from .coding import Coding, Subsampling
from .color_matrices import draw_matrix
from .finishing import Finish, Left

# Shares and ranges. What noise looks like in the end is measured beside real photographs: benchmarks/quality/camera.md.
_LUMA, _FLAT_LUMA = (0.3, 0.9), (0.3, 2.5)
_CHROMA, _FLAT_CHROMA = (2.0, 4.0), (3.0, 6.0)
_CALM = (2.0, 6.0)
_EDGE = (0.6, 3.0)
_LUMA_LEFT, _CHROMA_LEFT, _WHITE_LEFT = (0.3, 0.8), (0.2, 0.6), (0.1, 0.9)
_SHARPENED, _SHARPENING = 0.15, (0.2, 0.6)
_PUSHED = 1.6  # how much brighter than measured a camera may make what was exposed too little
_REDUCED, _SCALE = 0.2, (0.6, 1.0)
_CAMERA_CODED, _CAMERA_QUALITIES = 0.7, (88, 99)
_SAVED_AGAIN, _SAVED_QUALITIES = 0.8, (70, 93)
_SUBSAMPLINGS: tuple[Subsampling, ...] = ("4:4:4", "4:2:2", "4:2:0")
_SUBSAMPLING_SHARES = (0.15, 0.2, 0.65)


@dataclass(frozen=True)
class Shot:
    """One photograph's camera, light and file.

    Attributes:
        tone: strength of the tone curve, one of `tone.STRENGTHS`.
        matrix: float32 (3, 3), from linear sRGB to the camera's white-balanced RGB.
        gains: float32 (3,), what R, G and B of the sensor are multiplied by for white balance and brightness.
        phase: of the Bayer mosaic, one of `sensor.PHASES`.
        shot: variance of the noise at full light.
        read: variance of the noise in the dark.
        method: of demosaicing, one of `demosaicing.METHODS`.
        finish: how it is smoothed and sharpened.
        left: what the camera's denoiser leaves of the noise, beyond smoothing.
        calm: σ in pixels that smooths the clean picture's luma in flat places, in place of the finish's.
        scale: from the sensor's resolution to the file's, at most 1.
        camera: how the camera codes its file, None for not at all.
        saved: how the picture is coded once more, on its way to where it is seen; None for not at all.
    """

    tone: float
    matrix: np.ndarray
    gains: np.ndarray
    phase: str
    shot: float
    read: float
    method: str
    finish: Finish
    left: Left
    calm: float
    scale: float
    camera: Coding | None
    saved: Coding | None


def draw_shot(rng: np.random.Generator) -> Shot:
    """Any camera in any light."""
    shot, read = sensor.draw_noise_levels(rng)
    return Shot(
        tone=float(rng.choice(tone.STRENGTHS)),
        matrix=draw_matrix(rng),
        gains=_draw_gains(rng),
        phase=str(rng.choice(sensor.PHASES)),
        shot=shot,
        read=read,
        method=str(rng.choice(list(demosaicing.METHODS))),
        finish=_draw_finish(rng),
        left=Left(rng.uniform(*_LUMA_LEFT), rng.uniform(*_CHROMA_LEFT), rng.uniform(*_WHITE_LEFT)),
        calm=rng.uniform(*_CALM),
        scale=rng.uniform(*_SCALE) if rng.random() < _REDUCED else 1.0,
        camera=_draw_coding(_CAMERA_CODED, _CAMERA_QUALITIES, rng),
        saved=_draw_coding(_SAVED_AGAIN, _SAVED_QUALITIES, rng),
    )


def _draw_gains(rng: np.random.Generator) -> np.ndarray:
    """Brightness and white balance with the ranges of Brooks et al. 2019, section 3.4, often after too little light."""
    brightness = rng.uniform(1, _PUSHED) / rng.normal(0.8, 0.1)
    return (brightness * np.array([rng.uniform(1.9, 2.4), 1, rng.uniform(1.5, 1.9)])).astype(np.float32)


def _draw_finish(rng: np.random.Generator) -> Finish:
    return Finish(
        luma=rng.uniform(*_LUMA),
        chroma=_evenly_in_logarithm(_CHROMA, rng),
        flat_luma=rng.uniform(*_FLAT_LUMA),
        flat_chroma=rng.uniform(*_FLAT_CHROMA),
        edge=_evenly_in_logarithm(_EDGE, rng),
        sharpening=rng.uniform(*_SHARPENING) if rng.random() < _SHARPENED else 0.0,
    )


def _draw_coding(share: float, qualities: tuple[int, int], rng: np.random.Generator) -> Coding | None:
    if rng.random() >= share:
        return None
    return Coding(int(rng.integers(*qualities)), _SUBSAMPLINGS[rng.choice(3, p=_SUBSAMPLING_SHARES)])


def _evenly_in_logarithm(ends: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))
