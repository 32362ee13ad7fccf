"""The standard streams as every command wants them: open, and able to print whatever there is to say."""

from __future__ import annotations

import codecs
import io
import os
import sys

import click

from dncnn_tf.errors import OptionError

_PLAIN = {"σ": "sigma", "×": "x", "±": "+-", "–": "-", "−": "-", "…": "...", "“": '"', "”": '"'}
"""What stands for a character that a terminal lacks; others are shown by their number."""

_closed: set[int] = set()


def make_ready() -> None:
    """Open what was closed (`>&-`), before a file is opened in its place, and let no character end a command."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            _closed.add(number)
            setattr(sys, name, os.fdopen(_nothing(number), mode))
    codecs.register_error("dncnn_tf.plain", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors="dncnn_tf.plain")


def require_stdout() -> None:
    """Check that there is somebody to take a result on stdout.

    Raises:
        OptionError: it was closed.
    """
    if 1 in _closed:
        raise OptionError("the result would go to stdout, which is closed; name a file instead")


def drop_what_is_left(number: int = 1) -> None:
    """Let what is written to a pipe whose reader has gone go nowhere from now on, what still waits there included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def remark(line: str) -> None:
    """A line on stderr; nobody has to read it."""
    try:
        click.echo(line, err=True)
    except BrokenPipeError:
        drop_what_is_left(2)


def _nothing(number: int) -> int:
    """A file of that number, if it is free, that is empty and takes everything."""
    opened = os.open(os.devnull, os.O_RDWR)
    try:
        os.fstat(number)
    except OSError:
        os.dup2(opened, number)
        os.close(opened)
        return number
    os.set_inheritable(opened, opened == number)
    return opened


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """As codecs ask their error handlers: what to write instead, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char = error.object[error.start]
    return _PLAIN.get(char, char.encode("unicode_escape").decode()), error.start + 1
