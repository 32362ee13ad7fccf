"""The engines that can run a network, and which of them are installed."""

from __future__ import annotations

import importlib.util
import os

ENGINES = {
    "openvino": ("openvino", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "keras": ("keras", os.environ.get("KERAS_BACKEND", "tensorflow")),
    "litert": ("ai-edge-litert",),
    "savedmodel": ("tensorflow",),
}
"""Engines and the packages that each needs; in the same precision, the fastest first."""

WITH_BFLOAT16 = ("openvino", "keras", "savedmodel")
"""Engines that can also compute in bfloat16."""

LARGE = 3_000_000
"""Pixels in all from which on the fastest arithmetic is worth the seconds that TensorFlow takes to start."""

_AT_ONCE = ("openvino", "onnxruntime")

_MODULES = {"ai-edge-litert": "ai_edge_litert"}


def ranking(*, bfloat16: bool, large: bool) -> list[tuple[str, str]]:
    """Every engine in every precision, what is done first in front (README, Table IV and the start from cold).

    Args:
        bfloat16: whether the machine computes bfloat16 in hardware.
        large: whether there is so much to do that the time to start does not matter.
    """
    names = list(ENGINES)
    pairs = [(name, "float32") for name in names] + [(name, "bfloat16") for name in WITH_BFLOAT16]
    return sorted(
        pairs,
        key=lambda pair: (
            not large and pair[0] not in _AT_ONCE,
            (pair[1] == "bfloat16") != bfloat16,
            names.index(pair[0]),
        ),
    )


def installed_engines() -> list[str]:
    """Engines whose packages are installed."""
    return [name for name, packages in ENGINES.items() if all(map(_is_installed, packages))]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(_MODULES.get(package, package)) is not None
