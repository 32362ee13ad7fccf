"""`dncnn-tf request`: denoise image files on a server."""

from __future__ import annotations

from typing import Any

import click

from ..common import command
from ..parameters import Strength
from ..pictures import Files, file_options, restore_files


@command("request")
@file_options(suffix="_denoised")
@click.option(
    "--url",
    default="grpc://127.0.0.1:8500",
    show_default=True,
    help="grpc://HOST:PORT, unix:/SOCKET, or http://HOST:PORT for REST.",
)
@click.option("--model", default="dncnn-b", show_default=True, metavar="NAME", help="Its name on the server.")
@click.option("--version-number", type=click.IntRange(1), metavar="N", help="[default: the newest]")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=60, show_default=True, help="Seconds.")
@click.option("--strength", type=Strength(), default=1.0, show_default=True, help="Share of the noise to subtract.")
def request(
    inputs: tuple[str, ...],
    files: Files,
    **options: Any,
) -> None:
    """Denoise images with a model that TensorFlow Serving serves; the rules for files are those of denoise.

    \b
    dncnn-tf request photo.png -o clean.png
    dncnn-tf request scans/ -o clean/ --url http://server:8501 --model dncnn-s-25
    """

    def make_requester(**job: Any) -> Any:
        from ..requester import Requester

        return Requester(**job, **options)

    restore_files(inputs, files, make_requester)
