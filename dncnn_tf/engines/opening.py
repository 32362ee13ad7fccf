"""Any model, by name or path, with an engine that can run it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..config import RECIPES, ModelConfig
from ..models.cards import PRETRAINED, ModelError, read_card
from ..models.folded import Network, read_network
from .available import ENGINES, installed_engines, ranking
from .base import Engine, card_of_saved_model, newest_version, read_export_card, read_exported_file
from .precision import cpu_has_bfloat16

_ENGINES_OF_FILE = {".tflite": ("litert",), ".onnx": ("openvino", "onnxruntime")}


def open_engine(
    name_or_path: str | Path, *, engine: str = "auto", precision: str = "float32", large: bool = True
) -> Engine:
    """Make any model ready to run.

    Args:
        name_or_path: what `weights.load_model` takes, or an export: a SavedModel folder (`NAME` or `NAME/VERSION`), a
            `.tflite` or an `.onnx` file.
        engine: one of `ENGINES`, or "auto" for the fastest that is installed.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the machine computes it in hardware and the engine
            knows it. An exported model keeps the precision it was exported with.
        large: whether there is much to do; if not, "auto" takes an engine that starts at once.

    Raises:
        ModelError: it cannot be loaded, or not by this engine, or not in this precision.
    """
    engines = _engines_of_export(name_or_path)
    if engines is None:
        ranked = [pair for pair in ranking(bfloat16=cpu_has_bfloat16(), large=large) if precision in ("auto", pair[1])]
        what = str(name_or_path) if precision == "auto" else f"{name_or_path} in {precision}"
        return _open_model(name_or_path, *_chosen(engine, ranked, what))
    if precision == "bfloat16":
        raise ModelError(f"{name_or_path}: keeps the precision it was exported with; leave out --precision {precision}")
    chosen, _ = _chosen(engine, [(name, "float32") for name in engines], str(name_or_path))
    return _open_export(Path(name_or_path), chosen)


def _engines_of_export(name_or_path: str | Path) -> tuple[str, ...] | None:
    """Engines that run an exported file or folder; None for a model that is none."""
    path = Path(name_or_path)
    if path.suffix in _ENGINES_OF_FILE:
        return _ENGINES_OF_FILE[path.suffix]
    return ("savedmodel",) if str(name_or_path) not in RECIPES and newest_version(path) is not None else None


def _chosen(engine: str, ranked: list[tuple[str, str]], what: str) -> tuple[str, str]:
    """The first engine, with its precision, that is wanted and installed."""
    wanted = [pair for pair in ranked if engine in ("auto", pair[0])]
    if not wanted:
        names = ", ".join(dict.fromkeys(name for name, _ in ranked))
        raise ModelError(f"{what} runs in {names}. Received: {engine}")
    installed = installed_engines()
    for name, precision in wanted:
        if name in installed or name == "litert":  # TensorFlow has a LiteRT inside
            return name, precision
    missing = wanted[0][0]
    raise ModelError(f"{missing} is missing; install it with: pip install {' '.join(ENGINES[missing])}")


def _open_export(path: Path, engine: str) -> Engine:
    if engine == "savedmodel":
        from .saved_model_engine import SavedModelEngine

        folder = newest_version(path)
        return SavedModelEngine(folder, *read_export_card(card_of_saved_model(folder)).shape)
    content, card = read_exported_file(path)
    if engine == "litert":
        from .litert_engine import LiteRTEngine

        return LiteRTEngine(content, *card.shape)
    return _open_graph(content, card.shape, engine, "float32")


def _open_model(name_or_path: str | Path, engine: str, precision: str) -> Engine:
    if engine in ("openvino", "onnxruntime"):
        from .onnx_graph import onnx_model

        network = _network(name_or_path)
        return _open_graph(onnx_model(network), _shape(network.config), engine, precision)
    from ..models.weights import load_model
    from .keras_engine import POLICIES, KerasEngine

    model = load_model(name_or_path)
    if engine == "keras":
        return KerasEngine(model, precision=precision)
    from ..models.dncnn import fold_batch_norm, model_config

    folded, shape = fold_batch_norm(model, dtype=POLICIES[precision]), _shape(model_config(model))
    if engine == "litert":
        from .litert_engine import LiteRTEngine
        from .tflite_graph import tflite_model

        return LiteRTEngine(tflite_model(folded), *shape)
    from .saved_model_engine import SavedModelEngine
    from .saved_model_graph import write_saved_model

    with tempfile.TemporaryDirectory() as work:
        write_saved_model(folded, Path(work) / "model")
        return SavedModelEngine(Path(work) / "model", *shape)


def _open_graph(graph: bytes, shape: tuple[int, int], engine: str, precision: str) -> Engine:
    if engine == "onnxruntime":
        from .onnxruntime_engine import OnnxRuntime

        return OnnxRuntime(graph, *shape)
    from .openvino_engine import OpenVINOEngine

    return OpenVINOEngine(graph, *shape, precision=precision)


def _shape(config: ModelConfig) -> tuple[int, int]:
    return config.channels, config.receptive_radius


def _network(name_or_path: str | Path) -> Network:
    """Weights as plain arrays; without Keras, which takes seconds to import, where the file allows."""
    if str(name_or_path) in RECIPES:
        read_card(str(name_or_path))
        return read_network(PRETRAINED / f"{name_or_path}.weights.h5")
    if str(name_or_path).endswith(".weights.h5"):
        return read_network(Path(name_or_path))
    from ..models.dncnn import to_network
    from ..models.weights import load_model

    return to_network(load_model(name_or_path))
