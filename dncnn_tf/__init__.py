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
    from .engines.base import Engine
    from .engines.opening import open_engine
    from .engines.serving import Client, ServingError
    from .errors import DnCNNError, OptionError
    from .evaluation.metrics import psnr
    from .evaluation.protocol import evaluate
    from .export.checks import ExportError
    from .export.exports import export_onnx, export_saved_model, export_tflite
    from .export.server import serve
    from .models.cards import ModelError, best_in_the_box, degree_text, read_card, shipped_models, task_and_degree
    from .models.conversion import ConversionError, convert_weights
    from .models.dncnn import build_dncnn, fold_batch_norm, model_config
    from .models.source import default_model
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
    "Client": "engines.serving",
    "Cluster": "training.workers",
    "ClusterError": "training.workers",
    "ConversionError": "models.conversion",
    "DatasetError": "data.decoding",
    "DnCNNError": "errors",
    "Engine": "engines.base",
    "ExportError": "export.checks",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "OptionError": "errors",
    "RunError": "training.run_folder",
    "ServingError": "engines.serving",
    "TrainConfig": "config",
    "TrainingDivergedError": "training.fit",
    "best_in_the_box": "models.cards",
    "build_dncnn": "models.dncnn",
    "convert_weights": "models.conversion",
    "deblock": "restoration.luminance",
    "default_model": "models.source",
    "degree_text": "models.cards",
    "denoise": "restoration.denoising",
    "download": "data.downloads",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.protocol",
    "export_onnx": "export.exports",
    "export_saved_model": "export.exports",
    "export_tflite": "export.exports",
    "finetune": "training.fit",
    "fold_batch_norm": "models.dncnn",
    "image_sets": "data.datasets",
    "load_model": "models.weights",
    "model_config": "models.dncnn",
    "open_engine": "engines.opening",
    "psnr": "evaluation.metrics",
    "read_card": "models.cards",
    "serve": "export.server",
    "shipped_models": "models.cards",
    "task_and_degree": "models.cards",
    "train": "training.fit",
    "train_config": "training.configs",
    "upscale": "restoration.luminance",
}

__all__ = [
    "RECIPES",
    "Client",
    "Cluster",
    "ClusterError",
    "ConversionError",
    "DatasetError",
    "DnCNNError",
    "Engine",
    "ExportError",
    "ModelConfig",
    "ModelError",
    "OptionError",
    "RunError",
    "ServingError",
    "TrainConfig",
    "TrainingDivergedError",
    "best_in_the_box",
    "build_dncnn",
    "convert_weights",
    "deblock",
    "default_model",
    "degree_text",
    "denoise",
    "download",
    "estimate_sigma",
    "evaluate",
    "export_onnx",
    "export_saved_model",
    "export_tflite",
    "finetune",
    "fold_batch_norm",
    "image_sets",
    "load_model",
    "model_config",
    "open_engine",
    "psnr",
    "read_card",
    "serve",
    "shipped_models",
    "task_and_degree",
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
