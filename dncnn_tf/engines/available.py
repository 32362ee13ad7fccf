"""The engines that can run a network, which of them are installed, and which is taken for a job."""

from __future__ import annotations

import importlib.util
import os
from typing import get_args

from ..errors import OptionError
from ..models.cards import ModelError
from .precision import Precision, cpu_has_int8, fastest_for_engines, openvino_has_bfloat16

ENGINES = {
    "openvino": ("openvino", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "keras": ("keras", os.environ.get("KERAS_BACKEND", "tensorflow")),
    "litert": ("ai-edge-litert",),
    "savedmodel": ("tensorflow",),
}
"""Engines and the packages that each needs; in the same precision, the fastest first."""

WITH_INT8 = ("openvino",)
"""Engines that compute a trained network in int8."""

ENGINES_OF_EXPORT = {"savedmodel": ("savedmodel",), "tflite": ("litert",), "onnx": ("openvino", "onnxruntime")}
"""Engines that run an export, by the kind of its `Source`; the fastest first."""

LARGE = 3_000_000
"""Pixels in all from which on the fastest arithmetic is worth the seconds that TensorFlow takes to start."""

_AT_ONCE = ("openvino", "onnxruntime")

_MODULES = {"ai-edge-litert": "ai_edge_litert"}


def choose_engine(what: str, engine: str, precision: str, *, large: bool = True) -> tuple[str, Precision]:
    """The engine for a trained network and its arithmetic: the first of the `ranking` that is wanted and installed.

    Args:
        what: name or path of the model, for messages.
        engine: one of `ENGINES`, or "auto".
        precision: "float32", "bfloat16", "int8" or "auto", which is never int8.
        large: as for `ranking`.

    Raises:
        ModelError: there is none, or the processor has no int8.
        OptionError: there is no such precision.
    """
    if precision not in ("auto", *get_args(Precision)):
        raise OptionError(f'`precision` must be "auto", "float32", "bfloat16" or "int8". Received: {precision}')
    if precision == "int8":
        if not cpu_has_int8():
            raise ModelError(
                "int8 is for processors that multiply 8-bit integers fast (AVX2, VNNI or AMX), which this one does "
                "not; leave out `precision`"
            )
        return _first_installed(f"{what} in int8", engine, [(name, "int8") for name in WITH_INT8])
    ranked = [pair for pair in ranking(fastest_for_engines(), large=large) if precision in ("auto", pair[1])]
    return _first_installed(what if precision == "auto" else f"{what} in {precision}", engine, ranked)


def choose_for_export(what: str, kind: str, engine: str) -> str:
    """The engine for an export of a kind in `ENGINES_OF_EXPORT`.

    Args:
        what, engine: as for `choose_engine`.
        kind: of the export.

    Raises:
        ModelError: there is none.
    """
    return _first_installed(what, engine, [(name, "float32") for name in ENGINES_OF_EXPORT[kind]])[0]


def with_bfloat16() -> tuple[str, ...]:
    """Engines that can also compute in bfloat16 on this processor."""
    return ("openvino", "keras", "savedmodel") if openvino_has_bfloat16() else ("keras", "savedmodel")


def ranking(fastest: Precision, *, large: bool) -> list[tuple[str, Precision]]:
    """Every engine in float32 and bfloat16, what is done first in front (README, Table IV and the start from cold).

    Args:
        fastest: the precision that this machine is fast at.
        large: whether there is so much to do that the time to start does not matter.
    """
    names = list(ENGINES)
    pairs: list[tuple[str, Precision]] = [(name, "float32") for name in names]
    pairs += [(name, "bfloat16") for name in with_bfloat16()]
    return sorted(
        pairs,
        key=lambda pair: (not large and pair[0] not in _AT_ONCE, pair[1] != fastest, names.index(pair[0])),
    )


def installed_engines() -> list[str]:
    """Engines whose packages are installed."""
    return [name for name, packages in ENGINES.items() if all(map(_is_installed, packages))]


def _first_installed(what: str, engine: str, ranked: list[tuple[str, Precision]]) -> tuple[str, Precision]:
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


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(_MODULES.get(package, package)) is not None
