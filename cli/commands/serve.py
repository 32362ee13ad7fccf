"""`dncnn-tf serve`: start TensorFlow Serving on the exported models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from ..common import command, noter


@command("serve")
@click.option(
    "--exported",
    type=click.Path(path_type=Path, file_okay=False),
    default="exported",
    show_default=True,
    metavar="DIR",
    help="Where dncnn-tf export has written.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address of this machine to listen at; 0.0.0.0: all."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8500, show_default=True, help="gRPC.")
@click.option("--rest-port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="REST.")
@click.option("--docker", is_flag=True, help="Run the official container instead of the binary on PATH.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only print the server's command line, whose list of models and socket exist while it runs.",
)
def serve(dry_run: bool, **options: Any) -> None:
    """Serve every exported model with TensorFlow Serving, on this machine alone unless --host says otherwise.

    The binary itself listens on every interface or on a socket: the former with --host 0.0.0.0 alone, which has REST,
    too. For any other address it is given a socket, and gRPC is forwarded to it from there. Who reaches the port may
    use the models.

    \b
    dncnn-tf export --model dncnn-b
    dncnn-tf serve &
    dncnn-tf request photo.png --model dncnn-b
    """
    from dncnn_tf import serve

    arguments = serve(**options, dry_run=dry_run, note=noter())
    if dry_run:
        click.echo(shlex.join(arguments))
