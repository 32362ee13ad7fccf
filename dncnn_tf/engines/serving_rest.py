"""A served model by REST."""

from __future__ import annotations

import functools
import json
import time
from typing import Any

import numpy as np

from .contract import INPUT, SIGNATURE
from .transport import ServingError, reading_answer, require_channels, said

_UNAVAILABLE = (502, 503, 504)
_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds before the second attempt, and before any

_METADATA = 2**20
_NUMBER = 64  # bytes of text, with all that stands around it


class Rest:
    """A model on a server.

    Args:
        url: of the server.
        model, version, timeout, attempts: as for `Client`.
    """

    def __init__(self, url: str, model: str, version: int | None, timeout: float, attempts: int) -> None:
        from ..web import Session

        self._session, self._timeout, self._attempts = Session(), timeout, attempts
        self._url = f"{url}/v1/models/{model}" + (f"/versions/{version}" if version else "")

    def channels(self) -> int:
        """As `Transport`."""
        answer = self._call("GET", "/metadata", _METADATA)
        with reading_answer(self._url):
            inputs = answer["metadata"]["signature_def"]["signature_def"].get(SIGNATURE, {}).get("inputs", {})
            dims = inputs.get(INPUT, {}).get("tensor_shape", {}).get("dim", [])
            return require_channels([int(dim["size"]) for dim in dims])

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        """As `Transport`."""
        # Numbers travel as text; seven digits after the point are all that float32 has.
        rounded = np.round(noisy.astype(np.float64), 7).tolist()
        content = {"signature_name": SIGNATURE, "instances": rounded}
        answer = self._call("POST", ":predict", _NUMBER * noisy.size + _METADATA, content)
        with reading_answer(self._url), np.errstate(over="ignore"):
            return np.asarray(answer["predictions"], np.float32)

    def _call(self, method: str, path: str, most: int, content: dict[str, Any] | None = None) -> Any:
        """What an answer of at most so many bytes says."""
        from ..web import within

        deadline = time.monotonic() + self._timeout
        try:
            status, text = within(self._timeout, functools.partial(self._insist, method, path, most, content, deadline))
        except TimeoutError:
            raise ServingError(
                f"{self._url}: no answer within {self._timeout:g} seconds; give more as `timeout`"
            ) from None
        if status != 200:
            raise ServingError(f"{self._url}: {status}: {_reason(text)}")
        with reading_answer(self._url):
            return _parsed(text, most)

    def _insist(
        self, method: str, path: str, most: int, content: dict[str, Any] | None, deadline: float
    ) -> tuple[int, bytes]:
        """Status and body, once the server is available, or as it answered last."""
        import requests
        import urllib3

        for attempt in range(1, self._attempts + 1):
            pause = min(_LONGEST_PAUSE, _PAUSE * 2 ** (attempt - 1))
            try:
                status, text, asked = self._ask(method, path, most, content, deadline)
            except (requests.Timeout, urllib3.exceptions.TimeoutError):  # an attempt has all the time that is left
                raise TimeoutError from None
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                answered: tuple[int, bytes] | ServingError = ServingError(
                    f"{self._url}: no answer ({said(str(error))}); is the server running?"
                )
            else:
                answered, pause = (status, text), max(pause, asked)
            unavailable = isinstance(answered, ServingError) or answered[0] in _UNAVAILABLE
            if not unavailable or attempt == self._attempts or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        if isinstance(answered, ServingError):
            raise answered
        return answered

    def _ask(
        self, method: str, path: str, most: int, content: dict[str, Any] | None, deadline: float
    ) -> tuple[int, bytes, float]:
        """Status, body, and the seconds that the server asks to wait."""
        from urllib3.util import Retry

        from ..web import TooLongError, body

        left = max(0.01, deadline - time.monotonic())
        with self._session.request(method, self._url + path, json=content, stream=True, timeout=left) as answer:
            if answer.is_redirect:
                where = said(answer.headers["location"])
                raise ServingError(f"{self._url}: sends on to {where}; give that as `url` if it is your server")
            text = bytearray()
            try:
                for chunk in body(answer, most):
                    text += chunk
                    if time.monotonic() > deadline:
                        raise TimeoutError
            except TooLongError:
                raise ServingError(f"{self._url}: the answer is longer than what was asked for") from None
            return answer.status_code, bytes(text), Retry().get_retry_after(answer.raw) or 0.0


def _parsed(text: bytes, most: int) -> Any:
    """JSON, of no more parts than the numbers that were asked for: in memory, each part is many times as long."""
    if sum(map(text.count, (b"[", b"{", b","))) > 5 * most // _NUMBER:
        raise ValueError("too many parts")
    return json.loads(text)


def _reason(text: bytes) -> str:
    """What a server says is wrong."""
    try:
        return said(str(json.loads(text)["error"]))
    except Exception:  # it is no server of TensorFlow's
        return said(text.decode(errors="replace"))
