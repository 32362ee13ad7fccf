"""An ONNX graph, run by OpenVINO."""

from __future__ import annotations

import numpy as np

from ..forks import need_threads
from ..models.folded import Network
from .openvino_alone import openvino
from .precision import Precision, fastest_for_engines

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}

# Kernels that are kept, each made for one layer and one size of picture: those of some 20 sizes. By default OpenVINO
# keeps 5,000, which over a folder of small pictures grows by 0.4 MB a picture.
_KERNELS = "500"


class OpenVINOEngine:
    """An ONNX graph on the CPU; calls from several threads at a time each have a request of their own.

    Args:
        graph: as `onnx_graph.onnx_model` makes it, or `compiled` returned it.
        channels, receptive_radius: of the network.
        precision: "float32" or "bfloat16", where OpenVINO by itself would take bfloat16 where it is fast; or "int8" for
            a graph in it, of which what is left in floating point is computed in the faster of these.
        kept: whether `compiled` returned the graph.

    Raises:
        RuntimeError: OpenVINO cannot read the graph.
    """

    def __init__(
        self,
        graph: bytes,
        channels: int,
        receptive_radius: int,
        *,
        precision: Precision = "float32",
        kept: bool = False,
    ) -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        need_threads("openvino")
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[fastest_for_engines() if precision == "int8" else precision],
            "PERFORMANCE_HINT": "LATENCY",
            "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
        }
        if kept:
            self._model = core.import_model(graph, "CPU", options)
        else:
            self._model = core.compile_model(core.read_model(graph), "CPU", options)
        self._idle: list[openvino.InferRequest] = []  # whose `append` and `pop` no thread interrupts

    @classmethod
    def of(cls, network: Network, precision: Precision) -> OpenVINOEngine:
        """The engine for a network; in int8, for one with a calibration."""
        from .onnx_graph import onnx_model

        graph = onnx_model(network, int8=precision == "int8")
        return cls(graph, network.config.channels, network.config.receptive_radius, precision=precision)

    def compiled(self) -> bytes:
        """The graph as this processor runs it in this precision."""
        graph: bytes = self._model.export_model().getvalue()
        return graph

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._model.create_infer_request()
        denoised: np.ndarray = request.infer(np.ascontiguousarray(noisy, np.float32), share_inputs=True)[0]
        self._idle.append(request)
        return denoised
