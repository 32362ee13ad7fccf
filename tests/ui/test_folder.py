"""The private folder of `dncnn-tf ui`, with other processes that start at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from dncnn_tf.ui import folder as folders
from dncnn_tf.ui.folder import private_folder, remove_abandoned


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where they are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_a_crash(place: Path, age: float = 0, *, lock: bool = True) -> Path:
    folder = place / "dncnn-tf-ui.left"
    folder.mkdir(mode=0o700)
    (folder / "photo.png").touch()
    if lock:
        (folder / ".lock").touch()
    seconds = folder.stat().st_mtime - age
    os.utime(folder, (seconds, seconds))
    return folder


def is_locked(file: Path) -> bool:
    with file.open("r+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.mark.parametrize("lock", [True, False], ids=["with a lock", "without"])
def test_nobody_can_take_a_folder_while_it_is_removed(monkeypatch: pytest.MonkeyPatch, place: Path, lock: bool) -> None:
    left = left_by_a_crash(place, age=3600, lock=lock)
    remove, locked = shutil.rmtree, []

    def rmtree(folder: Path, **options: bool) -> None:
        locked.append(is_locked(folder / ".lock"))
        remove(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    remove_abandoned()
    assert locked == [True]
    assert not left.exists()


def test_a_folder_that_is_young_may_get_its_lock_yet(place: Path) -> None:
    left = left_by_a_crash(place, lock=False)
    remove_abandoned()
    assert [path.name for path in left.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("moment", ["before it has its lock", "when it has it"])
def test_a_folder_that_another_process_removed_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, place: Path, moment: str
) -> None:
    made = []
    make, lock = tempfile.mkdtemp, folders._lock

    def mkdtemp(prefix: str) -> str:
        made.append(make(prefix=prefix))
        if len(made) == 1 and moment == "before it has its lock":
            shutil.rmtree(made[0])
        return made[-1]

    def lock_late(file: int) -> bool:
        if len(made) == 1:
            shutil.rmtree(made[0])
        return lock(file)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    monkeypatch.setattr(folders, "_lock", lock_late)
    with private_folder() as folder:
        assert str(folder) == made[1]
        assert is_locked(folder / ".lock")
    assert not list(place.iterdir())


def test_a_folder_that_vanishes_is_none_to_remove(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: [place / "dncnn-tf-ui.gone"])
    remove_abandoned()
