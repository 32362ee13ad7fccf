"""What every command that trains does: progress, advice after Ctrl-C, the model's path as the result."""

from __future__ import annotations

from pathlib import Path

import click

from dncnn_tf.config import TrainConfig
from dncnn_tf.training.workers import Cluster

from .common import note, start_keras


def run(config: TrainConfig | None, folder: Path, *, resume: bool = False, devices: str | None = None) -> None:
    """Train into a run folder and print the best model's path.

    Args:
        config: what to train; None, with `resume`, for the run's own configuration.
        folder: the run folder.
        resume: go on where the run stopped.
        devices: comma-separated TensorFlow devices, None for all.
    """
    start_keras()
    from dncnn_tf.training.fit import train

    from .training_progress import TrainingProgress

    with TrainingProgress(note, quiet=click.get_current_context().meta["quiet"]) as progress:
        try:
            train(
                config,
                folder,
                resume=resume,
                devices=devices.split(",") if devices else None,
                callbacks=[progress],
                note=note,
            )
        except KeyboardInterrupt:
            if (folder / "config.json").exists():
                note(f"go on from the last finished epoch with: dncnn-tf train --resume --output {folder}")
            raise
    if Cluster.from_environment().is_chief:
        click.echo(folder / "best.keras")
