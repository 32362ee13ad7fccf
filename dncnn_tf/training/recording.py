"""What a training run leaves behind: log, curves, checkpoints, the best and the last model."""

from __future__ import annotations

import importlib.util
import math
import time
from pathlib import Path

import keras

from ..config import TrainConfig
from ..files import atomic_path, write_json
from ..models.weights import save_model
from .rounding import without_rounding
from .run_folder import Run


class Record(keras.callbacks.Callback):
    """After each epoch: log, curves, the best model so far and the checkpoint.

    Args:
        config: of the run.
        run: its folder.
        rows: the log of the epochs behind it.
    """

    def __init__(self, config: TrainConfig, run: Run, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.config, self.run, self.rows = config, run, rows

    @property
    def best_psnr(self) -> float:
        """Highest validation PSNR of an epoch so far, in dB."""
        return max((row["val_psnr"] for row in self.rows), default=-math.inf)

    def network(self, model: keras.Model) -> keras.Model:
        """What is kept of a model: the DnCNN in it."""
        return without_rounding(model, self.config.model) if self.config.quantization_aware else model

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write everything down; `logs` has the epoch's means."""
        means = logs or {}
        row = {name: float(means[name]) for name in ("loss", "psnr", "val_loss", "val_psnr")}
        row |= {
            "epoch": epoch + 1,
            "step": (epoch + 1) * self.config.steps_per_epoch,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.monotonic() - self.started, 2),
        }
        improved = row["val_psnr"] > self.best_psnr
        self.rows.append(row)
        self.run.write_log(self.rows)
        draw_curves(self.rows, self.run.curves_file)
        if improved:
            save_model(self.network(self.model), self.run.best_file)
        # Last, so that whatever interrupts the lines above is done again after a resume.
        self.run.save_checkpoint(self.model, epoch + 1)

    def finish(self, model: keras.Model, psnr: float) -> None:
        """Keep the final model, as the best one too if it is, and the run's result.

        One that was brought back towards its start is the best in any case: for pictures that validation is not made
        of.

        Args:
            model: with its final statistics.
            psnr: its validation PSNR in dB.
        """
        model = self.network(model)
        save_model(model, self.run.last_file)
        best_psnr = psnr if self.config.start_share else max(psnr, self.best_psnr)
        if best_psnr == psnr:
            save_model(model, self.run.best_file)
        result = {
            "steps": self.config.total_steps,
            "seconds": round(sum(row["seconds"] for row in self.rows), 1),
            "val_psnr": best_psnr,
            "last_val_psnr": psnr,
        }
        write_json(self.run.result_file, result)


def tensorboard(run: Run) -> list[keras.callbacks.Callback]:
    """TensorBoard events in the run folder, where tensorboard is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(run.folder / "tensorboard", write_graph=False)]


def draw_curves(rows: list[dict[str, float]], target: Path) -> None:
    """Training and validation PSNR over the steps, as a PNG.

    Args:
        rows: the log.
        target: the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="PSNR in dB", title="Learning curve")
    steps = [row["step"] for row in rows]
    axes.plot(steps, [row["psnr"] for row in rows], label="training patches")
    axes.plot(steps, [row["val_psnr"] for row in rows], label="validation")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(target) as path:
        figure.savefig(path, dpi=120)
