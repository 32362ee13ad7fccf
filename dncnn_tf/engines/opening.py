"""Any model, by name, path or as it is in Keras, with an engine that can run it."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..config import ModelConfig
from ..models.calibration import read_calibrations, uncalibrated
from ..models.cards import read_card
from ..models.folded import Network
from ..models.source import Source, find_source
from .available import ENGINES_OF_EXPORT, choose_engine, choose_for_export
from .base import Engine
from .precision import Precision

if TYPE_CHECKING:
    import keras

ModelLike: TypeAlias = "str | Path | keras.Model | Engine"

_OPENING = threading.RLock()
os.register_at_fork(before=_OPENING.acquire, after_in_parent=_OPENING.release, after_in_child=_OPENING.release)


def open_engine(
    model: str | Path | keras.Model,
    *,
    engine: str = "auto",
    precision: str = "auto",
    large: bool = True,
    trust: bool = False,
) -> Engine:
    """Make any model ready to run.

    Args:
        model: what `dncnn_tf.load_model` takes, a Keras model, or an export: a SavedModel folder (`NAME` or
            `NAME/VERSION`), a `.tflite` or an `.onnx` file.
        engine: one of `ENGINES`, or "auto" for the fastest that is installed; of a Keras model, Keras.
        precision: "float32", "bfloat16", "int8" (a model in the box, by OpenVINO), or "auto": bfloat16 where the
            machine computes it in hardware and the engine knows it. An exported model keeps the precision it was
            exported with.
        large: whether there is much to do; if not, "auto" takes an engine that starts at once.
        trust: run a SavedModel folder even if the SHA-256 on its card is missing or another. A SavedModel is a program
            that may do anything; that its SHA-256 is on its card says only that it is as it was exported.

    Returns:
        What takes noisy images, float32 (N, H, W, C) in [0, 1], and returns denoised ones, and knows its C and radius.
        It may be called from several threads at a time.

    Raises:
        ModelError: it cannot be loaded, or not by this engine, or not in this precision.
        ValueError: a Keras model is not a DnCNN, or there is no such precision.
    """
    if not isinstance(model, str | Path):
        from ..models.dncnn import to_network

        if precision == "int8":
            raise uncalibrated(Path("a Keras model"))
        name, arithmetic = choose_engine("a Keras model", "keras" if engine == "auto" else engine, precision)
        return _engine_class(name).of(to_network(model), arithmetic)
    source = find_source(model)
    if source.kind in ENGINES_OF_EXPORT:
        from .contract import read_export

        name = choose_for_export(str(model), source.kind, engine)
        graph, card = read_export(source.path, precision, trust=trust)
        if isinstance(graph, bytes) and source.kind == "onnx":
            from .onnx_graph import require_plain

            require_plain(graph, source.path)
        return _engine_class(name)(graph, card.channels, card.receptive_radius)
    name, arithmetic = choose_engine(str(model), engine, precision, large=large)
    read = functools.cache(functools.partial(_read, source))
    if arithmetic == "int8":
        return _in_int8(source, read)
    return _compiled(source, name, arithmetic, read)


def _read(source: Source) -> Network:
    from ..models.weights import read_network

    return read_network(source)


def _in_int8(source: Source, read: Callable[[], Network]) -> Engine:
    """By OpenVINO, rounded to suit each picture where that is known for several kinds of them."""
    from .roughness import ByRoughness

    if source.kind not in ("shipped", "weights"):
        raise uncalibrated(source.path)
    config = ModelConfig(**read_card(source.name)["model"]) if source.kind == "shipped" else read().config
    calibrations = read_calibrations(source.path, config)
    if len(calibrations) == 1:
        return _compiled(source, "openvino", "int8", lambda: dataclasses.replace(read(), calibration=calibrations[0]))

    @functools.cache
    def nth(i: int) -> Engine:
        calibrated = functools.partial(dataclasses.replace, calibration=calibrations[i])
        return _compiled(source, "openvino", "int8", lambda: calibrated(read()), f"-{i}")

    def open_nth(i: int) -> Engine:
        with _OPENING:  # for all threads
            return nth(i)

    return ByRoughness([each.roughness for each in calibrations], config.channels, config.receptive_radius, open_nth)


def _compiled(
    source: Source, engine: str, precision: Precision, read: Callable[[], Network], variant: str = ""
) -> Engine:
    """A network's engine; of a model in the box OpenVINO's is kept in the cache."""
    if source.kind == "shipped" and engine == "openvino":
        from .compiled import kept_engine

        return kept_engine(source.name, precision, read, variant)
    made: Engine = _engine_class(engine).of(read(), precision)
    return made


def as_engine(
    model: ModelLike, *, engine: str = "auto", precision: str = "auto", large: bool = True, trust: bool = False
) -> Engine:
    """Make a network ready to run if it is not yet; a shipped model is opened once.

    Args:
        model: as for `open_engine`, or an `Engine`, which is returned.
        engine, precision, large, trust: as for `open_engine`.

    Raises:
        ModelError, ValueError: as for `open_engine`.
    """
    if isinstance(model, Engine):
        return model
    if isinstance(model, str | Path) and find_source(model).kind == "shipped":
        with _OPENING:  # for all threads
            return _shipped_engine(str(model), engine, precision, large)
    return open_engine(model, engine=engine, precision=precision, large=large, trust=trust)


@functools.cache
def _shipped_engine(name: str, engine: str, precision: str, large: bool) -> Engine:
    return open_engine(name, engine=engine, precision=precision, large=large)


def _engine_class(engine: str) -> Any:
    """Its class, which takes what an export holds, and makes an engine `of` a network."""
    match engine:
        case "openvino":
            from .openvino_engine import OpenVINOEngine

            return OpenVINOEngine
        case "onnxruntime":
            from .onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine
        case "keras":
            from .keras_engine import KerasEngine

            return KerasEngine
        case "litert":
            from .litert_engine import LiteRTEngine

            return LiteRTEngine
    from .saved_model_engine import SavedModelEngine

    return SavedModelEngine
