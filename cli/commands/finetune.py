"""`dncnn-tf finetune`: adapt a model to the noise of one's own pictures."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from ..common import command, start_keras
from ..training_run import devices_option, precision_option, run


@command("finetune")
@click.option(
    "--pairs",
    nargs=2,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="NOISY_DIR CLEAN_DIR",
    help="Noisy pictures, and the same ones clean, under the same names.",
)
@click.option(
    "--model", default="auto", show_default=True, metavar="NAME|PATH", help="Where to start; auto: by colour."
)
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True, help="Rounds, each validated.")
@click.option("--steps-per-epoch", type=click.IntRange(1), default=100, show_default=True, help="Steps in a round.")
@click.option("--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Patches per step.")
@click.option("--patch-size", type=click.IntRange(8), default=64, show_default=True, help="Side of a patch in pixels.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=2e-4,
    show_default=True,
    help="Highest learning rate.",
)
@precision_option
@devices_option
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which patches are seen.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs/finetuned"),
    show_default=True,
    metavar="DIR",
    help="Run folder.",
)
def finetune(pairs: tuple[Path, Path], output: Path, **options: Any) -> None:
    """Adapt a model to the noise of your camera or scanner.

    NOISY_DIR holds pictures as they come; CLEAN_DIR the same ones without noise, such as the mean of many exposures.
    One picture in twenty, at least one, is held out to tell whether it helps.

    \b
    dncnn-tf finetune --pairs noisy/ clean/
    dncnn-tf denoise photo.png --model runs/finetuned
    """
    start_keras()
    from dncnn_tf import finetune as start

    run(functools.partial(start, *pairs, output=output, **options), output)
