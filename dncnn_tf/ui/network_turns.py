"""The network works for one at a time: for what is seen at once before what takes long, else in order."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections.abc import Iterator


class Turns:
    """Whose turn it is."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._busy = False

    @contextlib.contextmanager
    def turn(self, *, urgent: bool = False) -> Iterator[None]:
        """Wait for a turn, and have it while the block runs.

        Args:
            urgent: before all that are not.
        """
        with self._changed:
            own = not urgent, next(self._numbers)
            heapq.heappush(self._waiting, own)
            self._changed.wait_for(lambda: not self._busy and self._waiting[0] == own)
            heapq.heappop(self._waiting)
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
