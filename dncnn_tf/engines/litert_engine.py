"""A `.tflite` file, run by LiteRT (formerly TensorFlow Lite)."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

import numpy as np

from ..models.cards import ModelError
from ..models.folded import Network
from .precision import Precision


class LiteRTEngine:
    """A TFLite model, with as many threads as there are cores; other calls wait for the one that has them.

    Args:
        content: of the file.
        channels, receptive_radius: of the network.

    Raises:
        ModelError: no LiteRT is installed.
    """

    def __init__(self, content: bytes, channels: int, receptive_radius: int) -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        self._interpreter = _interpreter(content)
        self._interpreter.allocate_tensors()  # prints which kernels it takes, here and not at the first image
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._shape: tuple[int, ...] = ()
        self._one_call = threading.Lock()

    @classmethod
    def of(cls, network: Network, precision: Precision) -> LiteRTEngine:
        """The engine for a network, in float32."""
        from .tflite_graph import tflite_model

        return cls(tflite_model(network), network.config.channels, network.config.receptive_radius)

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        with self._one_call:
            if noisy.shape != self._shape:
                self._shape = ()  # until it is done
                self._interpreter.resize_tensor_input(self._input, noisy.shape, strict=True)
                self._interpreter.allocate_tensors()
                self._shape = noisy.shape
            self._interpreter.set_tensor(self._input, np.asarray(noisy, np.float32))
            self._interpreter.invoke()
            denoised: np.ndarray = self._interpreter.get_tensor(self._output)
            return denoised


def _interpreter(content: bytes) -> Any:
    """LiteRT's own package when it is installed, else the same interpreter inside TensorFlow.

    TensorFlow announces that it will drop its copy in favour of the package, which is the user's choice to make
    only once that has happened; so the announcement is not passed on.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = getattr(tf.lite, "Interpreter", None)  # noqa: N806
        if Interpreter is None:
            raise ModelError("LiteRT is missing; install it with: pip install ai-edge-litert") from None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        return Interpreter(model_content=content, num_threads=os.cpu_count())
