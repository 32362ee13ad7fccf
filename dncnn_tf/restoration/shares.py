"""What a caller may say of the noise: how strong it is, and how much of what a network finds is taken away."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from numbers import Real
from typing import Any

from ..errors import OptionError


def require_sigma(sigma: float | None) -> None:
    """Check a noise level on the 0–255 scale; None is one that is not known.

    Raises:
        OptionError: it is out of range.
    """
    if sigma is not None and not _is_between(0, sigma, 255):
        raise OptionError(f"`sigma` must be from 0 to 255 (the 0-255 scale). Received: {sigma!r}")


@dataclass(frozen=True)
class Shares:
    """Shares of the noise found that are subtracted, each from 0 to 1.

    Attributes:
        strength: of all of it.
        luma: of its grain, the part that is alike in R, G and B, on top of `strength`.
        chroma: of its blotches of colour, the rest, on top of `strength`. Grey pictures have none.

    Raises:
        OptionError: one is not from 0 to 1.
    """

    strength: float = 1.0
    luma: float = 1.0
    chroma: float = 1.0

    def __post_init__(self) -> None:
        for field, value in zip(fields(self), astuple(self), strict=True):
            if not _is_between(0, value, 1):
                raise OptionError(f"`{field.name}` must be from 0 to 1. Received: {value!r}")

    def of(self, channels: int) -> tuple[float, float]:
        """The shares of luma and of chroma that are subtracted in all; of grey, with one channel, they are one."""
        luma = self.strength * self.luma
        return luma, luma if channels == 1 else self.strength * self.chroma


def _is_between(lowest: float, value: Any, highest: float) -> bool:
    """Whether it is one number, and not NaN, in a range."""
    return isinstance(value, Real) and lowest <= float(value) <= highest
