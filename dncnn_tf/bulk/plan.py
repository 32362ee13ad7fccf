"""Which files a command reads and which it writes, settled before anything is read or written."""

from __future__ import annotations

import glob
import os
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import click

from dncnn_tf.images.formats import SUFFIXES

from .places import Place, is_remote, place

STREAM = "-"
_SUFFIX_OF = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp", "bmp": ".bmp"}
FORMATS = ("keep", *_SUFFIX_OF)


@dataclass(frozen=True)
class Job:
    """One picture's way.

    Attributes:
        source: the file to read, None for standard input.
        target: the file to write, None for standard output.
    """

    source: Place | None
    target: Place | None

    def beside(self, what: str) -> Place:
        """The file for another picture of this job, such as the noise."""
        return self.target.with_name(f"{self.target.stem}_{what}.png")


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: in the order they were asked for.
        failures: inputs that there is nothing to do for, and why.
        skipped: files passed over because they are results of an earlier run.
    """

    jobs: list[Job]
    failures: list[str]
    skipped: int


def make_plan(
    inputs: tuple[str, ...],
    output: str | None,
    *,
    recursive: bool,
    suffix: str,
    format: str,
    extras: list[str],
    shard: tuple[int, int] = (1, 1),
) -> Plan:
    """Find the input files and name the output files.

    Args:
        inputs: files, folders, globs or URLs, or "-" alone.
        output: a file, a folder or a URL, "-", or None for beside the input.
        recursive: go into folders within folders.
        suffix: goes between an output's name and its ending.
        format: one of `FORMATS`.
        extras: further pictures of each job, as `Job.beside` names them.
        shard: (i, n) for the i-th of n parts of the jobs, counted from 1. Which part one belongs to is decided by its
            name, so that it stays where it is when others come and go.

    Raises:
        click.UsageError: inputs and output do not go together, or two inputs would be written to one file.
    """
    if shard[1] > 1 and (STREAM in inputs or output == STREAM or _is_file(output, format)):
        raise click.UsageError("--shard divides many pictures, each with a file of its own; give a folder: -o DIR")
    if STREAM in inputs:
        return Plan([_stream_job(inputs, output)], [], 0)
    sources, failures, skipped = _find(inputs, recursive, suffix, output)
    if output == STREAM or _is_file(output, format):
        _require_one(inputs, sources)
        jobs = [Job(source, None if output == STREAM else place(output)) for source, _ in sources]
        return Plan(jobs, failures, skipped)
    jobs = [Job(source, _target(source, root, output, suffix, format)) for source, root in sources]
    parts = {job: _part(source, root, shard[1]) for job, (source, root) in zip(jobs, sources, strict=True)}
    results = {job.target.absolute(): job for job in jobs}
    kept = [job for job in jobs if results.get(job.source.absolute(), job) is job]
    _require_distinct(kept, extras)
    own = [job for job in kept if parts[job] == shard[0]]
    return Plan(own, failures, skipped + len(jobs) - len(kept))


def find_inputs(inputs: tuple[str, ...], recursive: bool) -> tuple[list[Path], list[str]]:
    """Find the input files of a command that writes no pictures.

    Args:
        inputs: files, folders or globs.
        recursive: go into folders within folders.

    Returns:
        The files, and for each input that there is nothing to do for, why.

    Raises:
        click.UsageError: an input is a URL.
    """
    for given in inputs:
        if is_remote(place(given)):
            raise click.UsageError(f"{given}: only files of this machine can be read here; copy it first")
    sources, failures, _ = _find(inputs, recursive, suffix="", output=None)
    return [file for file, _ in sources], failures


def _stream_job(inputs: tuple[str, ...], output: str | None) -> Job:
    if len(inputs) > 1:
        raise click.UsageError("- (standard input) goes alone, without other inputs")
    if output in (None, STREAM):
        return Job(None, None)
    target = place(output)
    if target.is_dir() or target.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"for - (standard input), -o must be a file such as out.png. Received: {output}")
    return Job(None, target)


def _find(
    inputs: tuple[str, ...], recursive: bool, suffix: str, output: str | None
) -> tuple[list[tuple[Place, Place]], list[str], int]:
    """Input files, each with the folder that its place under an output folder is counted from."""
    sources: dict[Place, tuple[Place, Place]] = {}
    failures, skipped = [], 0
    for given in inputs:
        found, unreadable = _look_up(given, recursive, output)
        failures += unreadable
        if not found and not unreadable:
            failures.append(f"{given}: {_why_nothing(given, recursive)}")
        for file, root in found:
            if file != place(given) and _is_result(file, suffix):
                skipped += 1
            else:
                sources.setdefault(file.absolute(), (file, root))
    return list(sources.values()), failures, skipped


def _look_up(given: str, recursive: bool, output: str | None) -> tuple[list[tuple[Place, Place]], list[str]]:
    """Files, each with its root, and what could not be looked into."""
    path = place(given)
    if is_remote(path):
        return _look_up_remote(path, recursive, output)
    if path.is_dir():
        files, unreadable = _walk(path, recursive, output)
        return [(file, path) for file in files], unreadable
    if path.exists() or path.is_symlink():
        return [(path, path.parent)], []
    matches = sorted(Path(match) for match in glob.glob(given, recursive=True))  # noqa: PTH207  absolute ones too
    return [(file, file.parent) for file in matches if file.is_file()], []


def _why_nothing(given: str, recursive: bool) -> str:
    if not place(given).is_dir():
        return "no such file"
    return "no images in this folder" + ("" if recursive else "; --recursive looks further down")


def _look_up_remote(path: Place, recursive: bool, output: str | None) -> tuple[list[tuple[Place, Place]], list[str]]:
    """The same in an object store, where a folder is what names have in common."""
    try:
        if not path.is_dir():
            return ([(path, path.parent)] if path.exists() else []), []
        found = path.rglob("*") if recursive else path.iterdir()
        inside = f"{str(output).rstrip('/')}/" if output is not None and place(output) != path else None
        files = sorted(
            (file for file in found if _is_picture(file) and not (inside and str(file).startswith(inside))), key=str
        )
    except Exception as failure:  # whatever a store's library raises
        return [], [f"{path}: {' '.join(str(failure).split()) or type(failure).__name__}"]
    return [(file, path) for file in files], []


def _is_picture(file: Place) -> bool:
    """Whether a name is a picture's that a person would see."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _walk(folder: Path, recursive: bool, output: str | None) -> tuple[list[Path], list[str]]:
    """Image files in a folder, links that lead nowhere included, and folders that cannot be read."""
    unreadable: list[str] = []
    results = Path(output).absolute() if output is not None and Path(output).absolute() != folder.absolute() else None
    files = []
    for root, folders, names in os.walk(folder, onerror=lambda error: unreadable.append(_why_unreadable(error))):
        if not recursive:
            folders.clear()
        files += [
            file
            for file in (Path(root, name) for name in names)
            if _is_picture(file)
            and (file.is_file() or (file.is_symlink() and not file.exists()))
            and results not in file.absolute().parents
        ]
    return sorted(files), unreadable


