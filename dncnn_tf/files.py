"""Files that are written whole or not at all, and replace none that was to be kept."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_unfinished: set[Path] = set()

_KEPT_OF_NAME = 50  # characters, of at most four bytes each, of the 255 bytes that a name may have


@contextlib.contextmanager
def atomic_path(
    target: Path, *, overwrite: bool = True, source: Path | None = None, keep_times: bool = False
) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends well, and vanishes when it does not.

    What is written is on disk before it takes the name. A file that is replaced leaves its permissions and, where that
    is allowed, its owner; a device or a pipe is written into and stays what it is.

    Args:
        target: the file.
        overwrite: replace a file that is there by the end of the block.
        source: the file that it is made of; a new one may be read by nobody who may not read that.
        keep_times: let a file that is replaced leave its times, too.

    Raises:
        FileExistsError: there is a file, and `overwrite` is not given.
        OSError: as the block does; one that names no file, or the temporary one, names the target.
    """
    into = is_device(target)
    folder = Path(tempfile.gettempdir()) if into else target.parent
    temporary = folder / f".{secrets.token_hex(8)}.tmp.{target.name[-_KEPT_OF_NAME:]}"
    replaced = _regular(target) if overwrite and not into else None
    _unfinished.add(temporary)
    try:
        _create(temporary, replaced, source)
        yield temporary
        if into:
            with temporary.open("rb") as made, target.open("wb", buffering=0) as device:
                shutil.copyfileobj(made, device)
            return
        sync(temporary)
        if replaced:
            _make_like(temporary, replaced, keep_times)
        take_name(temporary, target, overwrite=overwrite)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def cache_folder() -> Path:
    """What can be made or fetched again is kept in DNCNN_TF_CACHE_DIR, else dncnn-tf under XDG_CACHE_HOME or ~/.cache.

    Raises:
        RuntimeError: none of them is given, and this user has no home.
    """
    if folder := os.environ.get("DNCNN_TF_CACHE_DIR"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dncnn-tf"


def is_device(path: Path) -> bool:
    """Whether a name is that of a device, a pipe or an open stream such as /dev/stdout: nothing there can be lost."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    folder = os.path.realpath(path.parent)
    named_by_system = stat.S_ISREG(mode) and (folder == "/dev" or folder.startswith("/proc/"))
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or named_by_system


def take_name(made: Path, target: Path, *, overwrite: bool) -> None:
    """Give a finished file its name.

    Args:
        made: the file, on disk by `sync`, and on the same file system as `target`.
        target: what it is to be called.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is one, and `overwrite` is not given.
    """
    if not overwrite or target.is_block_device():
        try:
            _link(made, target)
        except FileExistsError:
            reason = "exists already; give `overwrite` to replace it, or another name"
            raise FileExistsError(f"{target}: {reason}") from None
    made.replace(target)
    made.unlink(missing_ok=True)  # of two names of one file, `replace` leaves both


def sync(path: Path) -> None:
    """Wait until a file's content is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished() -> None:
    """Remove the temporary files that any thread is writing; for a process that ends without waiting for them."""
    for temporary in list(_unfinished):
        temporary.unlink(missing_ok=True)


def write_json(target: Path, content: dict[str, Any], *, overwrite: bool = True) -> None:
    """Write a JSON file in one step; `overwrite` as for `atomic_path`."""
    with atomic_path(target, overwrite=overwrite) as path:
        path.write_text(json_text(content) + "\n", encoding="utf-8")


def json_text(content: Any) -> str:
    """JSON that is text, whatever a file's name in it holds: controls and bytes that are none are escaped.

    `os.fsencode` of what `json.loads` reads of a name is that name again.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _link(made: Path, target: Path) -> None:
    """Make sure that a name is `made`'s, or this process' to replace."""
    try:
        os.link(made, target)
    except FileExistsError:
        raise
    except OSError:  # there are no links on this file system
        target.touch(exist_ok=False)


def _regular(path: Path) -> os.stat_result | None:
    """What is known of a file; None of a link, which stands for another."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _create(path: Path, replaced: os.stat_result | None, source: Path | None) -> None:
    """Create an empty file where there is none, nor a link to one, as private as what it replaces or is made of."""
    like = replaced or (source.stat() if source and source.is_file() else None)
    most = (0o777 if replaced else 0o666) & ((like.st_mode if like else 0o666) | 0o600)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, most)
    try:
        made = os.fstat(descriptor)
        if like and like.st_gid != made.st_gid:
            os.fchmod(descriptor, _for_another_group(made.st_mode))
    finally:
        os.close(descriptor)


def _for_another_group(mode: int) -> int:
    """Permissions that give a group no more than everybody: those of a file's group were not meant for another."""
    return mode & (0o707 | (mode & 0o007) << 3)


def _make_like(path: Path, replaced: os.stat_result, keep_times: bool) -> None:
    """Give a file the owner, the permissions and perhaps the times of another, as far as the system lets us."""
    for owner, group in ((-1, replaced.st_gid), (replaced.st_uid, -1)):  # of the two, one alone may be allowed
        with contextlib.suppress(OSError):
            os.chown(path, owner, group)
    mode = replaced.st_mode & 0o777
    with contextlib.suppress(OSError):
        path.chmod(mode if path.stat().st_gid == replaced.st_gid else _for_another_group(mode))
    if keep_times:
        os.utime(path, ns=(replaced.st_atime_ns, replaced.st_mtime_ns))
