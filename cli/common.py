"""What every command shares: -q and --debug, one line per error, exit statuses, notes on stderr."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TextIO

import click

from dncnn_tf.errors import OptionError, as_options, describe, printable

from .streams import drop_what_is_left, remark

INTERRUPTED = 128 + signal.SIGINT
STOPPED = (INTERRUPTED, 128 + signal.SIGTERM, 128 + signal.SIGHUP)
"""Exit statuses of a process that a signal has ended before it was done."""


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Like `click.command`, for functions that raise on failure and write notes through `note`."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @click.command(name, context_settings={"help_option_names": ["-h", "--help"]}, **attributes)
        @click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
        @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
        @functools.wraps(function)
        def wrapped(*args: Any, quiet: bool, debug: bool, **options: Any) -> None:
            context = click.get_current_context()
            context.meta["quiet"], context.meta["debug"] = quiet, debug
            signal.signal(signal.SIGTERM, _terminate)
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which nohup asks for
                signal.signal(signal.SIGHUP, _terminate)
            _quieten_libraries(debug)
            try:
                function(*args, **options)
            except (click.ClickException, click.exceptions.Exit):
                raise
            except OptionError as failure:
                raise click.UsageError(as_options(describe(failure))) from failure
            except KeyboardInterrupt:
                error("stopped")
                context.exit(INTERRUPTED)
            except BrokenPipeError:
                drop_what_is_left()
                context.exit(1)
            except Exception as failure:
                error(describe(failure))
                context.exit(1)

        return wrapped

    return decorate


def note(line: str) -> None:
    """A remark for the person at the terminal: stderr, unless --quiet."""
    noter()(line)


def noter() -> Callable[[str], None]:
    """`note` for other threads, which do not know the command's options."""
    quiet = click.get_current_context().meta["quiet"]
    return lambda line: None if quiet else remark(printable(as_options(line)))


def error(line: str) -> None:
    """One failure, in one line, on stderr; with --debug, the traceback too."""
    if click.get_current_context().meta["debug"] and sys.exc_info()[0] is not None:
        traceback.print_exc()
    remark(printable(f"error: {as_options(line)}"))


def start_keras() -> None:
    """Import Keras quietly."""
    with quiet_start(), _signals_end_it():
        import keras  # noqa: F401


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let signals end this process themselves while modules load, which may turn an exception into another, or none."""
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if callable(signal.getsignal(each))]
    before = {each: signal.signal(each, signal.SIG_DFL) for each in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what TensorFlow writes on stderr when imported, which no setting silences; shown if that fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except ImportError:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextlib.contextmanager
def own_lines_alone() -> Iterator[None]:
    """Keep stderr for what this command says, for as long as libraries work that write remarks of their own there.

    With --debug they are shown, and if a library is missing.
    """
    if click.get_current_context().meta["debug"]:
        yield
        return
    stderr = sys.stderr
    stderr.flush()
    with tempfile.TemporaryFile() as log, os.fdopen(os.dup(2), "w", encoding=stderr.encoding, buffering=1) as own:
        own.reconfigure(errors=stderr.errors)
        if _is_file_2(stderr):
            sys.stderr = own
        os.dup2(log.fileno(), 2)
        try:
            yield
        except ImportError:
            log.seek(0)
            own.buffer.write(log.read())
            raise
        finally:
            own.flush()
            os.dup2(own.fileno(), 2)
            sys.stderr = stderr


def _is_file_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (OSError, AttributeError):  # a stand-in's
        return False


def _terminate(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _quieten_libraries(debug: bool) -> None:
    """Keep remarks of libraries away from what a command prints; TensorFlow reads this when first imported."""
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if not sys.warnoptions:  # as if Python had been started with -W ignore; Ray asks there before it warns
            sys.warnoptions.append("ignore")
            warnings.simplefilter("ignore")
