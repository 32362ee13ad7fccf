"""Which files a path, a folder, a glob or a URL stands for."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..images.formats import SUFFIXES
from .places import Place, is_remote, stays_below
from .tally import Failure


@dataclass
class Found:
    """What there is to read.

    Attributes:
        files: each with the folder that its place under an output folder is counted from.
        failures: inputs that there is nothing to do for, and why.
        skipped: files passed over because they are results of an earlier run.
    """

    files: list[tuple[Place, Place]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0


def find(
    inputs: Sequence[Place], *, recursive: bool, results: tuple[str, ...] = (), output: Place | None = None
) -> Found:
    """Find files of images, each once.

    Args:
        inputs: files, folders, globs or URLs.
        recursive: go into folders within folders.
        results: what names of results end in, before their ending; found files with such names are passed over.
        output: a folder whose files are results, wherever it lies.
    """
    found = Found()
    taken = set()
    for given in inputs:
        files, unreadable = _look_up(given, recursive, output)
        found.failures += [Failure(str(given), reason) for reason in unreadable]
        if not files and not unreadable:
            found.failures.append(Failure(str(given), f"{given}: {_why_nothing(given, recursive)}"))
        for file, root in files:
            if not stays_below(file, root):
                found.failures.append(Failure(str(file), f"{file}: its name leads out of {root}; rename it"))
            elif file != given and file.stem.endswith(results):
                found.skipped += 1
            elif file.absolute() not in taken:
                taken.add(file.absolute())
                found.files.append((file, root))
    return found


def _look_up(given: Place, recursive: bool, output: Place | None) -> tuple[list[tuple[Place, Place]], list[str]]:
    """Files, each with its root, and what could not be looked into."""
    if is_remote(given):
        return _look_up_remote(given, recursive, output)
    if given.is_dir():
        files, unreadable = _walk(given, recursive, output)
        return [(file, given) for file in files], unreadable
    if given.exists() or given.is_symlink():
        return [(given, given.parent)], []
    matches = sorted(Path(match) for match in glob.glob(str(given), recursive=True))  # noqa: PTH207  absolute ones too
    return [(file, file.parent) for file in matches if file.is_file()], []


def _why_nothing(given: Place, recursive: bool) -> str:
    if not given.is_dir():
        return "no such file"
    return "no images in this folder" + ("" if recursive else "; `recursive` looks further down")


def _look_up_remote(given: Place, recursive: bool, output: Place | None) -> tuple[list[tuple[Place, Place]], list[str]]:
    """The same in an object store, where a folder is what names have in common."""
    try:
        if not given.is_dir():
            return ([(given, given.parent)] if given.exists() else []), []
        listed = given.rglob("*") if recursive else given.iterdir()
        inside = f"{str(output).rstrip('/')}/" if output is not None and output != given else None
        files = sorted(
            (file for file in listed if _is_picture(file) and not (inside and str(file).startswith(inside))), key=str
        )
    except Exception as failure:  # whatever a store's library raises
        return [], [f"{given}: {' '.join(str(failure).split()) or type(failure).__name__}"]
    return [(file, given) for file in files], []


def _is_picture(file: Place) -> bool:
    """Whether a name is a picture's that a person would see."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _walk(folder: Place, recursive: bool, output: Place | None) -> tuple[list[Path], list[str]]:
    """Image files in a folder, links that lead nowhere included, and folders that cannot be read."""
    unreadable: list[str] = []
    results = output.absolute() if output is not None and output.absolute() != folder.absolute() else None
    files = []
    for root, folders, names in os.walk(str(folder), onerror=lambda error: unreadable.append(_why_unreadable(error))):
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
