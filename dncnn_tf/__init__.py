"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .config import RECIPES, ModelConfig, TrainConfig
    from .data.datasets import image_sets
    from .data.decoding import DatasetError
    from .data.downloads import download
    from .errors import OptionError
    from .evaluation.metrics import psnr
    from .evaluation.protocol import evaluate
    from .models.cards import ModelError, read_card, shipped_models
    from .models.dncnn import build_dncnn, fold_batch_norm
    from .models.weights import load_model
    from .restoration.denoising import denoise
    from .restoration.luminance import deblock, upscale
    from .restoration.noise import estimate_sigma
    from .training.configs import train_config
    from .training.fit import TrainingDivergedError, finetune, train
    from .training.run_folder import RunError
    from .training.workers import Cluster, ClusterError

_MODULES = {
    "RECIPES": "config",
    "Cluster": "training.workers",
    "ClusterError": "training.workers",
    "DatasetError": "data.decoding",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "OptionError": "errors",
    "RunError": "training.run_folder",
    "TrainConfig": "config",
    "TrainingDivergedError": "training.fit",
    "build_dncnn": "models.dncnn",
    "deblock": "restoration.luminance",
    "denoise": "restoration.denoising",
    "download": "data.downloads",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.protocol",
    "finetune": "training.fit",
    "fold_batch_norm": "models.dncnn",
    "image_sets": "data.datasets",
    "load_model": "models.weights",
    "psnr": "evaluation.metrics",
    "read_card": "models.cards",
    "shipped_models": "models.cards",
    "train": "training.fit",
    "train_config": "training.configs",
    "upscale": "restoration.luminance",
}

__all__ = [
    "RECIPES",
    "Cluster",
    "ClusterError",
    "DatasetError",
    "ModelConfig",
    "ModelError",
    "OptionError",
    "RunError",
    "TrainConfig",
    "TrainingDivergedError",
    "build_dncnn",
    "deblock",
    "denoise",
    "download",
    "estimate_sigma",
    "evaluate",
    "finetune",
    "fold_batch_norm",
    "image_sets",
    "load_model",
    "psnr",
    "read_card",
    "shipped_models",
    "train",
    "train_config",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
