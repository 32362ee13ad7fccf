"""Denoise pictures, each with the model that suits it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from dncnn_tf.config import RECIPES
from dncnn_tf.engines.base import Engine
from dncnn_tf.images.arrays import from_float
from dncnn_tf.images.picture import Picture
from dncnn_tf.restoration.choice import choose_model, misfits
from dncnn_tf.restoration.denoising import denoise_levels
from dncnn_tf.restoration.noise import Noise, estimate_noise

from .restorer import Restorer


def _removed(noisy: Picture, clean: Picture) -> Picture:
    """What was removed, on mid-grey."""
    return Picture(from_float(noisy.pixels - clean.pixels + np.float32(0.5), np.uint8), None, "PNG")


def _side_by_side(noisy: Picture, clean: Picture) -> Picture:
    return Picture(from_float(np.concatenate([noisy.pixels, clean.pixels], axis=1), np.uint8), None, "PNG")


class Denoiser(Restorer):
    """Turns noisy pictures into clean ones.

    Args:
        model: a model's name or path, or "auto".
        sigma: noise level on the 0–255 scale, None to estimate it.
        strength: share of the noise to subtract, 0 to 1.
        options: as for `Restorer`.
    """

    extras: ClassVar = {"noise": _removed, "compare": _side_by_side}

    def __init__(self, *, model: str, sigma: float | None, strength: float, **options: Any) -> None:
        super().__init__(**options)
        self.model = model
        self.sigma = sigma
        self.strength = strength

    def restore(self, picture: Picture, name: str, progress: Callable[[float], None]) -> Picture:
        """The picture with `strength` of its noise subtracted."""
        runtime = self._runtime(picture, name)
        denoised = denoise_levels(
            picture.levels[None],
            runtime,
            self.strength,
            tile=self.tile,
            max_memory=self.memory(picture, name),
            progress=progress,
        )
        return dataclasses.replace(picture, levels=denoised[0])

    def _runtime(self, picture: Picture, name: str) -> Engine:
        if self.model != "auto" and self.model not in RECIPES:
            return self.open(self.model)
        noise = estimate_noise(picture.levels) if self.sigma is None else Noise(self.sigma)
        level = f"σ {noise.sigma:g}" if self.sigma is not None else f"noise of σ {noise.sigma:.1f} (estimated)"
        model = self.model
        if model == "auto":
            model = choose_model(picture.channels, self.sigma)
        runtime = self.open(model)
        self.note(f"{name}: {level}, {model}")
        for remark in misfits(model, noise):
            self.note(f"{name}: {remark}")
        return runtime
