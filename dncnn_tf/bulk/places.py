"""Where pictures are: files of this machine, or of an object store by their URL, such as s3://bucket/photo.jpg."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TypeAlias, cast

from ..errors import OptionError

Place: TypeAlias = Path
"""A path, or universal-pathlib's `UPath`, which does what a path does by fsspec."""


def place(given: str | Place) -> Place:
    """What a path or URL stands for.

    Raises:
        OptionError: what its store needs is not installed.
    """
    if not isinstance(given, str):
        return given
    if "://" not in given:
        return Path(given)
    try:
        from upath import UPath

        return cast(Place, UPath(given))
    except (ImportError, ValueError) as failure:
        needed = str(failure).removesuffix(".")
        raise OptionError(f"{given}: {needed}; URLs need pip install universal-pathlib, and s3fs or gcsfs") from None


def below(where: Place, root: Place) -> PurePosixPath:
    """A picture's path from its root on."""
    return PurePosixPath(str(where.relative_to(root)))


def stays_below(where: Place, root: Place) -> bool:
    """Whether a picture's path, joined to another folder, is in that; stores and archives name things as they like."""
    try:
        path = below(where, root)
    except ValueError:  # nor are these names, as their library reads them, always below what they were listed in
        return False
    return not path.is_absolute() and ".." not in path.parts


class Existing:
    """Whether places are taken; of an object store, each folder is asked for once."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def __call__(self, where: Place) -> bool:
        """As `Path.exists`."""
        if not is_remote(where):
            return where.exists()
        folder = str(where.parent)
        if folder not in self._names:
            try:
                self._names[folder] = {file.name for file in where.parent.iterdir()}
            except (FileNotFoundError, NotADirectoryError):
                self._names[folder] = set()
        return where.name in self._names[folder]


def comes_once(where: Place) -> bool:
    """Whether looking into it first would cost a second transfer, or what a pipe holds."""
    return is_remote(where) or where.is_fifo()


def is_remote(where: Place) -> bool:
    """Whether it is reached by fsspec."""
    return not isinstance(where, Path)
