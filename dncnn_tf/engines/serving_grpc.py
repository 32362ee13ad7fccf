"""A served model by gRPC."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .contract import INPUT, OUTPUT, SIGNATURE
from .transport import ServingError, reading_answer, require_channels, said

_FLOAT32 = 1  # DT_FLOAT
_BESIDE = 2**16  # bytes of a message that are not the picture
_METADATA = 2**20


class Grpc:
    """A model on a server.

    Args:
        target: as gRPC names it.
        model, version, timeout, attempts: as for `Client`.
        secure: by TLS.

    Raises:
        ServingError: what it needs is not installed.
    """

    def __init__(
        self, target: str, model: str, version: int | None, timeout: float, attempts: int, *, secure: bool = False
    ) -> None:
        try:
            import grpc
            from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc
        except ImportError as error:
            raise ServingError(f"gRPC needs {error.name}: pip install grpcio tensorflow-serving-api") from error
        self._grpc, self._services = grpc, prediction_service_pb2_grpc
        self._predict_pb2, self._metadata_pb2 = predict_pb2, get_model_metadata_pb2
        self._target, self._timeout, self._attempts, self._secure = target, timeout, attempts, secure
        self._spec = {"name": model, "signature_name": SIGNATURE} | ({"version": {"value": version}} if version else {})
        self._stubs: dict[int, Any] = {}

    def channels(self) -> int:
        """As `Transport`."""
        request = self._metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _fill(request.model_spec, self._spec)
        answer = self._call("GetModelMetadata", request, _METADATA)
        with reading_answer(self._target):
            signatures = self._metadata_pb2.SignatureDefMap()
            answer.metadata["signature_def"].Unpack(signatures)
            inputs = signatures.signature_def[SIGNATURE].inputs
            return require_channels([dim.size for dim in inputs[INPUT].tensor_shape.dim] if INPUT in inputs else [])

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        """As `Transport`."""
        request = self._predict_pb2.PredictRequest()
        _fill(request.model_spec, self._spec)
        tensor = request.inputs[INPUT]
        tensor.dtype = _FLOAT32
        for side in noisy.shape:
            tensor.tensor_shape.dim.add(size=side)
        tensor.tensor_content = np.ascontiguousarray(noisy, "<f4").tobytes()
        answer = self._call("Predict", request, noisy.nbytes)
        with reading_answer(self._target):
            return _array(answer.outputs[OUTPUT])

    def _call(self, method: str, request: Any, most: int) -> Any:
        """An answer of not much more than `most` bytes."""
        try:
            return getattr(self._stub(most), method)(request, timeout=self._timeout)
        except self._grpc.RpcError as error:
            late = error.code() is self._grpc.StatusCode.DEADLINE_EXCEEDED
            advice = f" ({self._timeout:g} seconds); give more as `timeout`" if late else ""
            raise ServingError(f"{self._target}: {error.code().name}: {said(error.details())}{advice}") from error

    def _stub(self, most: int) -> Any:
        """A channel whose messages end at the next power of two, since a channel's limit cannot be changed."""
        limit = 1 << (most + _BESIDE - 1).bit_length()
        if limit not in self._stubs:
            retry = {
                "maxAttempts": max(2, self._attempts),
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            }
            config = {"methodConfig": [{"name": [{}], **({"retryPolicy": retry} if self._attempts > 1 else {})}]}
            options = [
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", limit),
                ("grpc.service_config", json.dumps(config)),
            ]
            self._stubs[limit] = self._services.PredictionServiceStub(self._channel(options))
        return self._stubs[limit]

    def _channel(self, options: list[tuple[str, Any]]) -> Any:
        if self._secure:
            return self._grpc.secure_channel(self._target, self._grpc.ssl_channel_credentials(), options)
        return self._grpc.insecure_channel(self._target, options)


def _array(tensor: Any) -> np.ndarray:
    if tensor.dtype != _FLOAT32:
        raise ValueError(f"{OUTPUT} must be float32")
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    content = tensor.tensor_content
    values = np.frombuffer(content, "<f4") if content else np.array(tensor.float_val, np.float32)
    return values.astype(np.float32).reshape(shape)


def _fill(message: Any, values: dict[str, Any]) -> None:
    from google.protobuf import json_format

    json_format.ParseDict(values, message)
