"""A model as a SavedModel, a TFLite or an ONNX file, kept only when it computes what its source does."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..engines.contract import (
    MAX_FILE_PIXELS,
    card_of_file,
    card_of_saved_model,
    sha256_of_saved_model,
    write_export_card,
)
from ..engines.opening import open_engine
from ..engines.precision import Precision
from ..errors import OptionError
from ..files import sync, take_name
from ..models.calibration import int8_models
from ..models.dncnn import to_network
from ..models.folded import Network
from ..models.source import find_source
from ..models.weights import read_calibrated, read_model
from .checks import ExportError, compare, compare_signatures

if TYPE_CHECKING:
    import keras

    from ..engines.tflite_graph import Quantization

_PRECISIONS = ("float32", "bfloat16")


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


def export_saved_model(
    model: str | Path | keras.Model,
    output: str | Path = "exported",
    *,
    name: str | None = None,
    version_number: int | None = None,
    precision: Precision = "float32",
    max_pixels: int = MAX_FILE_PIXELS,
) -> Export:
    """Write `output/name/version_number/`, the layout of TensorFlow Serving, with batch normalisation folded.

    Its signatures, each for any N, H and W:

    - `serving_default`: `noisy`, float32 (N, H, W, C) in [0, 1] → `denoised`, the same shape, not clipped;
    - `uint8`: the same in uint8, clipped and rounded;
    - `image_bytes`: `image_bytes`, N files' contents (PNG, JPEG or BMP, 8 bits), each of its own size →
      `denoised_bytes`, N PNG files' contents, grey or colour, with or without alpha as they came. They are done one
      after the other, and one of more than `max_pixels` is refused before it is unpacked.

    The server also gets warm-up requests, and the list of all models in `output`.

    Args:
        model: a DnCNN, by name or path as `dncnn_tf.load_model` takes it, or a Keras model.
        output: folder of all exports; made if need be.
        name: of the model; None for the name, file or run that it is loaded from, or that it has in Keras.
        version_number: None for one above the highest there is. A version is never replaced: servers hold them open.
        precision: of the arithmetic inside.
        max_pixels: of a file in `image_bytes`; while it is done, the network takes some 600 bytes for each.

    Returns:
        Where it is, and how far it is from its source.

    Raises:
        ExportError: the version is there already, or the export differs from `model` beyond `BOUNDS`.
        ModelError: the model cannot be loaded.
        OptionError: `max_pixels` is less than 1, or `precision` another.
    """
    if precision not in _PRECISIONS:
        raise OptionError(f'`precision` of a SavedModel must be "float32" or "bfloat16". Received: {precision}')
    if max_pixels < 1:
        raise OptionError(f"`max_pixels` must be at least 1. Received: {max_pixels}")
    from ..engines.saved_model_graph import write_saved_model
    from .serving_config import write_models_config
    from .warmup import write_warmup

    source, network = _loaded(model, name)
    output = Path(output)
    folder = output / network.name
    target = folder / str(_next_version(folder) if version_number is None else version_number)
    if target.exists():
        raise ExportError(f"{target}: exists already; give another `version_number`, or leave it out for the next one")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{network.name}.", dir=output) as work:
        written = Path(work) / "model"
        write_saved_model(network, written, precision=precision, max_pixels=max_pixels)
        sha256 = sha256_of_saved_model(written)
        write_export_card(card_of_saved_model(written), network, precision=precision, sha256=sha256)
        difference, loss = compare(source, open_engine(written), precision)
        compare_signatures(written, network.config.channels, max_pixels)
        warmup = write_warmup(written, network, max_pixels)
        folder.mkdir(exist_ok=True)
        for file in filter(Path.is_file, written.rglob("*")):
            sync(file)
        written.rename(target)
    write_models_config(output)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return Export(target, size, difference, loss, warmup)


def export_tflite(
    model: str | Path | keras.Model,
    output: str | Path = "exported",
    *,
    name: str | None = None,
    quantize: Quantization = "none",
    overwrite: bool = False,
) -> Export:
    """Write `output/name/name.tflite` (with "-float16" and so on after the name) and its card, for any H and W.

    TensorFlow Serving passes over the file when it looks for versions in the same folder.

    Args:
        model, output, name: as for `export_saved_model`.
        quantize: "none", "float16" (weights of 16 bits), "dynamic" (8-bit weights, features quantised on the way) or
            "int8" (both of 8 bits, ranges from noisy photographs).
        overwrite: replace the file if it is there.

    Returns:
        As `export_saved_model`.

    Raises:
        ExportError: the file is there already, or the export differs from `model` beyond `BOUNDS`.
        ModelError: the model cannot be loaded.
    """
    from ..engines.tflite_graph import tflite_model
    from .samples import calibration_samples

    source, network = _loaded(model, name)
    content = partial(tflite_model, network, quantize, calibration_samples(network.config.channels))
    kind, suffix = ("float32", "") if quantize == "none" else (quantize, f"-{quantize}")
    return _export_file(source, network, Path(output), f"{suffix}.tflite", content, kind, overwrite)


def export_onnx(
    model: str | Path | keras.Model,
    output: str | Path = "exported",
    *,
    name: str | None = None,
    quantize: Literal["none", "int8"] = "none",
    overwrite: bool = False,
) -> Export:
    """Write `output/name/name.onnx` (with "-int8" after the name) and its card, for any N, H and W.

    Args:
        model, output, name: as for `export_saved_model`.
        quantize: "none", which is float32, or "int8": weights and features of 8 bits, but for the first convolution;
            ranges as the package has them for a model in the box, else from noisy photographs.
        overwrite: replace the file if it is there.

    Returns:
        As `export_saved_model`.

    Raises:
        ExportError: the file is there already, or the export differs from `model` beyond `BOUNDS`.
        ModelError: the model cannot be loaded.
        OptionError: `quantize` is another.
    """
    if quantize not in ("none", "int8"):
        raise OptionError(f'`quantize` of ONNX must be "none" or "int8". Received: {quantize}')
    from onnx import checker

    from ..engines.onnx_graph import onnx_model

    source, network = _loaded(model, name)
    int8 = quantize == "int8"

    def content() -> bytes:
        graph = onnx_model(_calibrated(model, network) if int8 else network, int8=int8)
        checker.check_model(graph, full_check=True)
        return graph

    ending, kind = ("-int8.onnx", "int8") if int8 else (".onnx", "float32")
    return _export_file(source, network, Path(output), ending, content, kind, overwrite)


def _calibrated(model: str | Path | keras.Model, network: Network) -> Network:
    """The network with what int8 needs, as it is in the box, or else measured."""
    if isinstance(model, str | Path) and str(model) in int8_models():
        return read_calibrated(find_source(model))
    from ..engines.calibration import calibrated
    from .samples import calibration_samples

    return calibrated(network, calibration_samples(network.config.channels))


def _loaded(model: str | Path | keras.Model, name: str | None) -> tuple[keras.Model, Network]:
    """The model as it was trained, and what is exported of it."""
    if isinstance(model, str | Path):
        source = find_source(model)
        model, name = read_model(source), name or source.name
    return model, to_network(model, name)


def _export_file(
    source: keras.Model,
    network: Network,
    output: Path,
    ending: str,
    content: Callable[[], bytes],
    kind: str,
    overwrite: bool,
) -> Export:
    """Write a file and its card, loaded again and compared before they take their place."""
    folder = output / network.name
    target = folder / f"{network.name}{ending}"
    if target.exists() and not overwrite:
        raise ExportError(f"{target}: exists already; give `overwrite` or another `output`")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{network.name}.", dir=output) as work:
        written = Path(work) / target.name
        written.write_bytes(content())
        sha256 = hashlib.sha256(written.read_bytes()).hexdigest()
        write_export_card(card_of_file(written), network, kind=kind, sha256=sha256)
        difference, loss = compare(source, open_engine(written), kind)
        folder.mkdir(exist_ok=True)
        sync(written)
        take_name(written, target, overwrite=overwrite)
        take_name(card_of_file(written), card_of_file(target), overwrite=True)
    return Export(target, target.stat().st_size, difference, loss)


def _next_version(folder: Path) -> int:
    return 1 + max((int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()), default=0)
