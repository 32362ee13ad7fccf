"""`dncnn-tf data list|download`: the published image sets."""

from __future__ import annotations

import sys

import click

from .common import command, error, note


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
    from dncnn_tf.data.datasets import published_sets, sample_files

    sample = sample_files()
    _row("NAME", "IMAGES", "SIZE", "WHERE", "USED FOR")
    _row("sample", len(sample), _megabytes(sum(file.stat().st_size for file in sample)), "embedded", "a first training")
    for name, image_set in published_sets().items():
        size = _megabytes(sum(file.size for file in image_set.files))
        _row(name, len(image_set.files), size, _where(name), image_set.used_for)
    note("The sets are for research; their authors' terms apply. Fetch one with: dncnn-tf data download NAME")


def _row(name: str, images: object, size: str, where: str, used_for: str) -> None:
    click.echo(f"{name:<10} {images:>6} {size:>8}  {where:<13} {used_for}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _where(name: str) -> str:
    from dncnn_tf.data.datasets import DatasetError, cached_files, local_files

    try:
        if local_files(name):
            return "DNCNN_TF_DATA"
    except DatasetError:
        return "incomplete"
    return "cache" if cached_files(name) else "not here"


@command("download")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def download_sets(names: tuple[str, ...]) -> None:
    """Fetch sets into the cache, each file checked by its SHA-256.

    \b
    dncnn-tf data download train400 bsd68
    """
    from dncnn_tf.data.datasets import DatasetError, cache_folder, published_sets
    from dncnn_tf.data.downloads import download

    failed = False
    for name in names:
        try:
            with _Bar(name) as bar:
                files = download(name, progress=bar.advance)
            note(f"{name}: {len(files)} images in {cache_folder()}")
            if terms := published_sets()[name].terms:
                note(f"{name}: {terms}")
        except DatasetError as failure:
            error(str(failure))
            failed = True
    click.get_current_context().exit(int(failed))


class _Bar:
    """A progress bar on stderr, when that is a terminal."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        from dncnn_tf.data.datasets import published_sets

        quiet = click.get_current_context().meta["quiet"] or not sys.stderr.isatty()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet)
        files = published_sets()[name].files if name in published_sets() else ()
        self._task = self._progress.add_task(name, total=sum(file.size for file in files))

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, size: int) -> None:
        self._progress.advance(self._task, size)


data.add_command(list_sets)
data.add_command(download_sets)
