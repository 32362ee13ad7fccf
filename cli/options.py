"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dncnn_tf import ENGINES, FORMATS

from .common import note
from .parameters import Engine, Memory, Pixels, Shard, Share, Tile

_Function = TypeVar("_Function", bound=Callable[..., Any])

_RULES = ("format", "suffix", "recursive", "quality", "overwrite", "skip_existing", "max_pixels", "shard")
_PLACES = ("local", "ray")


def file_options(suffix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add INPUT… and the options for files; the function gets a `FileWork` as `files`."""
    options = (
        click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
        click.option(
            "-o", "--output", metavar="OUT", help="A file, a folder, or - for stdout.  [default: beside the input]"
        ),
        click.option("--format", type=click.Choice(FORMATS), default="keep", show_default=True, help="Of the results."),
        click.option("--suffix", default=suffix, show_default=True, help="Goes before the ending of a result's name."),
        click.option(
            "--recursive/--no-recursive", default=False, show_default=True, help="Go into folders within folders."
        ),
        click.option(
            "--quality",
            type=click.IntRange(1, 100),
            help="Of results in JPEG, WebP or AVIF.  [default: as the input, or 95]",
        ),
        click.option("--overwrite", is_flag=True, help="Replace files that exist."),
        click.option(
            "--skip-existing", is_flag=True, help="Pass over inputs whose result exists: to go on with a folder."
        ),
        max_pixels_option("Refuse larger pictures, which may be attacks on memory."),
        click.option("--dry-run", is_flag=True, help="Only say what would be read and written."),
        click.option(
            "--shard", type=Shard(), default="1/1", metavar="I/N", help="Do the I-th of N parts only, for N machines."
        ),
        click.option(
            "--on",
            type=click.Choice(_PLACES),
            default="local",
            show_default=True,
            help="Where it is done: here, or on a Ray cluster.",
        ),
        click.option(
            "--actors", type=click.IntRange(1), help="Networks at work in Ray.  [default: one on each machine]"
        ),
        click.option(
            "--report",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write how many are done, skipped and failed, and why, as JSON.",
        ),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gathered(**given: Any) -> Any:
            from dncnn_tf import FileRules

            from .file_work import FileWork

            if given.get("engine") in _PLACES:  # what --engine meant before there was --on
                note(f"--engine {given['engine']} is called --on {given['engine']} now")
                given |= {"on": given["engine"], "engine": "auto"}
            rules = FileRules(**{name: given.pop(name) for name in _RULES})
            names = ("inputs", "output", "dry_run", "on", "actors", "report")
            return function(files=FileWork(rules=rules, **{name: given.pop(name) for name in names}), **given)

        return _with(options)(gathered)

    return decorate


def share_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for how much of the noise is subtracted: `strength`, `luma` and `chroma`."""
    helps = {
        "--strength": "Share of the noise to subtract.",
        "--luma": "Share of its grain, on top of --strength.",
        "--chroma": "Share of its colour blotches, on top of --strength.",
    }
    options = (
        click.option(name, type=Share(), default=1.0, show_default=True, help=help) for name, help in helps.items()
    )
    return _with(tuple(options))(function)


def network_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for how a network is run: `tile`, `max_memory`, `precision`, `engine` and `trust`."""
    options = (
        click.option(
            "--tile",
            type=Tile(),
            default="auto",
            show_default=True,
            metavar="auto|N",
            help="Largest side of a part; 0: one part.",
        ),
        max_memory_option("Memory to make do with, by smaller parts."),
        click.option(
            "--precision",
            type=click.Choice(["auto", "float32", "bfloat16", "int8"]),
            default="auto",
            show_default=True,
            help="Of the arithmetic; auto: bfloat16 where the processor has it; int8: faster still, not as exact.",
        ),
        engine_option(
            "engine",
            type=Engine(["auto", *ENGINES], also=_PLACES),
            default="auto",
            show_default=True,
            help="What runs the model; auto: the fastest that is installed.",
        ),
        trust_option,
    )
    return _with(options)(function)


def trust_option(function: _Function) -> _Function:
    """Add `--trust`, of a SavedModel."""
    return click.option(
        "--trust",
        is_flag=True,
        help="Run a SavedModel folder, which is a program, even without its SHA-256 on its card.",
    )(function)


def engine_option(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--engine` as a parameter `name`, and its old name `--runtime`, which is not shown.

    Args:
        name: of the function's parameter.
        attributes: as for `click.option`, of `--engine`.
    """
    hidden = {key: value for key, value in attributes.items() if key in ("type", "multiple")}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def renamed(**given: Any) -> Any:
            if old := given.pop("runtime"):
                note("--runtime is called --engine now")
                given[name] = old
            return function(**given)

        return _with(
            (click.option("--engine", name, **attributes), click.option("--runtime", "runtime", hidden=True, **hidden))
        )(renamed)

    return decorate


def max_memory_option(help: str) -> Callable[[_Function], _Function]:
    """Add `--max-memory`: bytes, of the process."""
    return click.option("--max-memory", type=Memory(), default="2G", show_default=True, help=help)


def max_pixels_option(help: str) -> Callable[[_Function], _Function]:
    """Add `--max-pixels`, of a picture that is read."""
    return click.option("--max-pixels", type=Pixels(), default="179M", show_default=True, help=help)


def _with(options: tuple[Callable[..., Any], ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
