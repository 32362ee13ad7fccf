"""A client for models that TensorFlow Serving serves, over gRPC or REST; it is an `Engine` like any other.

from dncnn_tf import Client, denoise

clean = denoise(noisy, Client("grpc://127.0.0.1:8500", "dncnn-b"))
"""

from __future__ import annotations

import numpy as np

from ..errors import OptionError
from .transport import ServingError, Transport

# At least the depth of any DnCNN of the paper; the server does not tell it.
_HALO = 20


class Client:
    """A model on a server.

    Of a server's answer, no more is taken than is asked for; redirects are not followed.

    Args:
        url: "grpc://HOST:8500", "grpcs://HOST:8500" (over TLS), "unix:/PATH" (gRPC over a socket), or
            "http://HOST:8501" (REST; "https://" over TLS).
        model: its name on the server.
        version_number: None for the newest.
        timeout: seconds that one request may take in all, with all its attempts and the pauses between them.
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
        self._url = url
        self._transport = _transport(url, model, version_number, timeout, attempts)
        self.channels = self._transport.channels()

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`.

        Raises:
            ServingError: the server refused, did not answer in time, or answered with what is no such picture.
        """
        noisy = np.asarray(noisy, np.float32)
        answer = self._transport.predict(noisy)
        if answer.shape != noisy.shape or not np.isfinite(answer).all():
            kind = "numbers that are not finite" if answer.shape == noisy.shape else f"the shape {answer.shape}"
            raise ServingError(f"{self._url}: a picture of {noisy.shape} must come back as one. Received: {kind}")
        return answer


def _transport(url: str, model: str, version: int | None, timeout: float, attempts: int) -> Transport:
    from .serving_grpc import Grpc
    from .serving_rest import Rest

    if url.startswith(("grpc://", "grpcs://")):
        protocol, _, target = url.partition("://")
        return Grpc(target, model, version, timeout, attempts, secure=protocol == "grpcs")
    if url.startswith("unix:"):
        return Grpc(url, model, version, timeout, attempts)
    if url.startswith(("http://", "https://")):
        return Rest(url.rstrip("/"), model, version, timeout, attempts)
    raise OptionError(f"a server's `url` starts with grpc://, grpcs://, unix:, http:// or https://. Received: {url}")
