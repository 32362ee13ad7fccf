"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .config import RECIPES, ModelConfig, TrainConfig
    from .engines.available import ENGINES
    from .evaluation.demonstration import demonstrate
    from .evaluation.measuring import evaluate
    from .evaluation.metrics import psnr
    from .evaluation.report import EvaluationReport
    from .evaluation.results import EvaluationError, evaluation_json
    from .evaluation.settings import Setting
    from .evaluation.table_4 import benchmark
    from .images.formats import FORMATS
    from .models.cards import ModelError, shipped_models
    from .models.dncnn import build_dncnn, fold_batch_norm
    from .models.weights import load_model
    from .restoration.denoising import denoise
    from .restoration.luminance import deblock, upscale
    from .restoration.noise import estimate_sigma
    from .training.fit import train

_MODULES = {
    "ENGINES": "engines.available",
    "EvaluationError": "evaluation.results",
    "EvaluationReport": "evaluation.report",
    "FORMATS": "images.formats",
    "RECIPES": "config",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "Setting": "evaluation.settings",
    "TrainConfig": "config",
    "benchmark": "evaluation.table_4",
    "build_dncnn": "models.dncnn",
    "deblock": "restoration.luminance",
    "demonstrate": "evaluation.demonstration",
    "denoise": "restoration.denoising",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.measuring",
    "evaluation_json": "evaluation.results",
    "fold_batch_norm": "models.dncnn",
    "load_model": "models.weights",
    "psnr": "evaluation.metrics",
    "shipped_models": "models.cards",
    "train": "training.fit",
    "upscale": "restoration.luminance",
}

__all__ = [
    "ENGINES",
    "FORMATS",
    "RECIPES",
    "EvaluationError",
    "EvaluationReport",
    "ModelConfig",
    "ModelError",
    "Setting",
    "TrainConfig",
    "benchmark",
    "build_dncnn",
    "deblock",
    "demonstrate",
    "denoise",
    "estimate_sigma",
    "evaluate",
    "evaluation_json",
    "fold_batch_norm",
    "load_model",
    "psnr",
    "shipped_models",
    "train",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
