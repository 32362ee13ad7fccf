"""`dncnn-tf request`: denoise image files on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..common import command
from ..options import file_options, share_options

if TYPE_CHECKING:
    from ..file_work import FileWork


@command("request")
@file_options(suffix="_denoised")
@click.option(
    "--url",
    default="grpc://127.0.0.1:8500",
    show_default=True,
    help="grpc://HOST:PORT, unix:/SOCKET, or http://HOST:PORT for REST; grpcs:// and https:// over TLS.",
)
@click.option("--model", default="dncnn-b", show_default=True, metavar="NAME", help="Its name on the server.")
@click.option("--version-number", type=click.IntRange(1), metavar="N", help="[default: the newest]")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60,
    show_default=True,
    help="Seconds for one request, of a picture or a part of it, with all its attempts.",
)
@share_options
@click.option("--engine", type=click.Choice(["local", "ray"]), hidden=True)  # what --on was called
def request(files: FileWork, engine: str | None, **options: Any) -> None:
    """Denoise images with a model that TensorFlow Serving serves; the rules for files are those of denoise.

    \b
    dncnn-tf request photo.png -o clean.png
    dncnn-tf request scans/ -o clean/ --url http://server:8501 --model dncnn-s-25
    """
    from dncnn_tf import request_files

    files.do(request_files, **options)
