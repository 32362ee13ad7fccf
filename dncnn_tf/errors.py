"""The base of every exception of the package, and failures in words.

Messages name a function's parameters in backticks, such as `overwrite`; the command line, whose options have the same
names, shows them as --overwrite, and `dncnn_tf.deblock` as its command, dncnn-tf deblock.
"""

from __future__ import annotations

import os
import re

_PARAMETER = re.compile(r"`([a-z][a-z_]*)`")
_FUNCTION = re.compile(r"`dncnn_tf\.([a-z][a-z_]*)`")

_TENSORFLOW_MISSING = (
    "TensorFlow is missing; install it with: pip install 'dncnn-tf[tensorflow]' ([cpu] is smaller, [gpu] brings CUDA)"
)


class DnCNNError(Exception):
    """Something could not be done; the message is one line that says what, why and what to do."""


class OptionError(DnCNNError, ValueError):
    """What a call was given does not go together, or is out of range; nothing was done."""


class EngineError(DnCNNError):
    """A network cannot run here, or has answered with what is no picture; the message says why and what to do."""


class MissingPackageError(DnCNNError, ModuleNotFoundError):
    """A package that this needs is not installed; the message says what to install."""


def tensorflow_missing(failure: BaseException) -> bool:
    """Whether a module could not be imported for want of TensorFlow, which the package by itself does not ask for."""
    return isinstance(failure, ModuleNotFoundError) and failure.name == "tensorflow"


def describe(failure: Exception) -> str:
    """An exception's message in one line."""
    if tensorflow_missing(failure):
        return _TENSORFLOW_MISSING
    if isinstance(failure, OSError) and failure.filename is not None:
        return f"{os.fsdecode(failure.filename)}: {failure.strerror}"
    message = str(failure)
    if not isinstance(failure, DnCNNError):  # ours are one line, but for what a file's name holds
        message = " ".join(message.split())
    return message or type(failure).__name__


def describe_of(failure: Exception, name: object, *others: object) -> str:
    """The same, with the file's name in front unless it begins with that, or with another that says as much."""
    message = describe(failure)
    return message if message.startswith((str(name), *map(str, others))) else f"{name}: {message}"


def as_options(message: str) -> str:
    """A message in the words of the command line: parameters in backticks are options, functions are commands."""
    message = _FUNCTION.sub(lambda match: f"dncnn-tf {match[1].replace('_', '-')}", message)
    return _PARAMETER.sub(lambda match: f"--{match[1].replace('_', '-')}", message)


def first_line(failure: Exception | str | None) -> str:
    """What a library says first; an exception's kind where it says nothing."""
    kind = type(failure).__name__ if isinstance(failure, Exception) else "no message"
    return (str(failure or "").strip().splitlines() or [kind])[0]


def printable(line: str) -> str:
    """One line, whatever a file's name holds: line ends, colours, bytes that are no text."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
