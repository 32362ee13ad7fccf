"""What became of the files: done, skipped, and failed with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """An input that nothing came of.

    Attributes:
        source: its name, as it was given or found.
        reason: one line that names the file at fault, which may be the result's, and says what to do.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class Tally:
    """What became of a run's inputs.

    Attributes:
        done: how many results were written; with `dry_run`, would be.
        skipped: how many were passed over because their result exists.
        failures: in the order in which they came.
    """

    done: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.done} done, {self.skipped} skipped, {len(self.failures)} failed"


@dataclass(frozen=True)
class Listeners:
    """Who is told what happens, while it does; each may be called from another thread, one at a time.

    Attributes:
        progress: gets the number of inputs that are done, and shares of one, and how many there are.
        note: gets a remark for people, in one line.
        on_done: gets an input and its result that is written, None for a stream.
        on_failure: gets an input that failed.
    """

    progress: Callable[[float, int], None] | None = None
    note: Callable[[str], None] | None = None
    on_done: Callable[[Path | None, Path | None], None] | None = None
    on_failure: Callable[[Failure], None] | None = None
