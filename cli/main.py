"""Entry point: `dncnn-tf COMMAND`. Nothing here, nor at the top of a command's file, imports TensorFlow or Keras."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from dncnn_tf import __version__
from dncnn_tf.files import remove_unfinished

from .commands.benchmark import benchmark
from .commands.convert import convert
from .commands.data import data
from .commands.deblock import deblock
from .commands.demo import demo
from .commands.denoise import denoise
from .commands.evaluate import evaluate
from .commands.export import export
from .commands.finetune import finetune
from .commands.inspect import inspect
from .commands.models import models
from .commands.request import request
from .commands.serve import serve
from .commands.train import train
from .commands.ui import ui
from .commands.upscale import upscale
from .common import STOPPED
from .streams import make_ready


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dncnn-tf")
def cli() -> None:
    """Denoise images with DnCNN (Zhang et al., 2017); train, evaluate and export it."""


for _command in (
    benchmark,
    convert,
    data,
    deblock,
    demo,
    denoise,
    evaluate,
    export,
    finetune,
    inspect,
    models,
    request,
    serve,
    train,
    ui,
    upscale,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line and end the process."""
    make_ready()
    try:
        cli(prog_name="dncnn-tf")
    except SystemExit as end:
        # After Ctrl-C, threads may still read, compute or write, and those of TensorFlow that still make batches can
        # hang an interpreter that is shutting down.
        interrupted = end.code in STOPPED
        if isinstance(end.code, int) and (interrupted or "tensorflow" in sys.modules):
            with contextlib.suppress(OSError):
                remove_unfinished()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(end.code)
        raise
