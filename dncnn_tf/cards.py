"""The cards of models: what each was trained on, how, and what it was measured at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .config import RECIPES

PRETRAINED = Path(__file__).parent / "pretrained"


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
