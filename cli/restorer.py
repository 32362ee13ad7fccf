"""Restore pictures one after the other: what denoising, upscaling and deblocking have in common."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import as_engine
from dncnn_tf.images.picture import Picture
from dncnn_tf.images.writing import losses, require_holds
from dncnn_tf.restoration.tiling import memory_for_network

from .common import quiet_start


class Restorer(ABC):
    """Makes a picture of a picture with a network, loading each network once.

    Args:
        tile: largest side of a part, 0 for one part, or "auto".
        max_memory: bytes that the process should make do with.
        precision: "auto", "float32" or "bfloat16".
        runtime: an engine, or "auto".
        large: whether there is so much to do that the fastest engine is worth a slow start.
        note: prints a line for people.

    Attributes:
        extras: what else can be made of a picture and its result, by the name of the option.
    """

    extras: ClassVar[Mapping[str, Callable[[Picture, Picture], Picture]]] = {}

    def __init__(
        self,
        *,
        tile: int | str,
        max_memory: int,
        precision: str,
        runtime: str,
        large: bool,
        note: Callable[[str], None],
    ) -> None:
        self.tile = tile
        self.max_memory = max_memory
        self.precision = precision
        self.engine = runtime
        self.large = large
        self.note = note
        self._runtimes: dict[str, Engine] = {}

    def __call__(self, picture: Picture, format: str, name: str, progress: Callable[[float], None]) -> Picture:
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
        first, *others = (
            self.restore(
                page, name if not i else f"{name}, page {i + 1}", lambda share, i=i: progress((i + share) / len(pages))
            )
            for i, page in enumerate(pages)
        )
        return dataclasses.replace(first, pages=tuple(others))

    @abstractmethod
    def restore(self, picture: Picture, name: str, progress: Callable[[float], None]) -> Picture:
        """The result, not yet written."""

    def open(self, model: str) -> Engine:
        """A model by name or path, ready to run."""
        if model not in self._runtimes:
            with quiet_start():
                self._runtimes[model] = as_engine(model, precision=self.precision, engine=self.engine, large=self.large)
        return self._runtimes[model]

    def memory(self, picture: Picture, name: str) -> int:
        """Bytes that are left for feature maps beside a picture; a note, which calls it `name`, if none are."""
        left = memory_for_network(self.max_memory, picture.levels.nbytes, _resident())
        if not left:
            self.note(
                f"{name}: reading and writing it takes more than --max-memory, {self.max_memory / 2**20:.0f} MB; "
                "going on with the smallest parts"
            )
        return left


def _resident() -> int:
    """Bytes of memory that the process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, if that is a terminal, that counts up to `total` pictures."""
    context = click.get_current_context()
    quiet = context.meta["quiet"] or not sys.stderr.isatty()
    columns = (
        TextColumn(context.info_name or ""),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
