"""`dncnn-tf train`: train a model and leave it in a run folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..common import command, note, start_keras
from ..parameters import SigmaRange
from ..training_run import devices_option, run

if TYPE_CHECKING:
    from dncnn_tf import TrainConfig


@command("train")
@click.option("--sigma", type=SigmaRange(), help="Noise level (DnCNN-S), or LOW-HIGH for a blind model (DnCNN-B).")
@click.option("--recipe", metavar="NAME", help="A named model; NAME-paper: as published; NAME-finish: going on.")
@click.option(
    "--task",
    type=click.Choice(["denoise", "general", "photo"]),
    help="general: noise, super-resolution and JPEG (DnCNN-3). photo: as cameras write pictures, simulated.",
)
@click.option("--color/--grey", default=None, help="RGB or grey images.")
@click.option("--depth", type=click.IntRange(3), help="Number of convolutions.")
@click.option("--filters", type=click.IntRange(1), help="Feature maps per layer.")
@click.option(
    "--residual/--no-residual", default=None, help="Predict the noise (the paper's way) or the image (Fig. 2)."
)
@click.option(
    "--batch-norm/--no-batch-norm", default=None, help="Batch normalisation (the paper's way) or none (Fig. 2)."
)
@click.option("--data", metavar="NAME|DIR", help="Sets or folders, joined by +. Default: embedded photographs.")
@click.option("--validation-data", metavar="NAME|DIR", help="Default: some images of --data, held out.")
@click.option("--epochs", type=click.IntRange(1), help="Rounds, each with a checkpoint; may change with --resume.")
@click.option("--steps-per-epoch", type=click.IntRange(1), help="Optimizer steps in a round.")
@click.option("--batch-size", type=click.IntRange(1), help="Patches per step, over all devices.")
@click.option("--patch-size", type=click.IntRange(8), help="Side of a patch in pixels.")
@click.option("--optimizer", type=click.Choice(["muon", "adam", "adamw", "sgd"]))
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Highest learning rate.")
@click.option("--schedule", type=click.Choice(["cosine", "exponential", "constant"]))
@click.option(
    "--initialization", type=click.Choice(["he", "identity"]), help="he: as published; identity: learns sooner."
)
@click.option("--init", metavar="MODEL", help="Start from this model (name or path), also a shallower one.")
@click.option(
    "--quantization-aware", is_flag=True, default=None, help="Learn with rounded features, so that int8 costs less."
)
@click.option(
    "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="auto: bfloat16 where it is fast."
)
@devices_option
@click.option("--seed", type=click.IntRange(0), help="Decides weights, patches and noise.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/RECIPE]")
@click.option("--resume", is_flag=True, help="Go on with the run in --output where it stopped.")
def train(devices: list[str] | None, output: Path | None, resume: bool, epochs: int | None, **options: Any) -> None:
    """Train a model.

    \b
    dncnn-tf train --sigma 25                     DnCNN-S on embedded photographs
    dncnn-tf train --sigma 25 --data train400     … on the images the paper used
    dncnn-tf train --sigma 0-55 --color           CDnCNN-B
    dncnn-tf train --task photo                   … for what cameras and phones write
    dncnn-tf train --recipe dncnn-s-25-paper      … trained as published
    dncnn-tf train --recipe dncnn-s-15            for σ 15: starts from dncnn-s-25
    dncnn-tf train --recipe dncnn-s-25-finish     … goes on from dncnn-s-25
    dncnn-tf train --resume --output runs/mine    a run that was stopped
    """
    from dncnn_tf import OptionError, train_config

    if any(value is not None for value in options.values()) or not resume:
        config = train_config(epochs=epochs, **options)
        output = output or Path("runs") / config.name
        if config.data == "sample":
            note(f"training on the embedded photographs alone; there is more to learn from --data {_published(config)}")
    elif output is None:
        raise OptionError("say which run to go on with: `resume` with `output` DIR, or the options it was started with")
    else:
        config = None
    start_keras()
    from dncnn_tf import train as start

    run(functools.partial(start, config, output, resume=resume, epochs=epochs, devices=devices), output)


def _published(config: TrainConfig) -> str:
    """Sets that suit: the paper's 400 grey images, or those that the models in the box have learned from."""
    if config.task == "general":
        return "t91+bsd200"
    return "cbsd432" if config.model.channels == 3 else "train400"
