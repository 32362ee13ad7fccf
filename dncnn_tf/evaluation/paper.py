"""What the paper reports of its own models: Tables II, III and V, and the colour model's figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..models.cards import ModelError, parse_card
from ..models.source import find_source
from ..models.weights_file import card_of_weights
from .settings import EvaluationTask

PaperModel = Literal["DnCNN-S", "DnCNN-B", "DnCNN-3", "CDnCNN-B"]

# Table II: average PSNR on BSD68.
_TABLE_2: dict[str, dict[float, float]] = {
    "DnCNN-S": {15: 31.73, 25: 29.23, 50: 26.23},
    "DnCNN-B": {15: 31.61, 25: 29.16, 50: 26.23},
}

# Table III: PSNR of each image of Set12, then their average.
_TABLE_3: dict[str, dict[float, tuple[float, ...]]] = {
    "DnCNN-S": {
        15: (32.61, 34.97, 33.30, 32.20, 33.09, 31.70, 31.83, 34.62, 32.64, 32.42, 32.46, 32.47, 32.859),
        25: (30.18, 33.06, 30.87, 29.41, 30.28, 29.13, 29.43, 32.44, 30.00, 30.21, 30.10, 30.12, 30.436),
        50: (27.03, 30.00, 27.32, 25.70, 26.78, 25.87, 26.48, 29.39, 26.22, 27.20, 27.24, 26.90, 27.178),
    },
    "DnCNN-B": {
        15: (32.10, 34.93, 33.15, 32.02, 32.94, 31.56, 31.63, 34.56, 32.09, 32.35, 32.41, 32.41, 32.680),
        25: (29.94, 33.05, 30.84, 29.34, 30.25, 29.09, 29.35, 32.42, 29.69, 30.20, 30.09, 30.10, 30.362),
        50: (27.03, 30.02, 27.39, 25.72, 26.83, 25.89, 26.48, 29.38, 26.38, 27.23, 27.23, 26.91, 27.206),
    },
}

# Table V, column DnCNN-3: average PSNR and SSIM.
TABLE_5: dict[EvaluationTask, dict[str, dict[float, tuple[float, float]]]] = {
    "denoise": {
        "bsd68": {15: (31.46, 0.8826), 25: (29.02, 0.8190), 50: (26.10, 0.7076)},
    },
    "super-resolution": {
        "set5": {2: (37.58, 0.9590), 3: (33.75, 0.9222), 4: (31.40, 0.8845)},
        "set14": {2: (33.03, 0.9128), 3: (29.81, 0.8321), 4: (28.04, 0.7672)},
        "bsd100": {2: (31.90, 0.8961), 3: (28.85, 0.7981), 4: (27.29, 0.7253)},
        "urban100": {2: (30.74, 0.9139), 3: (27.15, 0.8276), 4: (25.20, 0.7521)},
    },
    "jpeg": {
        "classic5": {10: (29.40, 0.8026), 20: (31.63, 0.8610), 30: (32.91, 0.8861), 40: (33.77, 0.9003)},
        "live1": {10: (29.19, 0.8123), 20: (31.59, 0.8802), 30: (32.98, 0.9090), 40: (33.96, 0.9247)},
    },
}

# The authors' colour model on CBSD68, published beside its weights.
_COLOR: dict[float, float] = {15: 33.89, 25: 31.23, 50: 27.92}


@dataclass(frozen=True)
class PaperFigure:
    """One published result.

    Attributes:
        model: the paper's name of the model.
        psnr: average in decibels.
        ssim: average; None where the paper has none.
        images: PSNR by the file's stem, where the paper has it.
    """

    model: str
    psnr: float
    ssim: float | None = None
    images: dict[str, float] = field(default_factory=dict)


def paper_model_of(model: str | Path) -> PaperModel | None:
    """The paper's model that corresponds to ours, by what the card or the run says that ours was trained for.

    Args:
        model: a shipped model's name, a run folder or a model in it, or a `.weights.h5` file with its card.

    Returns:
        None where nothing says it: two of the paper's models have the same shape.
    """
    recipe = _recipe(model)
    if recipe is None or recipe["task"] not in ("denoise", "general"):
        return None
    if recipe["channels"] == 3:
        return "CDnCNN-B"
    if recipe["task"] == "general":
        return "DnCNN-3"
    low, high = recipe["sigma"]
    return "DnCNN-S" if low == high else "DnCNN-B"


def _recipe(model: str | Path) -> dict[str, Any] | None:
    try:
        source = find_source(model)
        of_weights = source.kind in ("shipped", "weights")
        file = card_of_weights(source.path) if of_weights else source.path.with_name("config.json")
        content = parse_card(file)
        recipe = content.get("recipe", content)
        return {"task": recipe["task"], "sigma": recipe["sigma"], "channels": content["model"]["channels"]}
    except (OSError, KeyError, TypeError, AttributeError, ModelError):
        return None


def paper_figure(model: PaperModel, task: EvaluationTask, data: str, degree: float | None) -> PaperFigure | None:
    """What the paper has of one of its models.

    Args:
        model: whose figures; for other tasks than noise they are DnCNN-3's, since no other is for these.
        task: "denoise", "super-resolution" or "jpeg".
        data: a published set's name; a folder has no figure.
        degree: σ, scale or quality.
    """
    if degree is None:
        return None
    if task != "denoise" or model == "DnCNN-3":
        cell = TABLE_5[task].get(data, {}).get(degree)
        return PaperFigure("DnCNN-3", *cell) if cell else None
    if model == "CDnCNN-B":
        return PaperFigure(model, _COLOR[degree]) if data == "cbsd68" and degree in _COLOR else None
    if data == "bsd68" and degree in _TABLE_2[model]:
        return PaperFigure(model, _TABLE_2[model][degree])
    if data == "set12" and degree in _TABLE_3[model]:
        *images, average = _TABLE_3[model][degree]
        return PaperFigure(model, average, images={f"{i:02d}": psnr for i, psnr in enumerate(images, 1)})
    return None
