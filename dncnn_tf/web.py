"""Answers of servers within bounds: from whom was asked, no longer than is wanted, no later than is allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

import requests

_Result = TypeVar("_Result")

_CHUNK = 2**16


class TooLongError(Exception):
    """A body goes on behind its end."""


class Session(requests.Session):
    """Follows no redirect, and asks for bodies as they are, not packed."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["Accept-Encoding"] = "identity"

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: Requests would read the body of a redirect whole, even of one that it is told not to follow."""


def body(answer: requests.Response, most: int) -> Iterator[bytes]:
    """An answer's body as it comes, and as it is, packed or not.

    Args:
        answer: one of `Session` to a request with `stream=True`.
        most: bytes that it may have.

    Raises:
        TooLongError: it has more.
        urllib3.exceptions.HTTPError: the connection broke.
    """
    received = 0
    while chunk := answer.raw.read1(_CHUNK, decode_content=False):
        received += len(chunk)
        if received > most:
            raise TooLongError
        yield chunk


def within(seconds: float, call: Callable[[], _Result]) -> _Result:
    """What a call returns or raises, if it does so in time; else it goes on by itself until the process ends.

    A socket's own time limit begins anew with every byte.

    Raises:
        TimeoutError: it does not.
    """
    outcome: Future[_Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as failure:  # for the thread that waits
            outcome.set_exception(failure)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(timeout=seconds)
