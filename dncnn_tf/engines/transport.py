"""What reaches a server's model, and how its answers are taken: whatever is wrong with one is a `ServingError`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ..errors import DnCNNError, first_line
from .contract import INPUT, SIGNATURE

_LONGEST = 300  # characters of what a server says


class ServingError(DnCNNError):
    """A server did not do what it was asked; the message says what and what to do."""


class Transport(Protocol):
    """One model on one server, by one protocol."""

    def channels(self) -> int:
        """Of the served model."""

    def predict(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, C) → what the server makes of it."""


@contextlib.contextmanager
def reading_answer(server: str) -> Iterator[None]:
    """Take what a stranger sends apart.

    Raises:
        ServingError: something in it is missing, or is not what it should be.
    """
    try:
        yield
    except ServingError:
        raise
    except Exception as error:
        raise ServingError(
            f"{server}: the answer is not one of TensorFlow Serving ({said(error)}); is there another server?"
        ) from error


def said(message: Exception | str | None) -> str:
    """What a server or a library says, for a line."""
    return first_line(message)[:_LONGEST]


def require_channels(shape: list[int]) -> int:
    """Those of a model that takes pictures of this shape, -1 where it is free.

    Raises:
        ServingError: it is not a model of `dncnn-tf export`.
    """
    if len(shape) != 4 or shape[-1] not in (1, 3):
        raise ServingError(
            f"the served model is not one of dncnn-tf export: its {SIGNATURE} must take {INPUT} of (N, H, W, 1 or 3). "
            f"Received: {shape or 'no such input'}"
        )
    return shape[-1]