def _why_unreadable(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def _is_result(file: Place, suffix: str) -> bool:
    return bool(suffix) and file.stem.removesuffix("_noise").removesuffix("_compare").endswith(suffix)


def _is_file(output: str | None, format: str) -> bool:
    """Whether -o names a file; a folder has no ending, ends in a slash, or is there already."""
    if output is None or output.endswith("/") or place(output).is_dir() or not place(output).suffix:
        return False
    ending = place(output).suffix.lower()
    if ending not in SUFFIXES:
        raise click.UsageError(
            f"-o {output}: {ending} is no ending of an image file that can be written ({', '.join(SUFFIXES)}); "
            "for a folder, end it with a slash"
        )
    if format != "keep" and SUFFIXES[ending] != format.upper():
        raise click.UsageError(f"-o {output} and --format {format} say different things; leave out --format")
    return True


def _require_one(inputs: tuple[str, ...], sources: list[tuple[Place, Place]]) -> None:
    if len(inputs) > 1 or len(sources) > 1 or place(inputs[0]).is_dir():
        raise click.UsageError("-o names one file, but there are several inputs; give a folder: -o DIR")


def _part(source: Place, root: Place, parts: int) -> int:
    """The shard of a picture, from 1."""
    return zlib.crc32(os.fsencode(str(_below(source, root)))) % parts + 1


def _below(source: Place, root: Place) -> PurePosixPath:
    """A picture's path from its root on."""
    return PurePosixPath(str(source.relative_to(root)))


def _target(source: Place, root: Place, output: str | None, suffix: str, format: str) -> Place:
    folder = source.parent if output is None else place(output).joinpath(*_below(source, root).parent.parts)
    return folder / f"{source.stem}{suffix}{_SUFFIX_OF.get(format, source.suffix)}"


def _require_distinct(jobs: list[Job], extras: list[str]) -> None:
    taken: dict[Place, Place] = {}
    for job in jobs:
        for target in (job.target, *(job.beside(name) for name in extras)):
            other = taken.setdefault(target.absolute(), job.source)
            if other != job.source:
                raise click.UsageError(f"{other} and {job.source} would both be written to {target}")
