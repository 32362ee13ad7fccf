"""Entry point: `dncnn-tf COMMAND`. Nothing here, nor at the top of a command's file, imports TensorFlow or Keras."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

import click

from dncnn_tf import __version__
from dncnn_tf.files import remove_unfinished

from .common import STOPPED
from .streams import make_ready

_COMMANDS = (
    "benchmark",
    "convert",
    "data",
    "deblock",
    "demo",
    "denoise",
    "evaluate",
    "export",
    "finetune",
    "inspect",
    "models",
    "request",
    "serve",
    "train",
    "ui",
    "upscale",
)


_LEFT_BEHIND = ("tensorflow", "openvino")
"""What need not be shut down."""


class _Commands(click.Group):
    """Commands that are imported when they are asked for, each from the file that has its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f".commands.{cmd_name}", __package__), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dncnn-tf")
def cli() -> None:
    """Denoise images with DnCNN (Zhang et al., 2017); train, evaluate and export it."""


def main() -> None:
    """Run the command line and end the process."""
    make_ready()
    # OpenVINO's converter of other networks, which it imports without being asked, three times as long as itself.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        cli(prog_name="dncnn-tf")
    except SystemExit as end:
        # After Ctrl-C, threads may still read, compute or write, and those of TensorFlow that still make batches can
        # hang an interpreter that is shutting down. OpenVINO takes its time to clear away what nobody needs any more.
        interrupted = end.code in STOPPED
        if isinstance(end.code, int) and (interrupted or not sys.modules.keys().isdisjoint(_LEFT_BEHIND)):
            _end_at_once(end.code, in_any_case=interrupted)
        raise


def _end_at_once(status: int, *, in_any_case: bool) -> None:
    """End the process, as it is; unless there is something left to write that cannot be, which Python will say."""
    with contextlib.suppress(OSError):
        remove_unfinished()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    if in_any_case:
        os._exit(status)
