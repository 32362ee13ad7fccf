"""Denoise pictures, each with the model that suits it."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ..config import RECIPES
from ..engines.base import Engine
from ..engines.opening import ModelLike
from ..images.arrays import from_float
from ..images.orientation import orientation, upright
from ..images.picture import Picture
from ..restoration.choice import choose_model, describe_noise, misfits
from ..restoration.denoising import denoise_levels
from ..restoration.noise import Noise, estimate_noise
from ..restoration.shares import Shares
from ..restoration.tiling import Progress
from .restorer import NetworkRestorer


def _removed(noisy: Picture, clean: Picture) -> Picture:
    """What was removed, on mid-grey."""
    removed = upright(noisy.pixels - clean.pixels, orientation(noisy))
    return Picture(from_float(removed + np.float32(0.5), np.uint8), None, "PNG")


def _side_by_side(noisy: Picture, clean: Picture) -> Picture:
    both = [upright(picture.pixels, orientation(noisy)) for picture in (noisy, clean)]
    return Picture(from_float(np.concatenate(both, axis=1), np.uint8), None, "PNG", icc=noisy.icc)


def _page(noisy: Picture, clean: Picture) -> bytes:
    from ..viewing.standalone import comparison_page

    return comparison_page(noisy, clean, "before and after")


class Denoiser(NetworkRestorer):
    """Turns noisy pictures into clean ones.

    Args:
        model: a model, or "auto".
        sigma: noise level on the 0–255 scale, None to estimate it.
        shares: of the noise to subtract.
        options: as for `NetworkRestorer`.
    """

    extras: ClassVar = {"noise.png": _removed, "compare.png": _side_by_side, "compare.html": _page}

    def __init__(self, *, model: ModelLike, sigma: float | None, shares: Shares, **options: Any) -> None:
        super().__init__(**options)
        self.model = model
        self.sigma = sigma
        self.shares = shares

    def restore(self, picture: Picture, name: str, progress: Progress) -> Picture:
        """The picture with shares of its noise subtracted."""
        engine = self._engine(picture, name)
        self.note_memory(picture.levels.nbytes, name)
        denoised = denoise_levels(
            picture.levels[None],
            engine,
            self.shares,
            tile=self.network.tile,
            max_memory=self.network.max_memory,
            progress=progress,
        )
        return dataclasses.replace(picture, levels=denoised[0])

    def _engine(self, picture: Picture, name: str) -> Engine:
        model = self.model
        if model != "auto" and model not in RECIPES:
            return self.open(model)
        noise = estimate_noise(picture.levels) if self.sigma is None else Noise(self.sigma)
        level = describe_noise(noise) if self.sigma is None else f"σ {noise.sigma:g}"
        named = choose_model(picture.channels, self.sigma, noise) if model == "auto" else str(model)
        engine = self.open(named)
        self.note(f"{name}: {level}, {named}")
        for remark in misfits(named, noise):
            self.note(f"{name}: {remark}")
        return engine
