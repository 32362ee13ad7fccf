"""Progress of training: a bar on a terminal, a line per epoch everywhere."""

from __future__ import annotations

from collections.abc import Callable

import keras  # noqa: TID253  (imported by the commands that train when they run)

from .progress import Bar


class TrainingProgress(keras.callbacks.Callback):
    """Shows steps and PSNR.

    Args:
        bar: counts the steps.
        note: prints a line for people, or nothing when they asked for quiet.
    """

    def __init__(self, bar: Bar, note: Callable[[str], None]) -> None:
        super().__init__()
        self.bar, self.note = bar, note

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        steps = self.params["steps"]
        self.bar.describe("training", total=self.params["epochs"] * steps)
        self.bar(epoch * steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.advance()
        self.bar.describe(f"PSNR {(logs or {})['psnr']:.2f} dB")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        training, validation = (f"{(logs or {})[name]:.2f} dB" for name in ("psnr", "val_psnr"))
        self.note(f"epoch {epoch + 1}/{self.params['epochs']}: training {training}, validation {validation}")
