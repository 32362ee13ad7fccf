"""`dncnn-tf deblock`: take JPEG's blocks and ringing away from image files."""

from __future__ import annotations

from typing import Any

import click

from ..common import command
from ..pictures import Files, file_options, network_options, restore_files


@command("deblock")
@file_options(suffix="_deblocked")
@click.option("--model", default="dncnn-3", show_default=True, metavar="NAME|PATH", help="A general model, grey.")
@network_options
def deblock(
    inputs: tuple[str, ...],
    files: Files,
    **options: Any,
) -> None:
    """Take the blocks and the ringing of strong JPEG compression away.

    INPUT is a file, a folder, a quoted glob, or - for stdin, as for denoise; a JPEG file, or what was one and has
    been saved as another kind since, in its own size. The network works on the luminance; colours stay as they are.
    A JPEG result is written in quality 95, not as coarsely as it came; --format png loses nothing.

    \b
    dncnn-tf deblock photo.jpg                    writes photo_deblocked.jpg
    dncnn-tf deblock old/ -o better/ --format png
    """

    def make_deblocker(**job: Any) -> Any:
        from ..general import Deblocker

        return Deblocker(**job, **options)

    restore_files(inputs, files, make_deblocker)
