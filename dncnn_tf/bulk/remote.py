"""Denoise pictures on a server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ..engines.serving import Client
from ..images.picture import Picture
from ..restoration.denoising import denoise_levels
from ..restoration.shares import Shares
from ..restoration.tiling import Progress
from .restorer import Restorer

# A request of this side is some 4 MiB of float32 and the server's memory for it some 600 MiB.
_TILE = 1024


class Requester(Restorer):
    """Sends pictures to a server, in parts where they are large.

    Args:
        client: of the server.
        shares: of the noise to subtract.
        note: gets a remark for people, in one line.
    """

    def __init__(self, client: Client, shares: Shares, *, note: Callable[[str], None]) -> None:
        super().__init__(note=note)
        self.client = client
        self.shares = shares

    def restore(self, picture: Picture, name: str, progress: Progress) -> Picture:
        """The picture with shares of its noise subtracted."""
        denoised = denoise_levels(picture.levels[None], self.client, self.shares, tile=_TILE, progress=progress)
        return dataclasses.replace(picture, levels=denoised[0])
