"""Files come whole, private where they should be, and over nothing that was to be kept."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.waiting import HANGS

from dncnn_tf import files
from dncnn_tf.files import atomic_path, cache_folder, is_device, remove_unfinished, take_name, write_json


def write(target: Path, text: str = "new", **options: object) -> None:
    with atomic_path(target, **options) as path:
        path.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture(params=["links", "no links"])
def linking(request, monkeypatch) -> None:
    """Both kinds of file system."""
    if request.param == "no links":

        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)


def test_a_planted_link_is_not_followed(monkeypatch, tmp_path) -> None:
    target, victim = tmp_path / "a.png", tmp_path / "victim"
    victim.write_text("mine")
    with atomic_path(target) as path:
        first = path
        path.write_text("new")
    monkeypatch.setattr(secrets, "token_hex", lambda size: first.name.split(".")[1])
    first.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write(target)
    assert victim.read_text() == "mine"


def test_two_writers_of_one_process_number_do_not_meet(monkeypatch, tmp_path) -> None:
    """As in two containers that share a volume."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    target = tmp_path / "a.json"
    with atomic_path(target) as one, atomic_path(target) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
        assert {one.parent, other.parent} == {tmp_path}
    assert target.read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


def test_temporary_names_fit_where_the_target_does_and_keep_its_ending(tmp_path) -> None:
    for name in ("é" * 125 + ".png", "a" * 240 + ".weights.h5", os.fsdecode(b"\xff" * 251 + b".png")):
        with atomic_path(tmp_path / name) as path:
            assert path.name.endswith("".join(Path(name).suffixes))
            path.write_bytes(b"")
        assert (tmp_path / name).exists()


@pytest.mark.usefixtures("linking")
def test_a_file_that_came_in_the_meantime_is_kept(tmp_path) -> None:
    target = tmp_path / "a.png"
    made = atomic_path(target, overwrite=False)
    made.__enter__().write_text("new")
    target.write_text("theirs")
    with pytest.raises(FileExistsError, match=r"a\.png: exists already; give `overwrite`"):
        made.__exit__(None, None, None)
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("linking")
def test_a_link_that_leads_nowhere_is_kept_too(tmp_path) -> None:
    target = tmp_path / "a.png"
    target.symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError):
        write(target, overwrite=False)
    assert target.is_symlink()
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("linking")
def test_of_many_writers_one_wins_and_the_others_are_told(tmp_path) -> None:
    start = threading.Barrier(8)

    def wins(i: int) -> bool:
        with contextlib.suppress(FileExistsError), atomic_path(tmp_path / "a", overwrite=False) as path:
            path.write_text(f"{i}" * 1000)
            start.wait()
            return True
        return False

    with ThreadPoolExecutor(8) as threads:
        winners = [i for i, won in enumerate(threads.map(wins, range(8))) if won]
    assert len(winners) == 1
    assert (tmp_path / "a").read_text() == f"{winners.pop()}" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_finished_file_takes_a_free_name_only(tmp_path) -> None:
    made, target = tmp_path / "made", tmp_path / "target"
    made.write_text("new")
    target.write_text("old")
    with pytest.raises(FileExistsError):
        take_name(made, target, overwrite=False)
    assert (made.read_text(), target.read_text()) == ("new", "old")
    take_name(made, target, overwrite=True)
    assert (made.exists(), target.read_text()) == (False, "new")


def test_what_is_made_of_a_private_file_is_private(umask, tmp_path) -> None:
    source = tmp_path / "source"
    source.touch()
    for umask_bits, given, expected in (
        (0o022, 0o600, 0o600),
        (0o022, 0o640, 0o640),
        (0o022, 0o644, 0o644),
        (0o022, 0o777, 0o644),  # nothing is made executable
        (0o022, 0o444, 0o644),  # nor a file that cannot be removed by its owner
        (0o077, 0o644, 0o600),
        (0o002, 0o664, 0o664),
    ):
        umask(umask_bits)
        source.chmod(given)
        target = tmp_path / f"{umask_bits:o}-{given:o}"
        with atomic_path(target, source=source) as path:
            assert mode(path) & ~expected == 0, "at no time may more read it"
            path.write_text("new")
        assert mode(target) == expected


