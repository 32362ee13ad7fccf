"""DnCNN image denoising (Zhang et al., 2017) in Keras. Everything public is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import forks  # noqa: F401  hears of every fork from now on

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from .bulk.inspecting import Inspected, inspect_files
    from .bulk.on_ray import RayError
    from .bulk.rules import FileRules
    from .bulk.tally import Failure, Tally
    from .bulk.tasks import deblock_files, denoise_files, request_files, upscale_files
    from .config import RECIPES, ModelConfig, TrainConfig
    from .data.datasets import image_sets
    from .data.decoding import DatasetError
    from .data.downloads import download
    from .engines.available import ENGINES
    from .engines.base import Engine
    from .engines.opening import open_engine
    from .engines.serving import Client, ServingError
    from .errors import DnCNNError, EngineError, MissingPackageError, OptionError
    from .evaluation.demonstration import demonstrate
    from .evaluation.measuring import evaluate
    from .evaluation.metrics import psnr
    from .evaluation.report import EvaluationReport
    from .evaluation.results import EvaluationError, evaluation_json
    from .evaluation.settings import Setting
    from .evaluation.table_4 import benchmark
    from .export.checks import ExportError
    from .export.exports import export_onnx, export_saved_model, export_tflite
    from .export.server import serve
    from .images.formats import FORMATS
    from .images.picture import ImageError
    from .models.cards import ModelError, best_in_the_box, degree_text, read_card, shipped_models, task_and_degree
    from .models.conversion import ConversionError, convert_weights
    from .models.dncnn import build_dncnn, fold_batch_norm, model_config
    from .models.source import default_model
    from .models.weights import load_model
    from .restoration.denoising import denoise
    from .restoration.inspection import Inspection
    from .restoration.luminance import deblock, upscale
    from .restoration.noise import estimate_sigma
    from .training.configs import train_config
    from .training.fit import TrainingDivergedError, finetune, train
    from .training.run_folder import RunError
    from .training.workers import Cluster, ClusterError
    from .ui.server import serve_page

_MODULES = {
    "ENGINES": "engines.available",
    "FORMATS": "images.formats",
    "RECIPES": "config",
    "Client": "engines.serving",
    "Cluster": "training.workers",
    "ClusterError": "training.workers",
    "ConversionError": "models.conversion",
    "DatasetError": "data.decoding",
    "DnCNNError": "errors",
    "Engine": "engines.base",
    "EngineError": "errors",
    "EvaluationError": "evaluation.results",
    "EvaluationReport": "evaluation.report",
    "ExportError": "export.checks",
    "Failure": "bulk.tally",
    "FileRules": "bulk.rules",
    "ImageError": "images.picture",
    "Inspected": "bulk.inspecting",
    "Inspection": "restoration.inspection",
    "ModelConfig": "config",
    "ModelError": "models.cards",
    "OptionError": "errors",
    "RayError": "bulk.on_ray",
    "RunError": "training.run_folder",
    "ServingError": "engines.serving",
    "Setting": "evaluation.settings",
    "Tally": "bulk.tally",
    "MissingPackageError": "errors",
    "TrainConfig": "config",
    "benchmark": "evaluation.table_4",
    "TrainingDivergedError": "training.fit",
    "best_in_the_box": "models.cards",
    "build_dncnn": "models.dncnn",
    "convert_weights": "models.conversion",
    "deblock": "restoration.luminance",
    "deblock_files": "bulk.tasks",
    "default_model": "models.source",
    "degree_text": "models.cards",
    "demonstrate": "evaluation.demonstration",
    "denoise": "restoration.denoising",
    "denoise_files": "bulk.tasks",
    "download": "data.downloads",
    "estimate_sigma": "restoration.noise",
    "evaluate": "evaluation.measuring",
    "evaluation_json": "evaluation.results",
    "export_onnx": "export.exports",
    "export_saved_model": "export.exports",
    "export_tflite": "export.exports",
    "finetune": "training.fit",
    "fold_batch_norm": "models.dncnn",
    "inspect_files": "bulk.inspecting",
    "image_sets": "data.datasets",
    "load_model": "models.weights",
    "model_config": "models.dncnn",
    "open_engine": "engines.opening",
    "psnr": "evaluation.metrics",
    "read_card": "models.cards",
    "request_files": "bulk.tasks",
    "serve": "export.server",
    "serve_page": "ui.server",
    "shipped_models": "models.cards",
    "task_and_degree": "models.cards",
    "train": "training.fit",
    "train_config": "training.configs",
    "upscale": "restoration.luminance",
    "upscale_files": "bulk.tasks",
}

__all__ = [
    "ENGINES",
    "FORMATS",
    "RECIPES",
    "Client",
    "Cluster",
    "ClusterError",
    "ConversionError",
    "DatasetError",
    "DnCNNError",
    "Engine",
    "EngineError",
    "EvaluationError",
    "EvaluationReport",
    "ExportError",
    "Failure",
    "FileRules",
    "ImageError",
    "Inspected",
    "Inspection",
    "MissingPackageError",
    "ModelConfig",
    "ModelError",
    "OptionError",
    "RayError",
    "RunError",
    "ServingError",
    "Setting",
    "Tally",
    "TrainConfig",
    "TrainingDivergedError",
    "benchmark",
    "best_in_the_box",
    "build_dncnn",
    "convert_weights",
    "deblock",
    "deblock_files",
    "default_model",
    "degree_text",
    "demonstrate",
    "denoise",
    "denoise_files",
    "download",
    "estimate_sigma",
    "evaluate",
    "evaluation_json",
    "export_onnx",
    "export_saved_model",
    "export_tflite",
    "finetune",
    "fold_batch_norm",
    "image_sets",
    "inspect_files",
    "load_model",
    "model_config",
    "open_engine",
    "psnr",
    "read_card",
    "request_files",
    "serve",
    "serve_page",
    "shipped_models",
    "task_and_degree",
    "train",
    "train_config",
    "upscale",
    "upscale_files",
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
