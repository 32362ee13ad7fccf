"""`dncnn-tf data list|download`: the published image sets."""

from __future__ import annotations

import os

import click

from ..common import command, error, note
from ..progress import bar


@click.group("data")
def data() -> None:
    """The image sets of the paper: what there is, and downloads.

    The sets belong to their authors, who offer them for research. A folder named by DNCNN_TF_DATA is looked at first,
    then the cache (DNCNN_TF_CACHE_DIR, else ~/.cache/dncnn-tf). DNCNN_TF_BASE_URL names a mirror of
    https://raw.githubusercontent.com.
    """


@command("list")
def list_sets() -> None:
    """Show every set: number of images, size, where it is, what the paper used it for."""
    from dncnn_tf import image_sets

    _row("NAME", "IMAGES", "SIZE", "WHERE", "USED FOR")
    for each in image_sets():
        _row(each.name, each.images, f"{each.size / 1e6:.1f} MB", each.where, each.used_for)
    note("The sets are for research; their authors' terms apply. Fetch one with: dncnn-tf data download NAME")


def _row(name: str, images: object, size: str, where: str, used_for: str) -> None:
    click.echo(f"{name:<10} {images:>6} {size:>8}  {where:<13} {used_for}")


@command("download")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def download_sets(names: tuple[str, ...]) -> None:
    """Fetch sets into the cache, each file checked by its SHA-256.

    \b
    dncnn-tf data download train400 bsd68
    """
    from dncnn_tf import DatasetError, download, image_sets

    sets = {each.name: each for each in image_sets()}
    failed = False
    for name in names:
        try:
            with bar(sets[name].size if name in sets else None, "bytes", name) as fetched:
                files = download(name, progress=fetched.advance)
            note(f"{name}: {len(files)} images in {os.path.commonpath([file.parent for file in files])}")
            if terms := sets[name].terms:
                note(f"{name}: {terms}")
        except DatasetError as failure:
            error(str(failure))
            failed = True
    click.get_current_context().exit(int(failed))


data.add_command(list_sets)
data.add_command(download_sets)
