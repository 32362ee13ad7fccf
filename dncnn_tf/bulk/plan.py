"""Which files are read and which are written, settled before anything is read or written."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from ..errors import OptionError
from ..images.formats import SUFFIX_OF, SUFFIXES
from .places import Place, below, place
from .rules import FileRules
from .search import Found, find
from .tally import Failure

Input: TypeAlias = str | Path | BinaryIO
"""A file, a folder, a glob or a URL, or a stream that holds a file."""

Output: TypeAlias = str | Path | BinaryIO
"""A file, a folder or a URL, or a stream that a file is written to."""


@dataclass(frozen=True)
class Results:
    """What is made of each picture.

    Attributes:
        suffix: goes between a result's name and its ending where the rules name none.
        extras: further files that are asked for, by what their names end in, such as "noise.png".
        all_extras: the same without the ending, of all that an earlier run may have left.
    """

    suffix: str
    extras: tuple[str, ...] = ()
    all_extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One picture's way.

    Attributes:
        source: the file to read, None for the stream.
        target: the file to write, None for the stream.
        extras: a file for each further picture, in the order of `Results.extras`.
    """

    source: Place | None
    target: Place | None
    extras: tuple[Place, ...] = ()

    @property
    def name(self) -> str:
        """The input's, for people."""
        return "standard input" if self.source is None else str(self.source)


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        jobs: in the order they were asked for.
        failures: inputs that there is nothing to do for.
        skipped: files passed over because they are results of an earlier run.
        source, target: the streams, if there are any; then there is one job.
    """

    jobs: list[Job]
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0
    source: BinaryIO | None = None
    target: BinaryIO | None = None


def make_plan(inputs: Input | Sequence[Input], output: Output | None, rules: FileRules, results: Results) -> Plan:
    """Find the input files and name the output files.

    Args:
        inputs: what to read; a stream alone.
        output: where to write; None for beside each input.
        rules: what holds for each file.
        results: what is made of each.

    Raises:
        OptionError: inputs and output do not go together, or two inputs would be written to one file.
    """
    places, source = _sort_out(inputs)
    outputs, target = _sort_out([] if output is None else output)
    into = outputs[0] if outputs else None
    one = target is not None or (into is not None and _is_file(into, str(output), rules.format))
    if rules.shard[1] > 1 and (source or one):
        raise OptionError("`shard` divides many pictures, each with a file of its own; give a folder as `output`")
    if source:
        _require_alone(places, output, one)
    if target and results.extras:
        raise OptionError("further pictures, such as `compare` makes, need a file for the result; give it as `output`")
    if source:
        return Plan([_job(None, into, results)], source=source, target=target)
    suffix = results.suffix if rules.suffix is None else rules.suffix
    endings = (suffix, *(f"{suffix}_{name}" for name in results.all_extras)) if suffix else ()
    found = find(places, recursive=rules.recursive, results=endings, output=into)
    if one:
        _require_one(places, found)
        jobs, others = [_job(file, into, results) for file, _ in found.files], 0
    else:
        jobs, others = _in_folders(found, into, replace(rules, suffix=suffix), results)
    return Plan(jobs, found.failures, found.skipped + others, target=target)


def _in_folders(found: Found, into: Place | None, rules: FileRules, results: Results) -> tuple[list[Job], int]:
    """A job for each file of this shard, and how many files are left out, being results of others."""
    jobs = [_job(file, _target(file, root, into, rules), results) for file, root in found.files]
    made = {_absolute(job.target): job for job in jobs}
    own = []
    kept = []
    for job, (_, root) in zip(jobs, found.files, strict=True):
        if made.get(_absolute(job.source), job) is job:
            kept.append(job)
            if _part(job, root, rules.shard[1]) == rules.shard[0]:
                own.append(job)
    _require_distinct(kept)
    return own, len(jobs) - len(kept)


def _sort_out(given: Input | Sequence[Input]) -> tuple[list[Place], BinaryIO | None]:
    """Places, and the stream if there is one."""
    every = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    places, stream = [], None
    for each in every:
        if hasattr(each, "read") or hasattr(each, "write"):
            stream = cast(BinaryIO, each)
        else:
            places.append(place(each))
    return places, stream


def _require_alone(places: list[Place], output: Output | None, one: bool) -> None:
    if places:
        raise OptionError("a stream, such as standard input, goes alone, without other inputs")
    if not one:
        raise OptionError(
            f"for a stream, such as standard input, `output` must be a file such as out.png. Received: {output}"
        )


def _is_file(into: Place, given: str, format: str) -> bool:
    """Whether an output names a file; a folder has no ending, ends in a slash, or is there already."""
    if given.endswith("/") or into.is_dir() or not into.suffix:
        return False
    ending = into.suffix.lower()
    if ending not in SUFFIXES:
        raise OptionError(
            f"`output` {given}: {ending} is no ending of an image file that can be written ({', '.join(SUFFIXES)}); "
            "for a folder, end it with a slash"
        )
    if format != "keep" and SUFFIXES[ending] != format.upper():
        raise OptionError(f"`output` {given} and `format` {format} say different things; leave out `format`")
    return True


def _require_one(places: list[Place], found: Found) -> None:
    if len(places) > 1 or len(found.files) > 1 or places[0].is_dir():
        raise OptionError("`output` names one file, but there are several inputs; give a folder")


def _job(source: Place | None, target: Place | None, results: Results) -> Job:
    extras = (target.with_name(f"{target.stem}_{name}") for name in results.extras) if target else ()
    return Job(source, target, tuple(extras))


def _target(source: Place, root: Place, into: Place | None, rules: FileRules) -> Place:
    folder = source.parent if into is None else into.joinpath(*below(source, root).parent.parts)
    return folder / f"{source.stem}{rules.suffix}{SUFFIX_OF.get(rules.format, source.suffix)}"


def _part(job: Job, root: Place, parts: int) -> int:
    """The shard of a picture, from 1."""
    return zlib.crc32(os.fsencode(str(below(job.source, root)))) % parts + 1 if job.source else 1


def _absolute(where: Place | None) -> Place | None:
    return where.absolute() if where else None


def _require_distinct(jobs: list[Job]) -> None:
    taken: dict[Place | None, Place | None] = {}
    for job in jobs:
        for target in (job.target, *job.extras):
            other = taken.setdefault(_absolute(target), job.source)
            if other != job.source:
                raise OptionError(f"{other} and {job.source} would both be written to {target}")
