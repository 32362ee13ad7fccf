"""Make a picture of a picture: what denoising, upscaling and deblocking have in common, here and on a server."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..engines.opening import ModelLike, as_engine
from ..images.picture import Picture
from ..images.writing import losses, require_holds
from ..restoration.tiling import Progress, Tile, memory_left

if TYPE_CHECKING:
    from ..engines.base import Engine

Extra = Callable[[Picture, Picture], Picture | bytes]
"""Makes a further picture, or a file's content, of a picture and its result."""


class Restorer(ABC):
    """Makes a picture of a picture.

    Args:
        note: gets a remark for people, in one line.

    Attributes:
        extras: what else can be made of a picture and its result, by what the file's name ends in.
    """

    extras: ClassVar[Mapping[str, Extra]] = {}

    def __init__(self, *, note: Callable[[str], None]) -> None:
        self.note = note

    def __call__(self, picture: Picture, format: str, name: str, progress: Progress) -> Picture:
        """Restore one picture.

        Args:
            picture: what was read.
            format: what the result will be written as.
            name: what to call it in notes.
            progress: called with the share that is done.

        Raises:
            ImageError: `format` cannot hold the picture.
            ModelError: the model cannot be loaded.
        """
        require_holds(picture, format)
        for remark in (*picture.notes, *losses(picture, format)):
            self.note(f"{name}: {remark}")
        pages = (picture, *picture.pages)

        def restore(i: int) -> Picture:
            page_name = f"{name}, page {i + 1}" if i else name
            return self.restore(pages[i], page_name, lambda share: progress((i + share) / len(pages)))

        first, *others = map(restore, range(len(pages)))
        return dataclasses.replace(first, pages=tuple(others))

    @abstractmethod
    def restore(self, picture: Picture, name: str, progress: Progress) -> Picture:
        """The result, not yet written; arguments as for a call."""


@dataclass(frozen=True)
class NetworkOptions:
    """How a network is run, as for `dncnn_tf.denoise`."""

    tile: Tile = "auto"
    max_memory: int | None = None
    precision: str = "auto"
    engine: str = "auto"
    trust: bool = False


class NetworkRestorer(Restorer):
    """Does so with networks that run in this process, loading each once.

    Args:
        network: how they are run.
        large: whether there is so much to do that the fastest engine is worth a slow start.
        note: gets a remark for people, in one line.
    """

    def __init__(self, *, network: NetworkOptions, large: bool, note: Callable[[str], None]) -> None:
        super().__init__(note=note)
        self.network = network
        self._large = large
        self._opened: dict[Any, Engine] = {}

    def open(self, model: ModelLike) -> Engine:
        """A model by name or path, ready to run."""
        if model not in self._opened:
            options = self.network
            self._opened[model] = as_engine(
                model,
                precision=options.precision,
                engine=options.engine,
                large=self._large,
                trust=options.trust,
            )
        return self._opened[model]

    def note_memory(self, level_bytes: int, name: str) -> None:
        """A remark on a picture, called `name`, if its levels leave no memory for feature maps."""
        limit = self.network.max_memory
        if limit is not None and not memory_left(limit, level_bytes):
            self.note(
                f"{name}: reading and writing it takes more than `max_memory`, {limit / 2**20:.0f} MB; going on with "
                "the smallest parts"
            )
