"""The cards of models: what each was trained on, how, and what it was measured at."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ..config import RECIPES, ModelConfig
from ..errors import DnCNNError, OptionError

PRETRAINED = Path(__file__).parents[1] / "pretrained"

DEGREE_NAMES = {"denoise": "sigma", "super-resolution": "scale", "jpeg": "quality"}
"""How hard each task of an evaluation is, is told by one number, its degree; so a card and an option call it."""

_DEGREE_TEXTS = {"denoise": "σ {:g}", "super-resolution": "×{:g}", "jpeg": "quality {:g}"}


_LARGEST = 10_000_000  # bytes of a card; those of the shipped models have some 5,000


class ModelError(DnCNNError):
    """A model cannot be loaded; the message says which, why and what to do."""


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return [name for name in RECIPES if (PRETRAINED / f"{name}.json").exists()]


def first_shipped(*names: str) -> str:
    """The first of these models that comes with the package, or else the last."""
    shipped = shipped_models()
    return next((name for name in names if name in shipped), names[-1])


def read_card(name: str) -> dict[str, Any]:
    """The card of a shipped model: recipe, data, steps, measured PSNR, SHA-256 of the weights.

    Raises:
        ModelError: no such model is shipped.
    """
    if name not in shipped_models():
        raise ModelError(f"{name}: no such model is shipped; there are: {', '.join(shipped_models())}")
    card: dict[str, Any] = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
    return card


def parse_card(file: Path) -> dict[str, Any]:
    """What a card's file holds.

    Raises:
        ModelError: it is no card, or damaged.
        FileNotFoundError: it is not there.
    """
    with file.open("rb") as stream:
        text = stream.read(_LARGEST + 1)
    try:
        content = json.loads(text) if len(text) <= _LARGEST else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ModelError(f"{file}: not a model card, or damaged; take another copy of it and of what it belongs to")
    return content


def shape_of_card(file: Path, card: dict[str, Any]) -> ModelConfig:
    """The network that a card describes.

    Args:
        file: where the card is.
        card: as `parse_card` returns it.

    Raises:
        ModelError: it describes none.
    """
    shape = card.get("model")
    known = [field.name for field in dataclasses.fields(ModelConfig)]
    if not isinstance(shape, dict) or not set(shape) <= set(known):
        names = ", ".join(known)
        raise ModelError(f"{file}: not a model card: its 'model' may hold {names} and nothing else; take another copy")
    try:
        return ModelConfig(**shape)
    except OptionError as error:
        raise ModelError(f"{file}: not a model card: {error}") from None


def task_and_degree(row: dict[str, Any]) -> tuple[str, float | None]:
    """What one row of a card's "measured" was measured at: the task, and σ, scale or quality.

    Args:
        row: holds one of the keys of `DEGREE_NAMES`, or none where the set has noise of its own.
    """
    return next(((task, row[name]) for task, name in DEGREE_NAMES.items() if name in row), ("denoise", None))


def degree_text(row: dict[str, Any]) -> str:
    """The degree for people, such as "σ 25", "×3", "quality 10" or "own noise".

    Args:
        row: as for `task_and_degree`.
    """
    task, degree = task_and_degree(row)
    return "own noise" if degree is None else _DEGREE_TEXTS[task].format(degree)


def best_in_the_box() -> dict[tuple[str, str], tuple[float, str]]:
    """The highest PSNR in dB and its model, for each set and degree (as `degree_text`) that a shipped model's card has.

    A model for many tasks or degrees is seldom the best at each of them.
    """
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for name in shipped_models():
        for row in read_card(name)["measured"]:
            where = row["data"], degree_text(row)
            best[where] = max(best.get(where, (0.0, "")), (row["psnr"], name))
    return best
