"""What commands that make files of files do: call the library, print results, notes and failures, report."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from dncnn_tf.errors import OptionError, printable

from .common import as_options, error, noter, own_lines_alone
from .progress import bar
from .streams import drop_what_is_left, require_stdout
from .tables import JsonFile

if TYPE_CHECKING:
    from dncnn_tf import FileRules, Tally

STREAM = "-"


@dataclass(frozen=True)
class FileWork:
    """The options of `file_options`.

    Attributes:
        inputs: files, folders, globs or URLs, or "-" alone.
        output: a file, a folder, a URL, "-", or None for beside the input.
        rules: for each file.
        dry_run: only say what would be done.
        on: "local" or "ray".
        actors: Ray's processes.
        report: JSON file for what became of the pictures.
    """

    inputs: tuple[str, ...]
    output: str | None
    rules: FileRules
    dry_run: bool
    on: str
    actors: int | None
    report: Path | None

    def do(self, work: Callable[..., Tally], **options: Any) -> None:
        """Call one of the library's functions for files; exit with status 1 if a file failed.

        Args:
            work: such as `dncnn_tf.denoise_files`.
            options: those of its own.
        """
        report = JsonFile(self.report, overwrite=self.rules.overwrite or self.rules.skip_existing)
        if report.takes_stdout or (self.report and self.dry_run):
            raise OptionError("`report` needs a file, and something done to report; leave out - and `dry_run`")
        inputs, output = self._with_streams()
        with _raw_stdout(self.on) as results, own_lines_alone(), bar(None, "pictures") as shown:

            def show(source: Path | None, target: Path | None) -> None:
                line = f"{source or STREAM} -> {target or STREAM}" if self.dry_run else str(target)
                if self.dry_run or target is not None:
                    shown_line = printable(line).encode() if results.isatty() else os.fsencode(line)
                    try:
                        click.echo(shown_line, file=results)
                    except BrokenPipeError:  # the files are what was asked for, whoever reads their names
                        drop_what_is_left()

            tally = work(
                inputs,
                output,
                rules=self.rules,
                on=self.on,
                actors=self.actors,
                dry_run=self.dry_run,
                progress=shown,
                note=noter(),
                on_done=show,
                on_failure=lambda failure: error(str(failure)),
                **options,
            )
        failed = [printable(as_options(str(failure))) for failure in tally.failures]
        report.write({"done": tally.done, "skipped": tally.skipped, "failed": failed})
        if tally.failures:
            click.get_current_context().exit(1)

    def _with_streams(self) -> tuple[Any, Any]:
        """Inputs and output, with streams in place of "-"."""
        inputs = [sys.stdin.buffer if given == STREAM else given for given in self.inputs]
        if self.output != STREAM and (STREAM not in self.inputs or self.output is not None):
            return inputs, self.output
        require_stdout()
        if sys.stdout.isatty() and not self.dry_run:
            raise OptionError("the result is an image file and stdout is a terminal; redirect it or give an `output`")
        return inputs, sys.stdout.buffer


@contextlib.contextmanager
def _raw_stdout(on: str) -> Iterator[BinaryIO]:
    """Where results go, whatever Ray, which prints what it has to say of its processes, writes to stdout."""
    results = sys.stdout.buffer
    with contextlib.redirect_stdout(sys.stderr) if on == "ray" else contextlib.nullcontext():
        yield results
