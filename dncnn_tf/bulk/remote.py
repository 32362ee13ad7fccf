"""Denoise pictures on a server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from dncnn_tf.engines.serving import Client
from dncnn_tf.images.picture import Picture
from dncnn_tf.restoration.denoising import denoise_levels

from .common import quiet_start
from .restorer import Restorer

# A request of this side is some 4 MiB of float32 and the server's memory for it some 600 MiB.
_TILE = 1024


class Requester(Restorer):
    """Sends pictures to a server, in parts where they are large.

    Args:
        url: of the server.
        model: its name there.
        version_number: None for the newest.
        timeout: seconds for one request.
        strength: share of the noise to subtract, 0 to 1.
        options: as for `Restorer`.
    """

    def __init__(
        self,
        *,
        url: str,
        model: str,
        version_number: int | None,
        timeout: float,
        strength: float,
        **options: Any,
    ) -> None:
        super().__init__(tile=_TILE, max_memory=0, precision="auto", runtime="auto", **options)
        with quiet_start():
            self.client = Client(url, model, version=version_number, timeout=timeout)
        self.strength = strength

    def restore(self, picture: Picture, name: str, progress: Callable[[float], None]) -> Picture:
        """The picture with `strength` of its noise subtracted."""
        denoised = denoise_levels(
            picture.levels[None],
            self.client,
            self.strength,
            tile=self.tile,
            max_memory=self.max_memory,
            progress=progress,
        )
        return dataclasses.replace(picture, levels=denoised[0])
