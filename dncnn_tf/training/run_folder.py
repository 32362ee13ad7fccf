"""A run folder: its configuration, log, checkpoints and models, safe against interruption and a second process."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from ..config import TrainConfig
from ..errors import DnCNNError, OptionError
from ..files import atomic_path, write_json
from ..models import batch_norm  # noqa: F401 (checkpoints hold what these register with Keras)
from ..models.cards import ModelError, parse_card
from ..models.weights import save_model
from . import losses, optimizers, rounding  # noqa: F401 (checkpoints hold what these register with Keras)

LOG_FIELDS = ("epoch", "step", "loss", "psnr", "val_loss", "val_psnr", "learning_rate", "seconds")
_KEPT_CHECKPOINTS = 2


class RunError(DnCNNError):
    """The run folder cannot be used; the message says why and what to do."""


class Run:
    """Files of one training run.

    Args:
        folder: where they are, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_file = folder / "config.json"
        self.log_file = folder / "log.csv"
        self.curves_file = folder / "curves.png"
        self.result_file = folder / "result.json"
        self.best_file = folder / "best.keras"
        self.last_file = folder / "last.keras"
        self.checkpoints = folder / "checkpoints"

    def require_empty(self) -> None:
        """Check that a new run can be started here.

        Raises:
            RunError: the folder holds something already, or is none.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"{self.folder}: not a folder; give another `output`")
        if self.folder.exists() and any(path.name != "lock" for path in self.folder.iterdir()):
            raise RunError(
                f"{self.folder}: not empty; give another `output`, or go on with the run there: "
                "`dncnn_tf.train` with `resume`"
            )

    def write_config(self, config: TrainConfig) -> None:
        """Write config.json."""
        write_json(self.config_file, config.to_dict())

    def config(self, expected: TrainConfig | None = None) -> TrainConfig:
        """The configuration the run was started with.

        Args:
            expected: what the caller takes it to be, if it says so. Precision "auto" agrees with any, 1 shard too,
                which it becomes with several workers only, and the epochs may be others.

        Raises:
            RunError: there is none, it is damaged, or it is not the expected one.
        """
        try:
            config = TrainConfig.from_dict(parse_card(self.config_file))
        except FileNotFoundError:
            raise RunError(f"{self.folder}: no run to go on with (config.json is missing)") from None
        except OptionError as error:
            raise RunError(f"{self.config_file}: damaged ({error}); start a new run with another `output`") from None
        except (ModelError, ValueError, TypeError, KeyError, AttributeError):
            raise RunError(f"{self.config_file}: damaged; start a new run with another `output`") from None
        if expected is not None:
            _require_equal(self.folder, config, expected)
        return config

    def rescheduled(self, config: TrainConfig, epochs: int) -> TrainConfig:
        """The run's configuration, for another number of epochs.

        Statistics of batch normalisation that are fixed by now stay so.

        Raises:
            RunError: more epochs than that are done already.
        """
        if epochs == config.epochs:
            return config
        done = max(map(_epoch, self._checkpoint_files()), default=0)
        if epochs < done:
            raise RunError(f"{self.folder}: {done} epochs are done already; give `epochs` of at least that")
        share = (epochs - config.live_epochs) / epochs if done > config.live_epochs else config.frozen_share
        return dataclasses.replace(config, epochs=epochs, frozen_share=share)

    @contextlib.contextmanager
    def locked(self, *, new: bool) -> Iterator[None]:
        """Keep other processes out of the folder while training.

        Args:
            new: a run is to be started here.

        Raises:
            RunError: another process is training here, or has left something where a new run was to start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(
                    f"{self.folder}: in use by another training; wait for it or give another `output`"
                ) from None
            if new:
                self.require_empty()
            yield

    def save_checkpoint(self, model: keras.Model, epoch: int) -> None:
        """Keep the state after `epoch` finished epochs: weights, optimizer, statistics."""
        self.checkpoints.mkdir(exist_ok=True)
        save_model(model, self.checkpoints / f"epoch-{epoch:05d}.keras")
        for old in self._checkpoint_files()[:-_KEPT_CHECKPOINTS]:
            old.unlink()

    def latest_checkpoint(self, note: Callable[[str], None] = lambda line: None) -> tuple[keras.Model, int] | None:
        """The newest checkpoint that can be read: model and finished epochs; None where no epoch was finished.

        Args:
            note: is told of damaged ones that are passed over.

        Raises:
            RunError: there are checkpoints, and all of them are damaged.
        """
        files = self._checkpoint_files()
        for file in reversed(files):
            try:
                return keras.saving.load_model(file), _epoch(file)
            except Exception as error:  # a damaged archive fails in many ways
                note(f"{file}: damaged ({type(error).__name__}); going back to the checkpoint before it")
        if files:
            raise RunError(f"{self.checkpoints}: every checkpoint is damaged; start a new run with another `output`")
        return None

    def _checkpoint_files(self) -> list[Path]:
        return sorted(self.checkpoints.glob("epoch-*.keras"))

    def read_log(self) -> list[dict[str, float]]:
        """Rows of log.csv, one for each finished epoch."""
        if not self.log_file.exists():
            return []
        try:
            with self.log_file.open(newline="", encoding="utf-8") as file:
                return [{name: float(row[name]) for name in LOG_FIELDS} for row in csv.DictReader(file)]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.log_file}: damaged ({error}); start a new run with another `output`") from None

    def write_log(self, rows: list[dict[str, float]]) -> None:
        """Replace log.csv."""
        with atomic_path(self.log_file) as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            writer.writeheader()
            writer.writerows(rows)


def _epoch(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("epoch-"))


def _require_equal(folder: Path, config: TrainConfig, expected: TrainConfig) -> None:
    have, want = config.to_dict(), expected.to_dict()
    if want["precision"] == "auto":
        want["precision"] = have["precision"]
    if want["shards"] == 1:
        want["shards"] = have["shards"]
    want["epochs"] = have["epochs"]
    different = [f"{name} is {have[name]}, not {want[name]}" for name in have if have[name] != want[name]]
    if different:
        raise RunError(f"{folder}: was started otherwise ({'; '.join(different)}); resume it with `output` alone")
