"""`dncnn-tf denoise`: remove the noise from image files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf.formats import SUFFIXES

from .common import command, describe, error, note, start_keras
from .denoise_parameters import Memory, SigmaOrAuto, Strength, Tile
from .denoise_plan import FORMATS, STREAM, Job, make_plan

if TYPE_CHECKING:
    from .denoise_files import Denoiser


@command("denoise")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", metavar="OUT", help="A file, a folder, or - for stdout.  [default: beside the input]")
@click.option("--model", default="auto", show_default=True, metavar="NAME|PATH", help="auto: by colour and σ.")
@click.option(
    "--sigma",
    type=SigmaOrAuto(),
    default="auto",
    show_default=True,
    metavar="auto|σ",
    help="Noise level, if you know it.",
)
@click.option("--strength", type=Strength(), default=1.0, show_default=True, help="Share of the noise to subtract.")
@click.option("--save-noise", is_flag=True, help="Also write what was removed, on mid-grey: NAME_denoised_noise.png.")
@click.option("--compare", is_flag=True, help="Also write before and after side by side: NAME_denoised_compare.png.")
@click.option("--format", type=click.Choice(FORMATS), default="keep", show_default=True, help="Format of the results.")
@click.option("--suffix", default="_denoised", show_default=True, help="Goes before the ending of a result's name.")
@click.option("--recursive/--no-recursive", default=False, show_default=True, help="Go into folders within folders.")
@click.option(
    "--tile",
    type=Tile(),
    default="auto",
    show_default=True,
    metavar="auto|N",
    help="Largest side of a part; 0: one part.",
)
@click.option(
    "--max-memory", type=Memory(), default="2G", show_default=True, help="Memory to make do with, by smaller parts."
)
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--dry-run", is_flag=True, help="Only say what would be read and written.")
def denoise(
    inputs: tuple[str, ...],
    output: str | None,
    recursive: bool,
    suffix: str,
    format: str,
    overwrite: bool,
    dry_run: bool,
    save_noise: bool,
    compare: bool,
    **options: Any,
) -> None:
    """Remove Gaussian noise from images; nothing else about them changes.

    INPUT is a file, a folder, a quoted glob, or - for stdin. In folders and globs, files whose name ends in
    the suffix are results of an earlier run and are passed over.

    \b
    dncnn-tf denoise photo.jpg                    writes photo_denoised.jpg
    dncnn-tf denoise scans/ -o clean/ --recursive
    dncnn-tf denoise photo.png --strength 0.7 --compare
    dncnn-tf denoise - < noisy.png > clean.png
    """
    if "/" in suffix:
        raise click.UsageError(f"--suffix is a part of a file's name, without /. Received: {suffix}")
    extras = [name for name, wanted in (("noise", save_noise), ("compare", compare)) if wanted]
    plan = make_plan(inputs, output, recursive=recursive, suffix=suffix, format=format, extras=extras)
    _check_streams(plan.jobs, extras, dry_run)
    for failure in plan.failures:
        error(failure)
    if plan.skipped:
        note(f"passing over results of an earlier run ({plan.skipped})")
    ready = [job for job in plan.jobs if _is_free(job, extras, overwrite)]
    failed = len(plan.failures) + len(plan.jobs) - len(ready)
    if dry_run:
        for job in ready:
            click.echo(f"{job.source or STREAM} -> {job.target or STREAM}")
    elif ready:
        failed += _denoise_all(ready, format, extras, options)
    if failed:
        click.get_current_context().exit(1)


def _check_streams(jobs: list[Job], extras: list[str], dry_run: bool) -> None:
    if all(job.target for job in jobs):
        return
    if extras:
        raise click.UsageError("--save-noise and --compare need a file for the result; give -o FILE")
    if sys.stdout.isatty() and not dry_run:
        raise click.UsageError("the result is an image file and stdout is a terminal; redirect it or give -o FILE")


def _is_free(job: Job, extras: list[str], overwrite: bool) -> bool:
    targets = [job.target, *(job.beside(name) for name in extras)] if job.target else []
    taken = [target for target in targets if target.exists()]
    if taken and not overwrite:
        error(f"{taken[0]}: exists already; give --overwrite to replace it, or another -o or --suffix")
    return overwrite or not taken


def _denoise_all(jobs: list[Job], format: str, extras: list[str], options: dict[str, Any]) -> int:
    """Denoise one after the other.

    Returns:
        How many failed.
    """
    start_keras()
    from dncnn_tf.cards import ModelError

    from .denoise_files import Denoiser, progress_bar

    denoiser = Denoiser(note=note, **options)
    failed = 0
    with progress_bar(len(jobs)) as progress:
        for i, job in enumerate(jobs):
            try:
                _denoise_one(denoiser, job, format, extras, lambda share, i=i: progress(i + share))
            except ModelError:
                raise
            except Exception as failure:  # whatever is wrong with one file must not stop the others
                error(_named(describe(failure), job))
                failed += 1
            progress(i + 1)
    return failed


def _denoise_one(denoiser: Denoiser, job: Job, format: str, extras: list[str], progress: Any) -> None:
    from dncnn_tf.image_writing import encode, write
    from dncnn_tf.images import read

    picture = read(job.source if job.source else click.get_binary_stream("stdin").read())
    written = _format(job, format, picture.format)
    clean = denoiser(picture, written, str(job.source or "standard input"), progress)
    if job.target is None:
        click.get_binary_stream("stdout").write(encode(clean, written))
        return
    job.target.parent.mkdir(parents=True, exist_ok=True)
    for name in extras:
        write(getattr(denoiser, name)(picture, clean), job.beside(name), "PNG")
    write(clean, job.target, written)
    click.echo(job.target)


def _format(job: Job, asked: str, own: str) -> str:
    """The format asked for, in words or by another ending, or else the picture's own."""
    if asked != "keep":
        return asked.upper()
    same_ending = job.target and job.source and job.target.suffix.lower() == job.source.suffix.lower()
    return own if job.target is None or same_ending else SUFFIXES[job.target.suffix.lower()]


def _named(message: str, job: Job) -> str:
    """Every failure names its file."""
    name = str(job.source or "standard input")
    return message if message.startswith((name, str(job.target))) else f"{name}: {message}"
