"""The engines that can run a network, and which of them are installed."""

from __future__ import annotations

import importlib.util

ENGINES = {
    "openvino": ("openvino", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "keras": ("keras",),
    "litert": ("ai-edge-litert",),
    "savedmodel": ("tensorflow",),
}
"""Engines and the packages that each needs. "auto" takes the first that is installed and fits."""

WITH_BFLOAT16 = ("openvino", "keras", "savedmodel")
"""Engines that can also compute in bfloat16."""

_MODULES = {"ai-edge-litert": "ai_edge_litert"}


def installed_engines() -> list[str]:
    """Engines whose packages are installed."""
    return [name for name, packages in ENGINES.items() if all(map(_is_installed, packages))]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(_MODULES.get(package, package)) is not None
