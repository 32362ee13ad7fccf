"""A client for models that TensorFlow Serving serves, over gRPC or REST; it is an `Engine` like any other.

from dncnn_tf import Client, denoise

clean = denoise(noisy, Client("grpc://127.0.0.1:8500", "dncnn-b"))
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np

from ..errors import DnCNNError, OptionError, first_line
from .contract import INPUT, OUTPUT, SIGNATURE

# At least the depth of any DnCNN of the paper; the server does not tell it.
_HALO = 20

_UNAVAILABLE = (502, 503, 504)


class ServingError(DnCNNError):
    """A server did not do what it was asked; the message says what and what to do."""


class Client:
    """A model on a server.

    Args:
        url: "grpc://HOST:8500", "unix:/PATH" (gRPC over a socket), or "http://HOST:8501" (REST).
        model: its name on the server.
        version_number: None for the newest.
        timeout: seconds that one request may take.
        attempts: how often a request is tried while the server is unavailable.

    Attributes:
        channels, receptive_radius: as for `Engine`; the radius is that of the deepest model.

    Raises:
        ServingError: there is no such server or model, or the model is not of `dncnn-tf export`.
        OptionError: the URL is none of these.
    """

    receptive_radius = _HALO

    def __init__(
        self, url: str, model: str, *, version_number: int | None = None, timeout: float = 60.0, attempts: int = 5
    ) -> None:
        self._transport = _transport(url, model, version_number, timeout, attempts)
        self.channels = self._transport.channels()

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`.

        Raises:
            ServingError: the server refused or did not answer in time.
        """
        return self._transport.predict(np.asarray(noisy, np.float32))


class _Transport(Protocol):
    def channels(self) -> int:
        """Of the served model."""

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, C) → the same."""


def _transport(url: str, model: str, version: int | None, timeout: float, attempts: int) -> _Transport:
    if url.startswith("grpc://"):
        return _Grpc(url.removeprefix("grpc://"), model, version, timeout, attempts)
    if url.startswith("unix:"):
        return _Grpc(url, model, version, timeout, attempts)
    if url.startswith(("http://", "https://")):
        return _Rest(url.rstrip("/"), model, version, timeout, attempts)
    raise OptionError(f"a server's `url` starts with grpc://, unix: or http://. Received: {url}")


class _Grpc:
    def __init__(self, target: str, model: str, version: int | None, timeout: float, attempts: int) -> None:
        try:
            import grpc
            from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc
        except ImportError as error:
            raise ServingError(f"gRPC needs {error.name}: pip install grpcio tensorflow-serving-api") from error
        retry = {
            "maxAttempts": max(2, attempts),
            "initialBackoff": "0.2s",
            "maxBackoff": "5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config = {"methodConfig": [{"name": [{}], **({"retryPolicy": retry} if attempts > 1 else {})}]}
        # A reply of 1040×1040 float32 pixels is more than gRPC's limit of 4 MiB.
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        options = [*unlimited, ("grpc.service_config", json.dumps(config))]
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(target, options))
        self._predict_pb2, self._metadata_pb2, self._failure = predict_pb2, get_model_metadata_pb2, grpc.RpcError
        self._target, self._timeout = target, timeout
        self._spec = {"name": model, "signature_name": SIGNATURE} | ({"version": {"value": version}} if version else {})

    def channels(self) -> int:
        request = self._metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _fill(request.model_spec, self._spec)
        answer = self._call(self._stub.GetModelMetadata, request)
        signatures = self._metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        inputs = signatures.signature_def[SIGNATURE].inputs
        return _require_channels([dim.size for dim in inputs[INPUT].tensor_shape.dim] if INPUT in inputs else [])

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        request = self._predict_pb2.PredictRequest()
        _fill(request.model_spec, self._spec)
        tensor = request.inputs[INPUT]
        tensor.dtype = 1  # DT_FLOAT
        for side in noisy.shape:
            tensor.tensor_shape.dim.add(size=side)
        tensor.tensor_content = np.ascontiguousarray(noisy, "<f4").tobytes()
        answer = self._call(self._stub.Predict, request).outputs[OUTPUT]
        shape = [dim.size for dim in answer.tensor_shape.dim]
        values = np.frombuffer(answer.tensor_content, "<f4") if answer.tensor_content else np.array(answer.float_val)
        return values.astype(np.float32).reshape(shape)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except self._failure as error:
            raise ServingError(f"{self._target}: {error.code().name}: {first_line(error.details())}") from error


class _Rest:
    def __init__(self, url: str, model: str, version: int | None, timeout: float, attempts: int) -> None:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        self._session, self._failure, self._timeout = requests.Session(), requests.RequestException, timeout
        retry = Retry(
            attempts - 1, backoff_factor=0.2, status_forcelist=_UNAVAILABLE, allowed_methods=None, raise_on_status=False
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._url = f"{url}/v1/models/{model}" + (f"/versions/{version}" if version else "")

    def channels(self) -> int:
        answer = self._call("GET", "/metadata")
        inputs = answer["metadata"]["signature_def"]["signature_def"].get(SIGNATURE, {}).get("inputs", {})
        return _require_channels(
            [int(dim["size"]) for dim in inputs.get(INPUT, {}).get("tensor_shape", {}).get("dim", [])]
        )

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        # Numbers travel as text; seven digits after the point are all that float32 has.
        rounded = np.round(noisy.astype(np.float64), 7).tolist()
        answer = self._call("POST", ":predict", {"signature_name": SIGNATURE, "instances": rounded})
        return np.asarray(answer["predictions"], np.float32)

    def _call(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self._session.request(method, self._url + path, json=content, timeout=self._timeout)
        except self._failure as error:
            raise ServingError(f"{self._url}: no answer ({first_line(str(error))}); is the server running?") from error
        try:
            received: dict[str, Any] = answer.json()
        except ValueError:
            received = {"error": answer.text}
        if answer.status_code != 200:
            raise ServingError(f"{self._url}: {answer.status_code}: {first_line(str(received.get('error')))}")
        return received


def _fill(message: Any, values: dict[str, Any]) -> None:
    from google.protobuf import json_format

    json_format.ParseDict(values, message)


def _require_channels(shape: list[int]) -> int:
    if len(shape) != 4 or shape[-1] not in (1, 3):
        raise ServingError(
            f"the served model is not one of dncnn-tf export: its {SIGNATURE} must take {INPUT} of (N, H, W, 1 or 3). "
            f"Received: {shape or 'no such input'}"
        )
    return shape[-1]
