"""A model as a SavedModel or a TFLite file, kept only when it computes what its source does."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from .cards import PRETRAINED, ModelError, shipped_models
from .data import datasets
from .data.degradations import add_gaussian_noise
from .metrics import psnr
from .model import fold_batch_norm, model_config
from .runs import Run
from .runtimes import (
    INPUT,
    OUTPUT,
    POLICIES,
    SIGNATURE,
    KerasRuntime,
    LiteRTRuntime,
    Runtime,
    SavedModelRuntime,
    saved_model_card,
)

Precision = Literal["float32", "bfloat16"]
Quantization = Literal["none", "float16", "dynamic"]

_SIZES = ((1, 1), (7, 13), (97, 101), (256, 256))
_SIGMA = 25.0


class ExportError(Exception):
    """An export was not kept; the message says why and what to do."""


@dataclass(frozen=True)
class Bound:
    """How far an export may be from its source.

    Attributes:
        difference: of any output pixel, in [0, 1].
        psnr_loss: on a real photograph with noise of σ 25, in dB.
    """

    difference: float
    psnr_loss: float


# float32 differs by the order of additions only. The others round: bfloat16 keeps 8 bits of every weight and feature,
# float16 keeps 11 bits of the weights alone, "dynamic" has weights of 8 bits and features rounded to 8 bits. Measured
# on trained models of 17 and 20 layers, grey and colour: at most 0.02 and 0.11 dB for bfloat16, 0.003 and 0.003 dB for
# float16, 0.05 and 0.15 dB for "dynamic" on grey models; it costs colour models up to 1.6 dB, and those are refused.
# A loss of 0.2 dB is two thirds of what DnCNN gains over TNRD on BSD68: beyond it, an export is another model.
BOUNDS = {
    "float32": Bound(1e-5, 1e-3),
    "bfloat16": Bound(0.05, 0.2),
    "float16": Bound(0.01, 0.01),
    "dynamic": Bound(0.1, 0.2),
}


@dataclass(frozen=True)
class Export:
    """An export that was kept.

    Attributes:
        path: the SavedModel's folder or the `.tflite` file.
        size: in bytes, all files together.
        difference: the largest from its source on any output pixel, in [0, 1].
        psnr_loss: on a noisy photograph, in dB.
    """

    path: Path
    size: int
    difference: float
    psnr_loss: float


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

    Its one function, `serving_default`, takes `noisy`, float32 (N, H, W, C) in [0, 1], and returns `denoised`, the
    same shape, float32 and not clipped, for any N, H and W.

    Args:
        model: a DnCNN.
        name: of the model.
        output: folder of all exports; made if need be.
        version: None for one above the highest there is. A version is never replaced: servers hold them open.
        precision: of the arithmetic inside.

    Raises:
        ExportError: the version is there already, or the export differs from `model` beyond `BOUNDS`.
    """
    target = output / name / str(_next_version(output / name) if version is None else version)
    if target.exists():
        raise ExportError(f"{target}: exists already; give another --version-number, or leave it out for the next one")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=output) as work:
        written = Path(work) / "model"
        _write_saved_model(fold_batch_norm(model, dtype=POLICIES[precision]), written)
        _write_card(saved_model_card(written), name, model, precision=precision)
        difference, loss = _checked(model, SavedModelRuntime(written), precision)
        target.parent.mkdir(exist_ok=True)
        written.rename(target)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return Export(target, size, difference, loss)


def export_tflite(
    model: keras.Model,
    name: str,
    output: Path,
    *,
    quantize: Quantization = "none",
    overwrite: bool = False,
) -> Export:
    """Write `output/name/name.tflite` (with "-float16" or "-dynamic" after the name) and its card, for any H and W.

    TensorFlow Serving passes over the file when it looks for versions in the same folder.

    Args:
        model: a DnCNN.
        name: of the model.
        output: folder of all exports; made if need be.
        quantize: "none", "float16" (weights of 16 bits) or "dynamic" (8-bit weights, features quantised on the way).
        overwrite: replace the file if it is there.

    Raises:
        ExportError: the file is there already, or the export differs from `model` beyond `BOUNDS`.
    """
    suffix = "" if quantize == "none" else f"-{quantize}"
    target = output / name / f"{name}{suffix}.tflite"
    if target.exists() and not overwrite:
        raise ExportError(f"{target}: exists already; give --overwrite or another --output")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=output) as work:
        written = Path(work) / target.name
        _write_saved_model(fold_batch_norm(model), Path(work) / "model")
        written.write_bytes(_converted(Path(work) / "model", quantize))
        card = written.with_suffix(".json")
        _write_card(card, name, model, quantize=quantize, sha256=hashlib.sha256(written.read_bytes()).hexdigest())
        difference, loss = _checked(model, LiteRTRuntime(written), "float32" if quantize == "none" else quantize)
        target.parent.mkdir(exist_ok=True)
        card.replace(target.with_suffix(".json"))
        written.replace(target)
    return Export(target, target.stat().st_size, difference, loss)


def _next_version(folder: Path) -> int:
    return 1 + max((int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()), default=0)


def _write_saved_model(folded: keras.Model, folder: Path) -> None:
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(folded)
    signature = tf.TensorSpec((None, None, None, folded.input_shape[-1]), tf.float32, name=INPUT)
    archive.add_endpoint(SIGNATURE, lambda noisy: {OUTPUT: folded(noisy, training=False)}, input_signature=[signature])
    archive.write_out(folder, verbose=False)


def _converted(saved_model: Path, quantize: Quantization) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def _write_card(file: Path, name: str, model: keras.Model, **how: str) -> None:
    """What a runtime must know and the exported graph does not say."""
    config = model_config(model)
    content = {"name": name, "channels": config.channels, "receptive_radius": config.receptive_radius, **how}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _checked(model: keras.Model, exported: Runtime, kind: str) -> tuple[float, float]:
    """Largest difference and PSNR loss of an export, from its source in float32.

    Raises:
        ExportError: they are beyond the bound of its kind.
    """
    clean, noisy = _photograph(exported.channels)
    source = KerasRuntime(model)
    difference = 0.0
    for height, width in _SIZES:
        crop = noisy[:, :height, :width]
        expected, received = source(crop), exported(crop)
        difference = np.maximum(difference, np.abs(expected - received).max())
    loss = _psnr(clean, expected) - _psnr(clean, received)
    bound = BOUNDS[kind]
    # Written so that NaN fails too.
    if not (difference <= bound.difference and loss <= bound.psnr_loss):
        raise ExportError(
            f"the export ({kind}) is not kept: it differs from its model by {difference:.2g} (at most "
            f"{bound.difference:g}) and loses {loss:.3f} dB (at most {bound.psnr_loss:g}); {_ADVICE[kind]}"
        )
    return float(difference), loss


_ADVICE = {
    "float32": "the model's values are out of range: check how it was trained",
    "bfloat16": "export it with --precision float32",
    "float16": "export it with --quantize none",
    "dynamic": "export it with --quantize float16",
}


def _photograph(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A clean and a noisy crop of an embedded photograph, float32 (1, 256, 256, channels)."""
    image = datasets.load("sample", channels)[0]
    height, width = _SIZES[-1]
    clean = image[None, :height, :width].astype(np.float32) / 255
    return clean, add_gaussian_noise(clean, _SIGMA, np.random.default_rng(0))


def _psnr(clean: np.ndarray, denoised: np.ndarray) -> float:
    return psnr(clean, np.clip(denoised, 0, 1), peak=1)
