"""`dncnn-tf denoise`: remove the noise from image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..common import command
from ..options import file_options, network_options, share_options
from ..parameters import CommandWithOptionalChoices, OptionalChoice, SigmaOrAuto

if TYPE_CHECKING:
    from ..file_work import FileWork


@command("denoise", cls=CommandWithOptionalChoices)
@file_options(suffix="_denoised")
@click.option("--model", default="auto", show_default=True, metavar="NAME|PATH", help="auto: by colour and noise.")
@click.option(
    "--sigma",
    type=SigmaOrAuto(),
    default="auto",
    show_default=True,
    metavar="auto|σ",
    help="Noise level, if you know it.",
)
@share_options
@click.option("--save-noise", is_flag=True, help="Also write what was removed, on mid-grey: NAME_denoised_noise.png.")
@click.option(
    "--compare",
    type=OptionalChoice(["png", "html"]),
    metavar="[png|html]",
    help="Also write before and after: side by side, or a page with both under a slider: NAME_denoised_compare.html.",
)
@network_options
def denoise(files: FileWork, compare: str | None, **options: Any) -> None:
    """Remove noise from images, a camera's or white; nothing else about them changes.

    INPUT is a file, a folder, a quoted glob, or - for stdin. In folders and globs, files whose name ends in
    the suffix are results of an earlier run and are passed over.

    \b
    dncnn-tf denoise photo.jpg                    writes photo_denoised.jpg
    dncnn-tf denoise scans/ -o clean/ --recursive
    dncnn-tf denoise photo.png --strength 0.7 --compare
    dncnn-tf denoise photo.jpg --luma 0.3         colour blotches away, grain kept
    dncnn-tf denoise - < noisy.png > clean.png
    """
    from dncnn_tf import denoise_files

    files.do(denoise_files, compare=compare or False, **options)
