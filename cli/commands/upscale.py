"""`dncnn-tf upscale`: enlarge image files by super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..common import command
from ..options import file_options, network_options

if TYPE_CHECKING:
    from ..file_work import FileWork


@command("upscale")
@file_options(suffix="_upscaled")
@click.option("--scale", type=click.IntRange(2, 4), required=True, help="How many times as wide and high.")
@click.option("--model", default="dncnn-3", show_default=True, metavar="NAME|PATH", help="A general model, grey.")
@network_options
def upscale(files: FileWork, **options: Any) -> None:
    """Enlarge images two, three or four times, with more detail than bicubic interpolation.

    INPUT is a file, a folder, a quoted glob, or - for stdin, as for denoise. The network sharpens the luminance;
    colour and transparency are enlarged bicubically. It is made for pictures without noise and JPEG blocks: denoise or
    deblock others first.

    \b
    dncnn-tf upscale photo.png --scale 2          writes photo_upscaled.png
    dncnn-tf upscale icons/ --scale 4 -o large/
    """
    from dncnn_tf import upscale_files

    files.do(upscale_files, **options)
