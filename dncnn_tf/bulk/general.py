"""Upscale and deblock pictures with the general model (DnCNN-3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from dncnn_tf.images.arrays import from_float
from dncnn_tf.images.picture import Picture
from dncnn_tf.images.resizing import enlarge
from dncnn_tf.images.writing import coded_anew
from dncnn_tf.restoration.luminance import enlarge_levels, restore_luminance

from .restorer import Restorer


class Deblocker(Restorer):
    """Takes JPEG's blocks away.

    Args:
        model: a general model's name or path.
        options: as for `Restorer`.
    """

    def __init__(self, *, model: str, **options: Any) -> None:
        super().__init__(**options)
        self.model = model

    def restore(self, picture: Picture, name: str, progress: Callable[[float], None]) -> Picture:
        """The picture without blocks; as a JPEG file, it is not coded as coarsely again."""
        runtime = self.open(self.model)
        restored = restore_luminance(
            picture.levels[None],
            runtime,
            tile=self.tile,
            max_memory=self.memory(picture, name),
            progress=progress,
        )[0]
        return coded_anew(dataclasses.replace(picture, levels=restored))


class Upscaler(Deblocker):
    """Enlarges pictures.

    Args:
        scale: 2, 3 or 4.
        options: as for `Deblocker`.
    """

    def __init__(self, *, scale: int, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale

    def restore(self, picture: Picture, name: str, progress: Callable[[float], None]) -> Picture:
        """The picture `scale` times as high and wide."""
        alpha = picture.alpha
        if alpha is not None:
            alpha = enlarge_levels(alpha[..., None], self.scale)[..., 0]
        enlarged = dataclasses.replace(picture, levels=enlarge(picture.pixels, self.scale), alpha=alpha)
        restored = super().restore(enlarged, name, progress)
        return dataclasses.replace(restored, levels=from_float(restored.levels, picture.levels.dtype))
