"""The rules that turn what a person asks for into a configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ..config import RECIPES, ModelConfig, Precision, TrainConfig, finishing_recipe, paper_recipe
from ..errors import OptionError

_STAGES = {"-paper": paper_recipe, "-finish": finishing_recipe}
_MODEL_OPTIONS = {field.name for field in dataclasses.fields(ModelConfig)}


def train_config(*, recipe: str | None = None, color: bool | None = None, **options: Any) -> TrainConfig:
    """A recipe, by its name or by what it is for, with what is given put in.

    Args:
        recipe: one of `RECIPES`; NAME-paper trains as published, NAME-finish goes on from a trained model until it is
            finished. None for the recipe of the `sigma` or `task` given.
        color: RGB or grey images; None for the recipe's.
        **options: fields of `TrainConfig` and of `ModelConfig`; None for the recipe's.

    Raises:
        OptionError: there is no such recipe, it is not clear which one, or the options contradict each other.
    """
    given = {name: value for name, value in options.items() if value is not None}
    base = _recipe(recipe, color, given)
    model = dataclasses.replace(base.model, **{name: given[name] for name in given if name in _MODEL_OPTIONS})
    if color is not None:
        model = dataclasses.replace(model, channels=3 if color else 1)
    # Batch normalisation can be left out: that of the start is folded away.
    as_the_start = dataclasses.replace(model, batch_norm=base.model.batch_norm) == base.model
    if base.init is not None and "init" not in given and not as_the_start:
        raise OptionError(
            f"`recipe` {recipe} starts from {base.init}, so its network is fixed; to train another one, give `sigma`"
        )
    rest = {name: value for name, value in given.items() if name not in _MODEL_OPTIONS}
    if rest.get("optimizer") == "adamw" and base.weight_decay == 0:
        rest.setdefault("weight_decay", 1e-4)
    return dataclasses.replace(base, model=model, **rest)


def _recipe(name: str | None, color: bool | None, given: dict[str, Any]) -> TrainConfig:
    if name is not None:
        return _named_recipe(name)
    if given.get("task") == "general":
        return dataclasses.replace(RECIPES["dncnn-3"], init=None)
    if given.get("task") == "photo":
        # Statistics can only be frozen from the start where a trained model brings them.
        recipe, share = RECIPES["dncnn-photo"], RECIPES["dncnn-b"].frozen_share
        return dataclasses.replace(recipe, init=None, start_share=0.0, frozen_share=share)
    if "sigma" not in given:
        raise OptionError("say what to train: `sigma` 25, `sigma` 0-55, `task` general, `task` photo or `recipe` NAME")
    low, high = given["sigma"]
    if low < high:
        return dataclasses.replace(RECIPES["cdncnn-b" if color else "dncnn-b"], init=None)
    return dataclasses.replace(RECIPES["dncnn-s-25"], name=f"{'c' if color else ''}dncnn-s-{low:g}")


def _named_recipe(name: str) -> TrainConfig:
    for suffix, stage in _STAGES.items():
        if name.endswith(suffix) and name.removesuffix(suffix) in RECIPES:
            return stage(name.removesuffix(suffix))
    if name not in RECIPES:
        raise OptionError(
            f"no such `recipe`; there are {', '.join(RECIPES)}, each also with -paper (as published) and -finish "
            f"(going on from it). Received: {name}"
        )
    return RECIPES[name]


def finetuning_config(
    noisy: str | Path,
    clean: str | Path,
    *,
    model: str | Path = "auto",
    name: str = "finetuned",
    epochs: int = 10,
    steps_per_epoch: int = 100,
    batch_size: int = 8,
    patch_size: int = 64,
    learning_rate: float = 2e-4,
    precision: Precision = "auto",
    seed: int = 0,
) -> TrainConfig:
    """To go on from a model with pairs of noisy and clean pictures, its statistics fixed.

    Args:
        noisy: folder of the noisy pictures.
        clean: folder of the clean ones, under the same names.
        model: where to start, a name or path; "auto" for the model for photographs in the box if a picture has colour,
            and for the blind grey one if none has.
        name: the run's.
        epochs: rounds, each of which ends with a validation.
        steps_per_epoch: steps in a round.
        batch_size: patches in a step.
        patch_size: side of a patch in pixels.
        learning_rate: the highest rate.
        precision: "auto", "float32" or "bfloat16".
        seed: decides which patches are seen.

    Raises:
        DatasetError: a clean picture cannot be read.
        ModelError: the model cannot be loaded.
        OptionError: a number is out of range.
    """
    from ..data.datasets import resolve
    from ..data.decoding import is_color
    from ..models.cards import first_shipped
    from ..models.dncnn import model_config
    from ..models.weights import load_model

    if model == "auto":
        color = any(is_color(path) for path in resolve(str(clean)))
        model = first_shipped("dncnn-photo", "cdncnn-b") if color else "dncnn-b"
    return TrainConfig(
        name=name,
        model=model_config(load_model(model)),
        task="pairs",
        data=str(clean),
        noisy_data=str(noisy),
        init=str(model),
        frozen_share=1.0,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        patch_size=patch_size,
        learning_rate=learning_rate,
        precision=precision,
        seed=seed,
    )
