"""Stand-ins for TensorFlow Serving: its official gRPC service and its REST API, on an exported SavedModel.

They are no model server: what they show is that client, names, shapes and limits fit the protocols.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc


class Served(prediction_service_pb2_grpc.PredictionServiceServicer):
    """One model under one name, version 1.

    Attributes:
        failures: how many of the next requests are refused as if the server were starting.
    """

    def __init__(self, saved_model: Path, name: str) -> None:
        self.model, self.name, self.failures = tf.saved_model.load(saved_model), name, 0

    def Predict(self, request, context):  # noqa: N802  the protocol's name
        signature = self._signature(request.model_spec, context)
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        answer = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for key, value in signature(**inputs).items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return answer

    def GetModelMetadata(self, request, context):  # noqa: N802
        self._signature(request.model_spec, context)
        answer = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        answer.metadata["signature_def"].Pack(self.signatures())
        return answer

    def signatures(self) -> get_model_metadata_pb2.SignatureDefMap:
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.model.signatures.items():
            for key, spec in signature.structured_input_signature[1].items():
                entry = found.signature_def[name].inputs[key]
                entry.dtype = spec.dtype.as_datatype_enum
                entry.tensor_shape.CopyFrom(spec.shape.as_proto())
        return found

    def _signature(self, spec, context):
        if self.failures:
            self.failures -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        if spec.name != self.name or spec.version.value not in (0, 1):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({spec.name})")
        return self.model.signatures[spec.signature_name or "serving_default"]


@contextlib.contextmanager
def grpc_server(served: Served) -> Iterator[str]:
    """Its URL."""
    server = grpc.server(
        ThreadPoolExecutor(8),
        options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(served, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def rest_server(served: Served) -> Iterator[str]:
    """Its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            from google.protobuf import json_format

            signatures = json_format.MessageToDict(served.signatures(), preserving_proto_field_name=True)
            self._answer(lambda: {"metadata": {"signature_def": signatures}}, "/metadata")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(lambda: {"predictions": predictions(served, asked)}, ":predict")

        def _answer(self, make, suffix: str) -> None:
            status, content = 200, None
            if served.failures:
                served.failures -= 1
                status, content = 503, {"error": "starting"}
            elif not self.path.startswith(f"/v1/models/{served.name}") or not self.path.endswith(suffix):
                status, content = 404, {"error": f"Servable not found for request: {self.path}"}
            body = json.dumps(content or make()).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """No log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def predictions(served: Served, asked: dict) -> list:
    """Row format: an instance for each image; strings are base64 where the names end in `_bytes`."""
    signature = served.model.signatures[asked["signature_name"]]
    ((key, spec),) = signature.structured_input_signature[1].items()
    if spec.dtype == tf.string:
        rows = [base64.b64decode(row["b64"]) for row in asked["instances"]]
        (files,) = signature(**{key: tf.constant(rows)}).values()
        return [{"b64": base64.b64encode(file).decode()} for file in files.numpy()]
    (result,) = signature(**{key: tf.constant(np.array(asked["instances"]), spec.dtype)}).values()
    return result.numpy().tolist()
