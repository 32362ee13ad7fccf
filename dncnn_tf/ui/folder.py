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
        _remove_if_abandoned(folder)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # for its owner alone
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            if _lock(lock) and os.fstat(lock).st_nlink:
                return folder, lock
            os.close(lock)
        # Another process that starts has just taken it for abandoned.


def _remove_if_abandoned(folder: Path) -> None:
    """Remove a folder while its lock is held, so that its process, if there is one, does not take it meanwhile."""
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return
        make = os.O_CREAT if time.time() - status.st_mtime > _YOUNG else 0
        lock = os.open(folder / _LOCK, make | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError:  # it may get its lock yet, or another process was quicker
        return
    try:
        if _lock(lock):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
