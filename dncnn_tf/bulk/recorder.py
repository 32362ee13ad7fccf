"""Keeps a run's tally, and tells whoever listens."""

from __future__ import annotations

from .plan import Job
from .tally import Failure, Listeners, Tally


class Recorder:
    """Hears of each input what became of it.

    Args:
        listeners: whom to tell.
    """

    def __init__(self, listeners: Listeners) -> None:
        self.tally = Tally()
        self._listeners = listeners

    def progress(self, done: float, total: int) -> None:
        """So many inputs of so many are done."""
        if self._listeners.progress:
            self._listeners.progress(done, total)

    def note(self, line: str) -> None:
        """A remark for people."""
        if self._listeners.note:
            self._listeners.note(line)

    def succeed(self, job: Job) -> None:
        """A result is written."""
        self.tally.done += 1
        if self._listeners.on_done:
            self._listeners.on_done(job.source, job.target)

    def fail(self, job: Job, reason: str) -> None:
        """A picture failed; the line names the file at fault."""
        self.fail_input(Failure(job.name, reason))

    def fail_input(self, failure: Failure) -> None:
        """An input failed that is no picture."""
        self.tally.failures.append(failure)
        if self._listeners.on_failure:
            self._listeners.on_failure(failure)
