"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from .config import RECIPES, ModelConfig, TrainConfig
    from .errors import DnCNNError, MissingPackageError, OptionError
    from .evaluation.metrics import psnr
    from .evaluation.protocol import evaluate
    from .models.cards import ModelError, shipped_models
    from .models.dncnn import build_dncnn, fold_batch_norm
    from .models.weights import load_model
    from .restoration.denoising import denoise
    from .restoration.luminance import deblock, upscale
    from .restoration.noise import estimate_sigma
    from .training.fit import train

_MODULES = {
    "RECIPES": "config",
    "DnCNNError": "errors",
    "MissingPackageError": "errors",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "OptionError": "errors",
    "TrainConfig": "config",
    "build_dncnn": "models.dncnn",
    "deblock": "restoration.luminance",
    "denoise": "restoration.denoising",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.protocol",
    "fold_batch_norm": "models.dncnn",
    "load_model": "models.weights",
    "psnr": "evaluation.metrics",
    "shipped_models": "models.cards",
    "train": "training.fit",
    "upscale": "restoration.luminance",
}

__all__ = [
    "RECIPES",
    "DnCNNError",
    "MissingPackageError",
    "ModelConfig",
    "ModelError",
    "OptionError",
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
    try:
        module = importlib.import_module(f".{_MODULES[name]}", __name__)
    except ModuleNotFoundError as failure:
        from .errors import MissingPackageError, describe, tensorflow_missing

        if not tensorflow_missing(failure):
            raise
        raise MissingPackageError(describe(failure), name=failure.name) from failure
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
