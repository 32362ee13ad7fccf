"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_unfinished: set[Path] = set()

_LONGEST_STEM = 150  # bytes, of the 255 that a name may have


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends well, and vanishes when it does not.

    Raises:
        OSError: as the block does; one that names no file, or the temporary one, names the target.
    """
    stem = os.fsdecode(os.fsencode(target.stem)[:_LONGEST_STEM])
    temporary = target.with_name(f".{stem}.{os.getpid()}.tmp{target.suffix}")
    _unfinished.add(temporary)
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def remove_unfinished() -> None:
    """Remove the temporary files that any thread is writing; for a process that ends without waiting for them."""
    for temporary in list(_unfinished):
        temporary.unlink(missing_ok=True)


def write_json(target: Path, content: dict[str, Any]) -> None:
    """Write a JSON file in one step."""
    with atomic_path(target) as path:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
