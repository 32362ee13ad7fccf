"""Timing fairly: each contender in a process of its own, taking turns, so that a drifting machine treats all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import IO

from ..errors import DnCNNError


class ContenderError(DnCNNError):
    """A contender's process has ended early; the message has its last words."""


class Contender:
    """A process that measures one thing whenever it is asked, and is idle meanwhile; used in a `with` block.

    Args:
        command: starts it; it ends in a call of `serve`.
    """

    def __init__(self, command: list[str]) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by `__exit__`
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self._command = command
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self._answer()  # ready

    def measure(self, *what: object) -> float:
        """Ask for a measurement and wait for it.

        Raises:
            ContenderError: the process has ended.
        """
        _write_line(self._questions, what)
        return self._answer()

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._questions.close()
        self._process.wait()
        self._log.close()

    def _answer(self) -> float:
        line = self._answers.readline()
        if not line:
            self._log.seek(0)
            last = ([line for line in self._log.read().splitlines() if line.strip()] or ["no message"])[-1]
            raise ContenderError(f"{' '.join(self._command)}: ended early ({last})")
        return float(json.loads(line))


def serve(measure: Callable[..., float]) -> None:
    """Answer requests on standard input until it ends; the other side of `Contender`.

    Args:
        measure: called with what was asked for; returns the figure.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    _write_line(answers, 0.0)
    for line in sys.stdin:
        _write_line(answers, measure(*json.loads(line)))


def _write_line(stream: IO[str], content: object) -> None:
    stream.write(json.dumps(content) + "\n")
    stream.flush()
