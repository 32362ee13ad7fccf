"""Parameter types that several commands share."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

import click

HIGHEST_SIGMA = 255.0
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


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


class SigmaOrAuto(click.ParamType):
    """A noise level, or "auto" (None) to estimate it."""

    name = "auto|σ"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        return None if value == "auto" else Sigma().convert(value, param, ctx)


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


class Engine(click.Choice):
    """An engine's name.

    Args:
        names: those that are shown.
        also: others that are understood.
    """

    def __init__(self, names: Sequence[str], also: Sequence[str] = ()) -> None:
        super().__init__(names)
        self.also = also

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if value in self.also else super().convert(value, param, ctx)


class Share(click.FloatRange):
    """A share from 0 to 1."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        share = super().convert(value, param, ctx)
        if math.isnan(share):  # no range keeps it out
            self.fail(f"{value} is not a number from 0 to 1", param, ctx)
        return share


class Tile(click.ParamType):
    """A tile's side in pixels, 0 for none, or "auto"."""

    name = "auto|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == "auto":
            return value
        if not re.fullmatch(r"\d+", str(value)):
            self.fail(f"{value!r} is neither auto nor a number of pixels, such as 512 (0: no tiles)", param, ctx)
        return int(value)


class Pixels(click.ParamType):
    """A number of pixels, plain or with M for millions."""

    name = "N|NM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(M?)", str(value).upper())
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not a number of pixels, such as 400M", param, ctx)
        return int(float(match[1]) * (1_000_000 if match[2] else 1))


class Memory(click.ParamType):
    """An amount of memory in bytes, or with K, M, G or T."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:I?B)?", str(value).upper())
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not an amount of memory, such as 2G or 800M", param, ctx)
        return int(float(match[1]) * _UNITS[match[2]])


class Shard(click.ParamType):
    """One of equal parts: "2/8" is the second of eight."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d+)/(\d+)", value)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            self.fail(f"{value!r} is no part such as 2/8, the second of eight", param, ctx)
        return int(match[1]), int(match[2])


class OptionalChoice(click.Choice):
    """A choice that may be left out, in a `CommandWithOptionalChoices`: the option alone is as with the first."""


class CommandWithOptionalChoices(click.Command):
    """A command in which `--option INPUT` is the option alone, and then an input."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        optional = {
            name: parameter.type.choices
            for parameter in self.params
            if isinstance(parameter.type, OptionalChoice)
            for name in parameter.opts
        }
        end = args.index("--") if "--" in args else len(args)
        words = [
            f"{word}={optional[word][0]}" if word in optional and following not in optional[word] else word
            for word, following in itertools.zip_longest(args[:end], args[1:end])
        ]
        return super().parse_args(ctx, words + args[end:])
