"""Where uploads are held: a folder that this user alone may read, and that is gone when the process is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "dncnn-tf-ui."
_LOCK = ".lock"
_YOUNG = 60  # seconds that a folder may take to get its lock


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for this process, removed at the end; what others left when they crashed is removed at the beginning.

    Each holds a file that is locked for as long as its process lives, which the system sees to.
    """
    remove_abandoned()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the folders of this user's processes that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # for its owner alone
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        if _lock(lock):
            return folder, lock
        os.close(lock)  # another process that starts has just taken it for abandoned


def _is_abandoned(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - status.st_mtime > _YOUNG
    except OSError:
        return False
    try:
        return _lock(lock)
    finally:
        os.close(lock)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
