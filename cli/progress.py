"""The progress bar of every command: on stderr where that is a terminal, and gone when the work is done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from dncnn_tf.errors import printable


class Bar:
    """How far some work is; this one, where there is nobody to see it, shows nothing."""

    def __call__(self, done: float, total: float | None = None) -> None:
        """Say how much is done in all, and how much there is."""

    def advance(self, amount: float = 1) -> None:
        """Say how much more is done."""

    def describe(self, title: str | None = None, *, total: float | None = None) -> None:
        """Change what stands before the bar, or how much there is to do."""


class _Shown(Bar):
    """Shows it.

    Args:
        progress: a rich `Progress` that has begun.
        title: what stands before the bar.
        total: how much there is to do; None while that is not known.
    """

    def __init__(self, progress: Any, title: str, total: float | None) -> None:
        self._progress = progress
        self._task, self._total = progress.add_task(title, total=total), total

    def __call__(self, done: float, total: float | None = None) -> None:
        news = total not in (None, self._total)  # is shown at once
        self._total = total if news else self._total
        self._progress.update(self._task, completed=done, total=total, refresh=news)

    def advance(self, amount: float = 1) -> None:
        self._progress.advance(self._task, amount)

    def describe(self, title: str | None = None, *, total: float | None = None) -> None:
        self._progress.update(self._task, description=printable(title) if title else None, total=total)


@contextlib.contextmanager
def bar(total: float | None, unit: str, title: str | None = None) -> Iterator[Bar]:
    """A bar that counts up to `total`.

    Args:
        total: how much there is to do; None if that is said later.
        unit: what is counted, such as "pictures" or "steps"; "bytes" are shown as megabytes, with their speed.
        title: what stands before the bar; None for the command's name.
    """
    context = click.get_current_context()
    if context.meta["quiet"] or not sys.stderr.isatty():
        yield Bar()
        return
    from rich import progress
    from rich.console import Console

    counted: tuple[progress.ProgressColumn, ...] = (
        (progress.DownloadColumn(), progress.TransferSpeedColumn())
        if unit == "bytes"
        else (progress.MofNCompleteColumn(), progress.TextColumn(unit, markup=False))
    )
    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        *counted,
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Shown(shown, printable(context.info_name or "" if title is None else title), total)
