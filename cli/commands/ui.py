"""`dncnn-tf ui`: a page on this machine, before and after under one slider."""

from __future__ import annotations

from typing import Any

import click

from ..common import command, noter
from ..options import max_pixels_option


@command("ui")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address than this needs --auth.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: a free one]")
@click.option(
    "--auth", metavar="USER:PASSWORD", envvar="DNCNN_TF_UI_AUTH", show_envvar=True, help="What browsers must know."
)
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open one.")
@max_pixels_option("Refuse larger pictures, as denoise does.")
def ui(**options: Any) -> None:
    """Show pictures before and after under one slider, in a browser, and write what the commands write.

    The page is this machine's own: no picture leaves it, and nothing is loaded from elsewhere. Pictures are held in a
    private temporary folder until this ends, with Ctrl-C. Needs pip install 'dncnn-tf[ui]'.

    \b
    dncnn-tf ui
    dncnn-tf ui --port 8080 --no-browser
    """
    from dncnn_tf import serve_page

    serve_page(**options, on_ready=click.echo, note=noter())
