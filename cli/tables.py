"""Results for programs, by `--json FILE|-`, and for people, as tables."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from dncnn_tf.errors import printable
from dncnn_tf.files import is_device, json_text, write_json

from .streams import require_stdout


class JsonFile:
    """Where a command's results go as JSON; refused before any work where they could not be written at the end.

    Args:
        target: a file, "-" for stdout, or None where no JSON is wanted.
        overwrite: replace a file that exists.

    Raises:
        FileExistsError, FileNotFoundError: the file exists, or its folder does not.
    """

    def __init__(self, target: Path | None, *, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.takes_stdout = str(target) == "-"
        self._file = None if self.takes_stdout else target
        if self.takes_stdout:
            require_stdout()
        if self._file is None or is_device(self._file):
            return
        if self._file.exists() and not overwrite:
            raise FileExistsError(f"{self._file}: exists already; give --overwrite or another name")
        if not self._file.parent.is_dir():
            raise FileNotFoundError(f"{self._file}: there is no folder {self._file.parent}; create it first")

    def write(self, content: Any) -> None:
        """Write what was found, if it is wanted."""
        if self.takes_stdout:
            click.echo(json_text(content).encode())  # JSON is UTF-8, whatever the terminal is
        elif self._file is not None:
            write_json(self._file, content, overwrite=self.overwrite)


def json_option(help: str, *, replaces: str = "the JSON file if it exists") -> Callable[..., Callable[..., Any]]:
    """Add `--json` and `--overwrite`; the function gets a `JsonFile` as `json_file`.

    Args:
        help: what the JSON holds.
        replaces: what `--overwrite` replaces, in words.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE|-", help=help)
        @click.option("--overwrite", is_flag=True, help=f"Replace {replaces}.")
        @functools.wraps(function)
        def checked(*, json_file: Path | None, overwrite: bool, **options: Any) -> Any:
            return function(json_file=JsonFile(json_file, overwrite=overwrite), **options)

        return checked

    return decorate


def show_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first row is the heading, the last one the sum of them all."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def plain(row: Sequence[str]) -> list[Text]:  # in a name, brackets are no markup
        return [Text(printable(cell)) for cell in row]

    heading, *middle, last = rows
    table = Table(box=box.SIMPLE)
    for i, name in enumerate(heading):
        table.add_column(Text(printable(name)), justify="right" if i else "left")
    for row in middle:
        table.add_row(*plain(row))
    table.add_section()
    table.add_row(*plain(last), style="bold")
    click.echo(printable(title))
    # A pipe has no width: nothing is to be cut off there.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def show_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of plain text, the first column to the left, the others to the right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (f"{cell:>{width + 3}}" for cell, width in zip(others, widths[1:], strict=True))
        click.echo(f"{first:<{widths[0]}}{''.join(cells)}".rstrip())
