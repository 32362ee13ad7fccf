"""What every command that trains does: progress, advice after Ctrl-C, the model's path as the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .common import note
from .progress import bar

precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="auto: bfloat16 where it is fast.",
)
devices_option = click.option(
    "--devices",
    metavar="NAMES",
    callback=lambda context, option, names: names and names.split(","),
    help="Comma-separated TensorFlow devices. Default: all.",
)


def run(start: Callable[..., Any], output: Path) -> None:
    """Train and print the best model's path.

    Args:
        start: trains into `output`, given `callbacks` and `note`.
        output: the run folder.
    """
    from dncnn_tf import Cluster

    from .training_progress import TrainingProgress

    with bar(None, "steps", "training") as steps:
        try:
            start(callbacks=[TrainingProgress(steps, note)], note=note)
        except KeyboardInterrupt:
            if (output / "config.json").exists():
                note(f"go on from the last finished epoch with: dncnn-tf train --resume --output {output}")
            raise
    if Cluster.from_environment().is_chief:
        click.echo(output / "best.keras")
