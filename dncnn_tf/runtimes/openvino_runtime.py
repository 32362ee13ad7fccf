"""An ONNX graph, run by OpenVINO."""

from __future__ import annotations

import numpy as np
import openvino

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVINORuntime:
    """An ONNX graph on the CPU.

    Args:
        graph: as `onnx_graph.onnx_model` makes it.
        channels, receptive_radius: of the network.
        precision: "float32" or "bfloat16"; OpenVINO by itself would take bfloat16 where it is fast.
    """

    def __init__(self, graph: bytes, channels: int, receptive_radius: int, *, precision: str = "float32") -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": _PRECISIONS[precision], "PERFORMANCE_HINT": "LATENCY"}
        self._model = core.compile_model(core.read_model(graph), "CPU", options)

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Runtime`."""
        return self._model(np.ascontiguousarray(noisy, np.float32))[0].copy()
