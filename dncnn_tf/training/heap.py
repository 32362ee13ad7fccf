"""What a training step frees, the next one takes again, without asking the system for it.

glibc gives large blocks back as soon as they are free, and the system then zeroes every page of the next ones before
they can be used. A step's features are such blocks, and as many in each step. Blocks of 64 MiB and more, which batches
of a quarter of a megapixel have in float32, a thread gets from the system in any case.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Parameters of mallopt(3)."""
_NEVER = -1
_MMAPS = 65536
_LARGEST_THRESHOLD = 32 << 20
"""Where glibc's own threshold ends, in a process that works with large blocks."""


@contextlib.contextmanager
def memory_kept() -> Iterator[None]:
    """Within it, freed memory stays with the process; what is free afterwards goes back to the system.

    Without effect where the C library is not glibc: others keep such memory by themselves.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    set_option: Callable[[int, int], int] = libc.mallopt
    set_option(_MMAP_MAX, 0)
    set_option(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        set_option(_MMAP_MAX, _MMAPS)
        set_option(_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
        set_option(_TRIM_THRESHOLD, 2 * _LARGEST_THRESHOLD)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "gnu_get_libc_version") else None
