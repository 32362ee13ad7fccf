"""Stopwatches: how long one image takes in one engine or peer.

Each runs in a process of its own: `python -m dncnn_tf.evaluation.timing ENGINE PRECISION` serves one (`turns.py`).
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..config import ModelConfig
from ..engines.available import ENGINES, WITH_INT8, installed_engines, with_bfloat16
from ..engines.precision import cpu_has_int8
from ..models.cards import read_card
from ..models.folded import Network
from ..models.source import find_source
from ..models.weights import read_network

SIGMA = 25

_PEERS = {"torch": ("float32", "bfloat16"), "bm3d": ("float64",), "opencv-nlm": ("uint8",)}
_MODULE_OF_PEER = {"torch": "torch", "bm3d": "bm3d", "opencv-nlm": "cv2"}


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        engine: of `ENGINES`, or a peer: "torch" (a plain PyTorch network with the same weights), "bm3d", "opencv-nlm".
        precision: of its arithmetic.
    """

    engine: str
    precision: str

    @property
    def takes_model(self) -> bool:
        """Whether it runs a network, and not a method of its own."""
        return self.engine not in ("bm3d", "opencv-nlm")

    @property
    def command(self) -> list[str]:
        """Starts a process that serves its stopwatch."""
        return [sys.executable, "-m", __spec__.name, self.engine, self.precision]

    @property
    def name(self) -> str:
        """For people."""
        if self.engine == "torch":
            layout = ", channels_last" if self.precision == "bfloat16" else ""
            return f"PyTorch {self.precision}{layout}"
        return f"{self.engine} {self.precision}" if self.takes_model else self.engine


PEAK = Method("peak", "")
"""No method, but what all are compared with, each in its arithmetic: `peaks.peak_stopwatch`."""


def installed_methods() -> list[Method]:
    """All that can be measured here: engines in every precision they have, then peers."""
    engines = [
        Method(engine, precision)
        for engine in ENGINES
        if engine in installed_engines()
        for precision in _precisions(engine)
    ]
    peers = [
        Method(peer, precision)
        for peer, precisions in _PEERS.items()
        if importlib.util.find_spec(_MODULE_OF_PEER[peer]) is not None
        for precision in precisions
    ]
    return engines + peers


def _precisions(engine: str) -> list[str]:
    """What an engine can compute in here."""
    others = [("bfloat16", engine in with_bfloat16()), ("int8", engine in WITH_INT8 and cpu_has_int8())]
    return ["float32", *(precision for precision, known in others if known)]


def stopwatch(method: Method) -> Callable[[str, int], float]:
    """A function of model and size that denoises a grey image of size² pixels once and returns the seconds.

    Models are loaded and sizes are warmed up outside the time that is taken.
    """
    warm: set[tuple[str, int]] = set()
    forwards: dict[str, Callable[[np.ndarray], object]] = {}

    def measure(model: str, size: int) -> float:
        noisy = noisy_image(size)
        if model not in forwards:
            forwards[model] = _forward(method, model)
        if method.takes_model and (model, size) not in warm:
            forwards[model](noisy)
            warm.add((model, size))
        start = time.perf_counter()
        forwards[model](noisy)
        return time.perf_counter() - start

    return measure


def noisy_image(size: int) -> np.ndarray:
    """Waves with noise of σ 25, float32 (1, size, size, 1)."""
    rows, columns = np.mgrid[:size, :size] / 40
    clean = 0.5 + 0.25 * np.sin(rows) + 0.25 * np.cos(columns * rows / 9)
    noise = np.random.default_rng(0).normal(0, SIGMA / 255, (size, size))
    return (clean + noise).astype(np.float32)[None, ..., None]


def network_flops(model: str, size: int) -> float:
    """Floating-point operations of a shipped model's convolutions on size² pixels."""
    config = ModelConfig(**read_card(model)["model"])
    depth, filters, channels = config.depth, config.filters, config.channels
    return 2 * 9 * size**2 * (2 * channels * filters + (depth - 2) * filters**2)


def _forward(method: Method, model: str) -> Callable[[np.ndarray], object]:
    if method.engine == "torch":
        return _torch(read_network(find_source(model)), method.precision)
    if method.engine == "bm3d":
        import bm3d

        return lambda noisy: bm3d.bm3d(noisy[0, ..., 0], SIGMA / 255)
    if method.engine == "opencv-nlm":
        import cv2

        return lambda noisy: cv2.fastNlMeansDenoising((noisy[0, ..., 0].clip(0, 1) * 255).astype(np.uint8), h=SIGMA)
    from ..engines.opening import open_engine

    return open_engine(model, engine=method.engine, precision=method.precision)


def _torch(network: Network, precision: str) -> Callable[[np.ndarray], object]:
    """As KAIR runs it (batch normalisation folded); in bfloat16, in the layout that is fastest there."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for kernel, bias in zip(network.kernels, network.biases, strict=True):
        conv = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
        conv.weight = nn.Parameter(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
        conv.bias = nn.Parameter(torch.from_numpy(bias))
        layers += [conv, nn.ReLU(inplace=True)]
    body = nn.Sequential(*layers[:-1]).eval()
    if precision == "bfloat16":
        body = body.to(torch.bfloat16)
        body = body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def forward(noisy: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(noisy).permute(0, 3, 1, 2)
        if precision == "bfloat16":
            residual = body(x.to(torch.bfloat16, memory_format=torch.channels_last)).float()
        else:
            residual = body(x.contiguous())
        return (x - residual).permute(0, 2, 3, 1).numpy()

    return forward


if __name__ == "__main__":
    from .peaks import peak_stopwatch
    from .turns import serve

    serve(peak_stopwatch() if sys.argv[1] == PEAK.engine else stopwatch(Method(*sys.argv[1:])))
