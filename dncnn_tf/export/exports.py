"""A model as a SavedModel, a TFLite or an ONNX file, kept only when it computes what its source does."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import keras
import numpy as np

from ..data import datasets
from ..data.degradations import add_gaussian_noise
from ..engines.base import card_of_file, card_of_saved_model
from ..engines.keras_engine import POLICIES
from ..engines.opening import open_engine
from ..models.cards import PRETRAINED, ModelError, shipped_models
from ..models.dncnn import fold_batch_norm, model_config, to_network
from ..training.run_folder import Run
from .checks import ExportError, compare, compare_signatures

if TYPE_CHECKING:
    from ..engines.tflite_graph import Quantization

Precision = Literal["float32", "bfloat16"]

_CALIBRATION_SIDE, _CALIBRATION_SIGMAS = 96, (0, 10, 25, 40, 55)


@dataclass(frozen=True)
class Export:
    """An export that was kept.

    Attributes:
        path: the SavedModel's folder, or the file.
        size: in bytes, all files together.
        difference: the largest from its source on any output pixel, in [0, 1].
        psnr_loss: on a noisy photograph, in dB.
        warmup: whether TensorFlow Serving finds warm-up requests in it; None for what is not for it.
    """

    path: Path
    size: int
    difference: float
    psnr_loss: float
    warmup: bool | None = None


def default_model() -> str | Path:
    """The newest finished run under `runs/`, else the shipped dncnn-b, else the first shipped model.

    Raises:
        ModelError: there is none of these.
    """
    finished = [file for file in Path("runs").glob("*/result.json") if Run(file.parent).best_file.is_file()]
    if finished:
        return max(finished, key=lambda file: file.stat().st_mtime).parent
    shipped = shipped_models()
    if not shipped:
        raise ModelError(f"no finished run under runs/ and no model in {PRETRAINED}; give --model or train one first")
    return "dncnn-b" if "dncnn-b" in shipped else shipped[0]


def export_name(model: str | Path) -> str:
    """What an export is called: the shipped model, the run folder, or the file without its ending."""
    path = Path(model)
    return path.resolve().name if path.is_dir() else path.name.removesuffix(".weights.h5").removesuffix(".keras")


def export_saved_model(
    model: keras.Model,
    name: str,
    output: Path,
    *,
    version: int | None = None,
    precision: Precision = "float32",
) -> Export:
    """Write `output/name/version/`, the layout of TensorFlow Serving, with batch normalisation folded.

    `saved_model.write_saved_model` says what its three signatures take and return. The server also gets warm-up
    requests, and the list of all models in `output`.

    Args:
        model: a DnCNN.
        name: of the model.
        output: folder of all exports; made if need be.
        version: None for one above the highest there is. A version is never replaced: servers hold them open.
        precision: of the arithmetic inside.

    Raises:
        ExportError: the version is there already, or the export differs from `model` beyond `BOUNDS`.
    """
    from ..engines.saved_model_graph import write_saved_model
    from .serving_config import write_models_config
    from .warmup import write_warmup

    target = output / name / str(_next_version(output / name) if version is None else version)
    if target.exists():
        raise ExportError(f"{target}: exists already; give another --version-number, or leave it out for the next one")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=output) as work:
        written = Path(work) / "model"
        write_saved_model(fold_batch_norm(model, dtype=POLICIES[precision]), written)
        _write_card(card_of_saved_model(written), name, model, precision=precision)
        difference, loss = compare(model, open_engine(written), precision)
        channels = model_config(model).channels
        compare_signatures(written, channels)
        warmup = write_warmup(written, name, channels)
        target.parent.mkdir(exist_ok=True)
        written.rename(target)
    write_models_config(output)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return Export(target, size, difference, loss, warmup)


def export_tflite(
    model: keras.Model,
    name: str,
    output: Path,
    *,
    quantize: Quantization = "none",
    overwrite: bool = False,
) -> Export:
    """Write `output/name/name.tflite` (with "-float16" and so on after the name) and its card, for any H and W.

    TensorFlow Serving passes over the file when it looks for versions in the same folder.

    Args:
        model: a DnCNN.
        name: of the model.
        output: folder of all exports; made if need be.
        quantize: "none", "float16" (weights of 16 bits), "dynamic" (8-bit weights, features quantised on the way) or
            "int8" (both of 8 bits, ranges from noisy photographs).
        overwrite: replace the file if it is there.

    Raises:
        ExportError: the file is there already, or the export differs from `model` beyond `BOUNDS`.
    """
    from ..engines.tflite_graph import tflite_model

    suffix = "" if quantize == "none" else f"-{quantize}"
    content = partial(tflite_model, fold_batch_norm(model), quantize, _calibration(model_config(model).channels))
    kind = "float32" if quantize == "none" else quantize
    return _export_file(model, name, output / name / f"{name}{suffix}.tflite", content, kind, overwrite)


def export_onnx(model: keras.Model, name: str, output: Path, *, overwrite: bool = False) -> Export:
    """Write `output/name/name.onnx` and its card, for any N, H and W, in float32.

    Args:
        model: a DnCNN.
        name: of the model.
        output: folder of all exports; made if need be.
        overwrite: replace the file if it is there.

    Raises:
        ExportError: the file is there already, or the export differs from `model` beyond `BOUNDS`.
    """
    from ..engines.onnx_graph import onnx_model

    content = partial(onnx_model, to_network(model))
    return _export_file(model, name, output / name / f"{name}.onnx", content, "float32", overwrite)


def _export_file(
    model: keras.Model, name: str, target: Path, content: Callable[[], bytes], kind: str, overwrite: bool
) -> Export:
    """Write a file and its card, loaded again and compared before they take their place."""
    if target.exists() and not overwrite:
        raise ExportError(f"{target}: exists already; give --overwrite or another --output")
    folder = target.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder.parent) as work:
        written = Path(work) / target.name
        written.write_bytes(content())
        card = card_of_file(written)
        _write_card(card, name, model, kind=kind, sha256=hashlib.sha256(written.read_bytes()).hexdigest())
        difference, loss = compare(model, open_engine(written), kind)
        folder.mkdir(exist_ok=True)
        card.replace(card_of_file(target))
        written.replace(target)
    return Export(target, target.stat().st_size, difference, loss)


def _next_version(folder: Path) -> int:
    return 1 + max((int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()), default=0)


def _write_card(file: Path, name: str, model: keras.Model, **how: str) -> None:
    """What a runtime must know and the exported graph does not say."""
    config = model_config(model)
    content = {"name": name, "channels": config.channels, "receptive_radius": config.receptive_radius, **how}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _calibration(channels: int) -> Iterator[np.ndarray]:
    """Parts of the embedded photographs with noise of all levels, float32 (1, 96, 96, channels)."""
    rng = np.random.default_rng(0)
    for image in datasets.load("sample", channels):
        for sigma in _CALIBRATION_SIGMAS:
            top, left = (rng.integers(length - _CALIBRATION_SIDE + 1) for length in image.shape[:2])
            clean = image[None, top : top + _CALIBRATION_SIDE, left : left + _CALIBRATION_SIDE].astype(np.float32) / 255
            yield add_gaussian_noise(clean, sigma, rng)