def test_a_file_that_is_replaced_leaves_its_permissions(umask, tmp_path) -> None:
    target = tmp_path / "a"
    for permissions in (0o600, 0o640, 0o664, 0o444, 0o604):
        target.unlink(missing_ok=True)
        target.touch(permissions)
        target.chmod(permissions)
        write(target)
        assert (mode(target), target.read_text()) == (permissions, "new")


def test_a_picture_that_is_replaced_leaves_its_times(tmp_path) -> None:
    target = tmp_path / "a"
    for keep in (True, False):
        target.touch()
        os.utime(target, ns=(10**18 + 1, 10**18 + 2))
        write(target, keep_times=keep)
        assert (target.stat().st_mtime_ns == 10**18 + 2) == keep
        assert (target.stat().st_atime_ns == 10**18 + 1) == keep


@pytest.mark.skipif(os.geteuid() != 0, reason="others' files can be kept theirs by root alone")
def test_a_file_that_is_replaced_leaves_its_owner(tmp_path) -> None:
    target = tmp_path / "a"
    target.touch()
    os.chown(target, 12345, 23456)
    write(target)
    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 23456)


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another group are made by root alone")
def test_what_a_group_may_read_another_may_not(umask, tmp_path) -> None:
    source = tmp_path / "source"
    source.touch()
    os.chown(source, -1, 23456)
    for given, expected in ((0o640, 0o600), (0o644, 0o644), (0o660, 0o600)):
        source.chmod(given)
        write(tmp_path / "a", source=source)
        assert mode(tmp_path / "a") == expected
        (tmp_path / "a").unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another group are made by root alone")
def test_where_the_owner_cannot_be_kept_another_group_gets_no_more_than_others(monkeypatch, umask, tmp_path) -> None:
    target = tmp_path / "a"
    target.touch()
    os.chown(target, 12345, 23456)
    target.chmod(0o664)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    write(target)
    assert (mode(target), target.stat().st_uid, target.read_text()) == (0o644, os.geteuid(), "new")


def test_a_link_is_replaced_and_what_it_stands_for_kept(umask, tmp_path) -> None:
    target, other = tmp_path / "a", tmp_path / "other"
    other.write_text("mine")
    other.chmod(0o600)
    target.symlink_to(other)
    write(target)
    assert (target.is_symlink(), target.read_text(), other.read_text()) == (False, "new", "mine")
    assert mode(target) == 0o644


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_written_is_on_disk_before_it_has_its_name(monkeypatch, tmp_path, overwrite) -> None:
    target, synced = tmp_path / "a", []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, os.pread(descriptor, 100, 0), target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write(target, overwrite=overwrite)
    assert synced == [(target.stat().st_ino, b"new", False)]


def test_a_pipe_is_written_into(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert is_device(pipe)
    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(pipe.read_text)
        write_json(pipe, {"a": 1}, overwrite=False)
        assert heard.result(HANGS) == '{\n  "a": 1\n}\n'
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else could replace a device")
def test_a_device_is_written_into(tmp_path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        device.write_bytes(b"x")
    except PermissionError:
        pytest.skip("no device can be made here")
    write_json(device, {})
    assert device.is_char_device()


def test_names_of_the_system_s_streams_are_no_files(tmp_path) -> None:
    file = tmp_path / "a"
    with file.open("w") as stream:
        assert is_device(Path(f"/dev/fd/{stream.fileno()}"))
        assert is_device(Path(f"/proc/self/fd/{stream.fileno()}"))
    assert is_device(Path("/dev/null"))
    assert not is_device(file)
    assert not is_device(tmp_path)
    assert not is_device(tmp_path / "gone")


def test_unfinished_files_can_be_removed_by_another_thread(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(files, "_unfinished", set())  # not those of others in this process
    made = atomic_path(tmp_path / "a")
    made.__enter__().write_text("half")
    remove_unfinished()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        made.__exit__(None, None, None)
    assert not files._unfinished


def test_cache_folder_follows_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("DNCNN_TF_CACHE_DIR", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("DNCNN_TF_CACHE_DIR")
    assert cache_folder() == Path("/b/dncnn-tf")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/c/.cache/dncnn-tf")
