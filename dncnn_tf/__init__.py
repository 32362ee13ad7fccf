"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .bulk.inspecting import Inspected, inspect_files
    from .bulk.on_ray import RayError
    from .bulk.rules import FileRules
    from .bulk.tally import Failure, Tally
    from .bulk.tasks import deblock_files, denoise_files, request_files, upscale_files
    from .config import RECIPES, ModelConfig, TrainConfig
    from .engines.available import ENGINES
    from .errors import DnCNNError, OptionError
    from .evaluation.metrics import psnr
    from .evaluation.protocol import evaluate
    from .images.formats import FORMATS
    from .images.picture import ImageError
    from .models.cards import ModelError, shipped_models
    from .models.dncnn import build_dncnn, fold_batch_norm
    from .models.weights import load_model
    from .restoration.denoising import denoise
    from .restoration.inspection import Inspection
    from .restoration.luminance import deblock, upscale
    from .restoration.noise import estimate_sigma
    from .training.fit import train

_MODULES = {
    "ENGINES": "engines.available",
    "FORMATS": "images.formats",
    "RECIPES": "config",
    "RayError": "bulk.on_ray",
    "DnCNNError": "errors",
    "Failure": "bulk.tally",
    "FileRules": "bulk.rules",
    "ImageError": "images.picture",
    "Inspected": "bulk.inspecting",
    "Inspection": "restoration.inspection",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "OptionError": "errors",
    "Tally": "bulk.tally",
    "TrainConfig": "config",
    "build_dncnn": "models.dncnn",
    "deblock": "restoration.luminance",
    "deblock_files": "bulk.tasks",
    "denoise": "restoration.denoising",
    "denoise_files": "bulk.tasks",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.protocol",
    "fold_batch_norm": "models.dncnn",
    "inspect_files": "bulk.inspecting",
    "load_model": "models.weights",
    "psnr": "evaluation.metrics",
    "request_files": "bulk.tasks",
    "shipped_models": "models.cards",
    "train": "training.fit",
    "upscale": "restoration.luminance",
    "upscale_files": "bulk.tasks",
}

__all__ = [
    "ENGINES",
    "FORMATS",
    "RECIPES",
    "DnCNNError",
    "Failure",
    "FileRules",
    "ImageError",
    "Inspected",
    "Inspection",
    "ModelConfig",
    "ModelError",
    "OptionError",
    "RayError",
    "Tally",
    "TrainConfig",
    "build_dncnn",
    "deblock",
    "deblock_files",
    "denoise",
    "denoise_files",
    "estimate_sigma",
    "evaluate",
    "fold_batch_norm",
    "inspect_files",
    "load_model",
    "psnr",
    "request_files",
    "shipped_models",
    "train",
    "upscale",
    "upscale_files",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
