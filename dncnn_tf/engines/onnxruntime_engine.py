"""An ONNX graph, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime

from ..forks import need_threads
from ..models.folded import Network
from .contract import INPUT, OUTPUT
from .precision import Precision


class OnnxRuntimeEngine:
    """An ONNX graph on the CPU, in float32; its session takes calls from several threads at a time.

    Args:
        graph: as `onnx_graph.onnx_model` makes it.
        channels, receptive_radius: of the network.
    """

    def __init__(self, graph: bytes, channels: int, receptive_radius: int) -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        need_threads("onnxruntime")
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    @classmethod
    def of(cls, network: Network, precision: Precision) -> OnnxRuntimeEngine:
        """The engine for a network, in float32."""
        from .onnx_graph import onnx_model

        return cls(onnx_model(network), network.config.channels, network.config.receptive_radius)

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        denoised: np.ndarray = self._session.run([OUTPUT], {INPUT: np.asarray(noisy, np.float32)})[0]
        return denoised
