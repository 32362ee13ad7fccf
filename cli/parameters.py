"""Parameter types that several commands share."""

from __future__ import annotations

from typing import Any

import click

HIGHEST_SIGMA = 255.0


class Sigma(click.ParamType):
    """A noise level from 0 to 255."""

    name = "σ"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            sigma = float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a number; σ is a noise level from 0 to 255, such as 25", param, ctx)
        if not 0 <= sigma <= HIGHEST_SIGMA:
            self.fail(f"σ must be from 0 to 255 (the 0-255 scale). Received: {value}", param, ctx)
        return sigma


class SigmaRange(click.ParamType):
    """A noise level ("25") or a range of them ("0-55")."""

    name = "σ|LOW-HIGH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        ends = str(value).split("-") if not str(value).startswith("-") else [str(value)]
        if len(ends) > 2:
            self.fail(f"{value!r} is neither a level such as 25 nor a range such as 0-55", param, ctx)
        low, high = (Sigma().convert(end, param, ctx) for end in (ends[0], ends[-1]))
        if low > high:
            self.fail(f"a range of σ goes from low to high. Received: {value}", param, ctx)
        return low, high
