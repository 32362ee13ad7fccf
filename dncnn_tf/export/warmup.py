"""Requests that TensorFlow Serving replays when it loads a model, before it serves any."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..engines.contract import BYTES_INPUT, IMAGE_BYTES, INPUT, SIGNATURE, UINT8
from ..models.folded import Network

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"

_WARMUP_SIDES = (128, 512)


def write_warmup(saved_model: Path, network: Network, max_pixels: int) -> bool:
    """Write requests of every signature, files within what it takes: the server loads no model that refuses one.

    Args:
        saved_model: the folder; the requests go where TensorFlow Serving looks for them.
        network: what is in it, under the name that it has on the server.
        max_pixels: of a file that it takes.

    Returns:
        False, with nothing written, where tensorflow-serving-api is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return False
    import tensorflow as tf

    (saved_model / WARMUP_FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(saved_model / WARMUP_FILE)) as writer:
        for side in _WARMUP_SIDES:
            levels = np.random.default_rng(side).integers(0, 256, (1, side, side, network.config.channels), np.uint8)
            file = io.BytesIO()
            Image.fromarray(levels[0].squeeze()).save(file, "PNG")
            requests = {
                SIGNATURE: (INPUT, levels.astype(np.float32) / 255),
                UINT8: (INPUT, levels),
            }
            if side**2 <= max_pixels:
                requests[IMAGE_BYTES] = BYTES_INPUT, np.array([file.getvalue()], object)
            for signature, (key, value) in requests.items():
                request = predict_pb2.PredictRequest()
                request.model_spec.name, request.model_spec.signature_name = network.name, signature
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
                writer.write(log.SerializeToString())
    return True
