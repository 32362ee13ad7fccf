"""A DnCNN as a TFLite file, by TensorFlow's own converter."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from ..forks import need_threads
from ..models.folded import Network
from .contract import INPUT, SIGNATURE
from .saved_model_graph import write_saved_model

Quantization = Literal["none", "float16", "dynamic", "int8"]


def tflite_model(network: Network, quantize: Quantization = "none", samples: Iterable[np.ndarray] = ()) -> bytes:
    """The file's content, for any N, H and W.

    Args:
        network: weights and shape.
        quantize: "none"; "float16": weights of 16 bits; "dynamic": weights of 8 bits, features quantised on the way;
            "int8": weights and features of 8 bits, their ranges taken from `samples`.
        samples: noisy images as the model will get them, float32 (N, H, W, C); for "int8".
    """
    need_threads("tensorflow")
    with tempfile.TemporaryDirectory() as work:
        # A converter that is given the Keras model itself silently drops its weights.
        folder = Path(work) / "model"
        write_saved_model(network, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            converter.representative_dataset = lambda: ((SIGNATURE, {INPUT: sample}) for sample in samples)
        with warnings.catch_warnings():
            # Calibration uses the interpreter inside TensorFlow, whose end it announces.
            warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
            content: bytes = converter.convert()
            return content
