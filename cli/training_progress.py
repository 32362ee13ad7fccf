"""Progress of training: a bar on a terminal, a line per epoch everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

import keras  # noqa: TID253  (imported by the train command when it runs)
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress(keras.callbacks.Callback):
    """Shows steps, PSNR and remaining time.

    Args:
        note: prints a line for people, or nothing when they asked for quiet.
        quiet: no bar.
    """

    def __init__(self, note: Callable[[str], None], *, quiet: bool) -> None:
        super().__init__()
        self.note = note
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.bar = Progress(
            *columns, console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty()
        )
        self.task = None

    def __enter__(self) -> TrainingProgress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        steps = self.params["steps"]
        if self.task is None:
            self.task = self.bar.add_task("training", total=self.params["epochs"] * steps)
        self.bar.update(self.task, completed=epoch * steps)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.bar.update(self.task, advance=1, description=f"PSNR {logs['psnr']:.2f} dB")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        training, validation = (f"{logs[name]:.2f} dB" for name in ("psnr", "val_psnr"))
        self.note(f"epoch {epoch + 1}/{self.params['epochs']}: training {training}, validation {validation}")
