"""Upscale and deblock pictures with the general model (DnCNN-3)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..engines.opening import ModelLike
from ..images.picture import Picture
from ..images.writing import coded_anew
from ..restoration.luminance import deblock_levels, enlarge_levels, require_scale, upscale_levels
from ..restoration.tiling import Progress
from .restorer import NetworkRestorer


class Deblocker(NetworkRestorer):
    """Takes JPEG's blocks away.

    Args:
        model: a general model.
        options: as for `NetworkRestorer`.
    """

    def __init__(self, *, model: ModelLike, **options: Any) -> None:
        super().__init__(**options)
        self.model = model

    def restore(self, picture: Picture, name: str, progress: Progress) -> Picture:
        """The picture without blocks; as a JPEG file, it is not coded as coarsely again."""
        engine = self.open(self.model)
        self.note_memory(picture.levels.nbytes, name)
        restored = deblock_levels(
            picture.levels[None],
            engine,
            tile=self.network.tile,
            max_memory=self.network.max_memory,
            progress=progress,
        )[0]
        return coded_anew(dataclasses.replace(picture, levels=restored))


class Upscaler(NetworkRestorer):
    """Enlarges pictures.

    Args:
        model: a general model.
        scale: 2, 3 or 4.
        options: as for `NetworkRestorer`.
    """

    def __init__(self, *, model: ModelLike, scale: int, **options: Any) -> None:
        super().__init__(**options)
        require_scale(scale)
        self.model, self.scale = model, scale

    def restore(self, picture: Picture, name: str, progress: Progress) -> Picture:
        """The picture `scale` times as high and wide."""
        engine = self.open(self.model)
        self.note_memory(picture.levels.size * self.scale**2 * np.dtype(np.float32).itemsize, name)
        levels = upscale_levels(
            picture.levels[None],
            self.scale,
            engine,
            tile=self.network.tile,
            max_memory=self.network.max_memory,
            progress=progress,
        )[0]
        alpha = picture.alpha
        if alpha is not None:
            alpha = enlarge_levels(alpha[None, ..., None], self.scale)[0, ..., 0]
        return coded_anew(dataclasses.replace(picture, levels=levels, alpha=alpha))
