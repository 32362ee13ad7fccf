"""`dncnn-tf deblock`: take JPEG's blocks and ringing away from image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..common import command
from ..options import file_options, network_options

if TYPE_CHECKING:
    from ..file_work import FileWork


@command("deblock")
@file_options(suffix="_deblocked")
@click.option("--model", default="dncnn-3", show_default=True, metavar="NAME|PATH", help="A general model, grey.")
@network_options
def deblock(files: FileWork, **options: Any) -> None:
    """Take the blocks and the ringing of strong JPEG compression away.

    INPUT is a file, a folder, a quoted glob, or - for stdin, as for denoise; a JPEG file, or what was one and has
    been saved as another kind since, in its own size. The network works on the luminance; colours stay as they are.
    A JPEG result is written in quality 95, not as coarsely as it came; --format png loses nothing.

    \b
    dncnn-tf deblock photo.jpg                    writes photo_deblocked.jpg
    dncnn-tf deblock old/ -o better/ --format png
    """
    from dncnn_tf import deblock_files

    files.do(deblock_files, **options)
