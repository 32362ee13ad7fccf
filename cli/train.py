"""`dncnn-tf train`: train a model and leave it in a run folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from dncnn_tf.config import PUBLISHED, RECIPES, ModelConfig, TrainConfig, paper_recipe

from .common import command, note
from .parameters import SigmaRange
from .training_run import run

_RECIPES = [*RECIPES, *(f"{name}-paper" for name in PUBLISHED)]


@command("train")
@click.option("--sigma", type=SigmaRange(), help="Noise level (DnCNN-S), or LOW-HIGH for a blind model (DnCNN-B).")
@click.option(
    "--recipe", type=click.Choice(_RECIPES), metavar="NAME", help="A named model; NAME-paper trains it as published."
)
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
@click.option("--epochs", type=click.IntRange(1), help="Rounds, each ending with validation and a checkpoint.")
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
    "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="auto: bfloat16 where it is fast."
)
@click.option("--devices", metavar="NAMES", help="Comma-separated TensorFlow devices. Default: all.")
@click.option("--seed", type=click.IntRange(0), help="Decides weights, patches and noise.")
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/RECIPE]")
@click.option("--resume", is_flag=True, help="Go on with the run in --output where it stopped.")
def train(
    recipe: str | None,
    color: bool | None,
    devices: str | None,
    output: Path | None,
    resume: bool,
    **options: Any,
) -> None:
    """Train a model.

    \b
    dncnn-tf train --sigma 25                     DnCNN-S on embedded photographs
    dncnn-tf train --sigma 25 --data train400     … on the images the paper used
    dncnn-tf train --sigma 0-55 --color           CDnCNN-B
    dncnn-tf train --task photo                   … for what cameras and phones write
    dncnn-tf train --recipe dncnn-s-25-paper      … trained as published
    dncnn-tf train --recipe dncnn-s-15            the shipped model: starts from dncnn-s-25
    """
    given = {name: value for name, value in options.items() if value is not None}
    chosen = recipe is not None or color is not None or bool(given)
    if resume and not chosen and output is None:
        raise click.UsageError("say which run to go on with: --resume --output DIR, or the options it was started with")
    config = None if resume and not chosen else _config(recipe, color, given)
    folder = output or Path("runs") / config.name

    if config is not None and config.data == "sample":
        note("training on the embedded photographs; the paper used 400 images: --data train400")
    run(config, folder, resume=resume, devices=devices)


def _config(recipe: str | None, color: bool | None, given: dict[str, Any]) -> TrainConfig:
    """The recipe asked for by name or by what it is for, with the options given put in."""
    base = _named_recipe(recipe, color, given)
    fields = {field.name for field in dataclasses.fields(ModelConfig)}
    model = dataclasses.replace(base.model, **{name: given[name] for name in given if name in fields})
    if color is not None:
        model = dataclasses.replace(model, channels=3 if color else 1)
    if base.init is not None and "init" not in given and model != base.model:
        raise click.UsageError(
            f"--recipe {recipe} starts from {base.init}, so its network is fixed; to train another one, give --sigma"
        )
    rest = {name: value for name, value in given.items() if name not in fields}
    if rest.get("optimizer") == "adamw" and base.weight_decay == 0:
        rest.setdefault("weight_decay", 1e-4)
    try:
        return dataclasses.replace(base, model=model, **rest)
    except ValueError as failure:
        raise click.UsageError(str(failure)) from None


def _named_recipe(recipe: str | None, color: bool | None, given: dict[str, Any]) -> TrainConfig:
    if recipe is not None:
        return paper_recipe(recipe.removesuffix("-paper")) if recipe.endswith("-paper") else RECIPES[recipe]
    if given.get("task") == "general":
        return dataclasses.replace(RECIPES["dncnn-3"], init=None)
    if given.get("task") == "photo":
        # Statistics can only be frozen from the start where a trained model brings them.
        return dataclasses.replace(RECIPES["dncnn-photo"], init=None, frozen_share=RECIPES["dncnn-b"].frozen_share)
    if "sigma" not in given:
        raise click.UsageError("say what to train: --sigma 25, --sigma 0-55, --task general|photo or --recipe NAME")
    low, high = given["sigma"]
    if low < high:
        return dataclasses.replace(RECIPES["cdncnn-b" if color else "dncnn-b"], init=None)
    return dataclasses.replace(RECIPES["dncnn-s-25"], name=f"{'c' if color else ''}dncnn-s-{low:g}")
