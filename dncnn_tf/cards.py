"""The cards of models: what each was trained on, how, and what it was measured at."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .config import RECIPES, ModelConfig

PRETRAINED = Path(__file__).parent / "pretrained"

LEVEL_NAMES = {"denoise": "sigma", "super-resolution": "scale", "jpeg": "quality"}
"""How hard each task of an evaluation is, is told by one number; this is what a card and an option call it."""

_LEVEL_TEXTS = {"denoise": "σ {:g}", "super-resolution": "×{:g}", "jpeg": "quality {:g}"}


class ModelError(Exception):
    """A model cannot be loaded; the message says which, why and what to do."""


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return [name for name in RECIPES if (PRETRAINED / f"{name}.json").exists()]


def read_card(name: str) -> dict[str, Any]:
    """The card of a shipped model: recipe, data, steps, measured PSNR, SHA-256 of the weights.

    Raises:
        ModelError: no such model is shipped.
    """
    if name not in shipped_models():
        raise ModelError(f"{name}: no such model is shipped; there are: {', '.join(shipped_models())}")
    return json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))


def task_and_level(row: dict[str, Any]) -> tuple[str, float | None]:
    """What one row of a card's "measured" was measured at: the task, and σ, scale or quality.

    Args:
        row: holds one of the keys of `LEVEL_NAMES`, or none where the set has noise of its own.
    """
    return next(((task, row[name]) for task, name in LEVEL_NAMES.items() if name in row), ("denoise", None))


def level_text(row: dict[str, Any]) -> str:
    """The same for people, such as "σ 25", "×3", "quality 10" or "own noise"."""
    task, level = task_and_level(row)
    return "own noise" if level is None else _LEVEL_TEXTS[task].format(level)


def best_in_the_box() -> dict[tuple[str, str], tuple[float, str]]:
    """The highest PSNR in dB and its model, for each set and level (as `level_text`) that a shipped model's card has.

    A model for many tasks or levels is seldom the best at each of them.
    """
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for name in shipped_models():
        for row in read_card(name)["measured"]:
            where = row["data"], level_text(row)
            best[where] = max(best.get(where, (0.0, "")), (row["psnr"], name))
    return best


def checked_config(weights: Path) -> ModelConfig:
    """The shape of the network whose weights a file holds, by the card beside it, which the file must match.

    Args:
        weights: a `.weights.h5` file; its card has the same name and ends in `.json`.

    Raises:
        ModelError: one of the two is missing or damaged, or they do not belong together.
    """
    card_file = weights.with_name(weights.name.removesuffix(".weights.h5") + ".json")
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        config, expected = ModelConfig(**card["model"]), card["sha256"]
        received = hashlib.sha256(weights.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename}: missing; weights and their card (.json) belong side by side") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{card_file}: not a model card ({error})") from None
    if received != expected:
        raise ModelError(f"{weights}: damaged, its SHA-256 is not the card's ({received[:12]}… for {expected[:12]}…)")
    return config
