"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .cards import ModelError, shipped_models
    from .config import RECIPES, ModelConfig, TrainConfig
    from .evaluation import evaluate
    from .inference import denoise
    from .metrics import psnr
    from .model import build_dncnn, fold_batch_norm
    from .noise import estimate_sigma
    from .restoration import deblock, upscale
    from .training import train
    from .weights import load_model

_MODULES = {
    "RECIPES": "config",
    "ModelConfig": "config",
    "ModelError": "cards",
    "TrainConfig": "config",
    "build_dncnn": "model",
    "deblock": "restoration",
    "denoise": "inference",
    "estimate_sigma": "noise",
    "evaluate": "evaluation",
    "fold_batch_norm": "model",
    "load_model": "weights",
    "psnr": "metrics",
    "shipped_models": "cards",
    "train": "training",
    "upscale": "restoration",
}

__all__ = [
    "RECIPES",
    "ModelConfig",
    "ModelError",
    "TrainConfig",
    "build_dncnn",
    "deblock",
    "denoise",
    "estimate_sigma",
    "evaluate",
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
