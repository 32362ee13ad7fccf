"""All that decides how one photograph is taken and saved, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import demosaicing, sensor, tone
from .coding import Coding, Subsampling
from .color_matrices import draw_matrix
from .finishing import Finish

# Shares and ranges. What noise looks like in the end is measured beside real photographs: benchmarks/camera.md.
_LUMA_SMOOTHED, _LUMA_LOW, _LUMA_HIGH = 0.95, 0.4, 1.0
_GRAINY, _GRAIN_LOW, _GRAIN_HIGH, _COARSE_LOW, _COARSE_HIGH = 0.85, 0.3, 0.8, 1.2, 3.0
_SHARPENED, _SHARPENING_LOW, _SHARPENING_HIGH = 0.25, 0.2, 0.6
_CHROMA_LOW, _CHROMA_HIGH = 1.8, 4.5
_EDGE_LOW, _EDGE_HIGH = 2.0, 12.0
_CALM_LOW, _CALM_HIGH = 0.4, 0.9
_PUSHED = 1.6  # how much brighter than measured a camera may make what was exposed too little
_REDUCED, _SMALLEST = 0.2, 0.6
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
        calm: share of the chroma's noise that the camera's denoiser leaves, beyond smoothing.
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
        calm=float(rng.uniform(_CALM_LOW, _CALM_HIGH)),
        scale=_perhaps(_REDUCED, _SMALLEST, 1.0, rng) or 1.0,
        camera=_draw_coding(_CAMERA_CODED, _CAMERA_QUALITIES, rng),
        saved=_draw_coding(_SAVED_AGAIN, _SAVED_QUALITIES, rng),
    )


def _draw_gains(rng: np.random.Generator) -> np.ndarray:
    """Brightness and white balance with the ranges of Brooks et al. 2019, section 3.4, often after too little light."""
    brightness = rng.uniform(1, _PUSHED) / rng.normal(0.8, 0.1)
    return (brightness * np.array([rng.uniform(1.9, 2.4), 1, rng.uniform(1.5, 1.9)])).astype(np.float32)


def _draw_finish(rng: np.random.Generator) -> Finish:
    return Finish(
        chroma=_evenly_in_logarithm(_CHROMA_LOW, _CHROMA_HIGH, rng),
        luma=_perhaps(_LUMA_SMOOTHED, _LUMA_LOW, _LUMA_HIGH, rng),
        grain=_perhaps(_GRAINY, _GRAIN_LOW, _GRAIN_HIGH, rng),
        coarse=float(rng.uniform(_COARSE_LOW, _COARSE_HIGH)),
        sharpening=_perhaps(_SHARPENED, _SHARPENING_LOW, _SHARPENING_HIGH, rng),
        edge=_evenly_in_logarithm(_EDGE_LOW, _EDGE_HIGH, rng),
    )


def _draw_coding(share: float, qualities: tuple[int, int], rng: np.random.Generator) -> Coding | None:
    if rng.random() >= share:
        return None
    return Coding(int(rng.integers(*qualities)), _SUBSAMPLINGS[rng.choice(3, p=_SUBSAMPLING_SHARES)])


def _perhaps(share: float, low: float, high: float, rng: np.random.Generator) -> float:
    """A number between the two in that share of cases, else 0."""
    return float(rng.uniform(low, high)) if rng.random() < share else 0.0


def _evenly_in_logarithm(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
