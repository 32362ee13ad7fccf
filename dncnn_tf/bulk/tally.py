"""What became of the pictures: done, skipped, and failed with the reason."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import click

from dncnn_tf.files import write_json

from .common import error, printable
from .file_plan import Job


@dataclass
class Tally:
    """Counts, and says each result's name and each failure.

    Attributes:
        done: pictures that were restored.
        skipped: those that there was nothing to do for.
        failures: a line for each input that failed.
        results: where their names go; stdout as it is now, whatever a library makes of it later.
    """

    done: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    results: BinaryIO = field(default_factory=lambda: click.get_binary_stream("stdout"))

    def succeed(self, job: Job) -> None:
        """A picture is written."""
        self.done += 1
        if job.target is not None:
            click.echo(os.fsencode(str(job.target)), file=self.results)

    def fail(self, reason: str) -> None:
        """An input failed; the line names it."""
        self.failures.append(reason)
        error(reason)

    def __str__(self) -> str:
        return f"{self.done} done, {self.skipped} skipped, {len(self.failures)} failed"

    def write(self, path: Path) -> None:
        """The same as JSON, with the reasons."""
        failed = [printable(reason) for reason in self.failures]
        write_json(path, {"done": self.done, "skipped": self.skipped, "failed": failed})
