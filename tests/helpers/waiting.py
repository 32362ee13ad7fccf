"""Waiting for what comes in its own time: as long as the slowest machine needs, and no longer than shows a hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")

HANGS = 120  # seconds; whatever ends by itself has ended by then, however busy the machine is


def wait_for(condition: Callable[[], _Found], unless: Callable[[], object] = lambda: None) -> _Found:
    """What a condition gives, once that is true.

    Args:
        condition: asked again and again.
        unless: what makes it vain to wait, such as the `poll` of a process that has to live meanwhile.
    """
    end = time.monotonic() + HANGS
    while not (found := condition()):
        vain = unless()
        assert vain is None, f"ended before what was waited for: {vain}"
        assert time.monotonic() < end, f"not there within {HANGS} seconds"
        time.sleep(0.01)
    return found
