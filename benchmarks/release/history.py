"""All runs that made a model: how a card says them, and the commands that repeat them."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from dncnn_tf.config import RECIPES, TrainConfig
from dncnn_tf.data.datasets import published_sets
from dncnn_tf.errors import OptionError
from dncnn_tf.models.cards import read_card
from dncnn_tf.training.configs import train_config
from dncnn_tf.training.run_folder import Run

CURVE_POINTS = 40
# What `dncnn-tf train` can be told besides the recipe, for the same network and the same noise.
_OPTIONS = (
    "data",
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "patch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "initialization",
    "init",
    "quantization_aware",
    "seed",
)
_OF_THE_MACHINE = ("precision", "shards")


def runs_of(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of a card; one of earlier days has a single one, spread over it."""
    if "runs" in card:
        runs: list[dict[str, Any]] = card["runs"]
        return runs
    recipe = card["recipe"]
    own = {key: card[key] for key in ("command", "hours", "hardware", "curve")}
    shared = {key: recipe[key] for key in ("init", "data", "batch_size", "patch_size")}
    return [{**own, **shared, "steps": card["result"]["steps"]}]


def folder_of(name: str, number: int) -> str:
    """Where a model's run, counted from 1, is left by the commands of its card."""
    suffixes = {1: "", 2: "-finish"}
    return f"runs/{name}{suffixes.get(number, f'-finish-{number - 1}')}"


def history(folder: Path, hardware: str) -> list[dict[str, Any]]:
    """The run in a folder and those it goes on from, the first one first.

    They go back to nothing or to another model in the box; where a run goes on from the model in the box of its own
    name, that model's runs come before it.

    Args:
        folder: of the last run.
        hardware: what all of them were trained on, in words.

    Raises:
        OptionError: a run cannot be repeated by a command, or starts from something else.
    """
    run = Run(folder)
    config, log = run.config(), run.read_log()
    earlier: list[dict[str, Any]] = []
    name = config.name.removesuffix("-finish")
    if config.init == name:
        earlier = runs_of(read_card(name))
    elif config.init is not None and config.init not in RECIPES:
        earlier = history(_run_folder(Path(config.init)), hardware)
    if earlier:
        config = dataclasses.replace(config, init=folder_of(name, len(earlier)))
    own = {
        "command": command(config, folder_of(name, len(earlier) + 1)),
        **{name: getattr(config, name) for name in ("init", "data", "batch_size", "patch_size")},
        "steps": int(log[-1]["step"]),
        "hours": round(sum(row["seconds"] for row in log) / 3600, 2),
        "hardware": hardware,
        "curve": [
            {"step": int(row["step"]), "psnr": round(row["psnr"], 3), "val_psnr": round(row["val_psnr"], 3)}
            for row in log[-1 :: -max(1, len(log) // CURVE_POINTS)][::-1]
        ],
    }
    return [*earlier, own]


def _run_folder(init: Path) -> Path:
    """Of a run that was given as a folder or as a model in it."""
    for folder in (init, init.parent):
        if (folder / "config.json").exists():
            return folder
    raise OptionError(f"a model must start from nothing, from a model in the box or from a run. Received: {init}")


def command(config: TrainConfig, output: str) -> str:
    """What to type for a run such as this one: its recipe, and what differs from it.

    Args:
        config: the run's.
        output: the folder that it leaves.

    Raises:
        OptionError: more differs than a command can say, or the images are not a published set's.
    """
    plain = None if config.model.batch_norm else False
    recipe = train_config(recipe=config.name, batch_norm=plain)
    theirs = {name: getattr(recipe, name) for name in (*_OPTIONS, *_OF_THE_MACHINE)}
    if dataclasses.replace(config, **theirs) != recipe:
        raise OptionError(f"no command repeats this run: it is not one of the recipe {config.name}")
    if not set(config.data.split("+")) <= published_sets().keys():
        raise OptionError(f"only published sets can be had again. Received: data={config.data}")
    given = {name: getattr(config, name) for name in _OPTIONS if getattr(config, name) != getattr(recipe, name)}
    options = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}")
        for name, value in given.items()
    ]
    if output != f"runs/{config.name}":
        options.append(f"--output {output}")
    without = ["--no-batch-norm"] if recipe.model != train_config(recipe=config.name).model else []
    return " ".join(["dncnn-tf train --recipe", config.name, *without, *options])
