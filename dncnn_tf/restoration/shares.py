"""How much of the noise that a network finds is taken away."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from ..errors import OptionError


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
            if not 0 <= value <= 1:  # NaN too
                raise OptionError(f"`{field.name}` must be from 0 to 1. Received: {value}")

    def of(self, channels: int) -> tuple[float, float]:
        """The shares of luma and of chroma that are subtracted in all; of grey, with one channel, they are one."""
        luma = self.strength * self.luma
        return luma, luma if channels == 1 else self.strength * self.chroma
