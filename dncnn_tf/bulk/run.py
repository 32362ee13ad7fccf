"""What commands that make image files of image files share: options, rules for files, a failure that stops no other."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf.engines.available import ENGINES, LARGE

from .common import check_json_file, note, noter
from .file_plan import FORMATS, STREAM, Job, make_plan
from .parameters import Memory, Pixels, Shard, Tile
from .places import Existing, is_remote
from .tally import Tally

if TYPE_CHECKING:
    from .restorer import Restorer


# Of a picture that would have to be fetched to know.
_PIXELS_ELSEWHERE = 1_000_000


@dataclass(frozen=True)
class Files:
    """The options that say what is read and what is written.

    Attributes:
        output: a file, a folder, "-", or None for beside the input.
        format: one of `FORMATS`.
        suffix: goes between a result's name and its ending.
        recursive: go into folders within folders.
        overwrite: replace files that exist.
        skip_existing: pass over inputs whose result exists.
        quality: of JPEG, WebP and AVIF results; None for the input's.
        max_pixels: of a picture that is read.
        dry_run: only say what would be done.
        shard: (i, n) to do the i-th of n parts only.
        engine: "local", or "ray" for a cluster.
        actors: processes that Ray starts, each with the network; None for one on each machine.
        report: JSON file for what became of the pictures.
        extras: further pictures of each result, as `Restorer.extras` names them.
    """

    output: str | None
    format: str
    suffix: str
    recursive: bool
    overwrite: bool
    skip_existing: bool
    quality: int | None
    max_pixels: int
    dry_run: bool
    shard: tuple[int, int]
    engine: str
    actors: int | None
    report: Path | None
    extras: tuple[str, ...] = ()


def file_options(suffix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add INPUT… and the options of `Files`; the function gets `inputs` and `files`."""
    options = _options(
        click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
        click.option(
            "-o", "--output", metavar="OUT", help="A file, a folder, or - for stdout.  [default: beside the input]"
        ),
        click.option("--format", type=click.Choice(FORMATS), default="keep", show_default=True, help="Of the results."),
        click.option("--suffix", default=suffix, show_default=True, help="Goes before the ending of a result's name."),
        click.option(
            "--recursive/--no-recursive", default=False, show_default=True, help="Go into folders within folders."
        ),
        click.option(
            "--quality",
            type=click.IntRange(1, 100),
            help="Of results in JPEG, WebP or AVIF.  [default: as the input, or 95]",
        ),
        click.option("--overwrite", is_flag=True, help="Replace files that exist."),
        click.option(
            "--skip-existing", is_flag=True, help="Pass over inputs whose result exists: to go on with a folder."
        ),
        click.option(
            "--max-pixels",
            type=Pixels(),
            default="179M",
            show_default=True,
            help="Refuse larger pictures, which may be attacks on memory.",
        ),
        click.option("--dry-run", is_flag=True, help="Only say what would be read and written."),
        click.option(
            "--shard", type=Shard(), default="1/1", metavar="I/N", help="Do the I-th of N parts only, for N machines."
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            help="Where it is done: here, or on a Ray cluster.",
        ),
        click.option(
            "--actors", type=click.IntRange(1), help="Networks at work in Ray.  [default: one on each machine]"
        ),
        click.option(
            "--report",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write how many are done, skipped and failed, and why, as JSON.",
        ),
    )
    names = [field.name for field in dataclasses.fields(Files) if field.name != "extras"]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gathered(**given: Any) -> Any:
            files = Files(**{name: given.pop(name) for name in names})
            return function(files=files, **given)

        return options(gathered)

    return decorate


def network_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Restorer`."""
    return _options(
        click.option(
            "--tile",
            type=Tile(),
            default="auto",
            show_default=True,
            metavar="auto|N",
            help="Largest side of a part; 0: one part.",
        ),
        click.option(
            "--max-memory",
            type=Memory(),
            default="2G",
            show_default=True,
            help="Memory to make do with, by smaller parts.",
        ),
        click.option(
            "--precision",
            type=click.Choice(["auto", "float32", "bfloat16"]),
            default="auto",
            show_default=True,
            help="Of the arithmetic; auto: bfloat16 where the processor has it.",
        ),
        click.option(
            "--runtime",
            type=click.Choice(["auto", *ENGINES]),
            default="auto",
            show_default=True,
            help="What runs the model; auto: the fastest that is installed.",
        ),
    )(function)


def _options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def restore_files(inputs: tuple[str, ...], files: Files, make_restorer: Callable[..., Restorer]) -> None:
    """Restore every picture that there is; exit with status 1 if one failed.

    Args:
        inputs: files, folders, globs, or "-" alone.
        files: what to write.
        make_restorer: called when there is something to do, with `Restorer`'s options `large` and `note`.

    Raises:
        click.UsageError: the options do not go together.
        ModelError: the model cannot be loaded.
    """
    if files.overwrite and files.skip_existing:
        raise click.UsageError("--overwrite and --skip-existing exclude each other")
    if "/" in files.suffix:
        raise click.UsageError(f"--suffix is a part of a file's name, without /. Received: {files.suffix}")
    if files.actors is not None and files.engine == "local":
        raise click.UsageError("--actors are Ray's; give --engine ray")
    if files.report is not None and (files.dry_run or str(files.report) == STREAM):
        raise click.UsageError("--report needs a file, and something done to report; leave out - and --dry-run")
    check_json_file(files.report, files.overwrite or files.skip_existing)
    exists = Existing()
    plan = make_plan(
        inputs,
        files.output,
        recursive=files.recursive,
        suffix=files.suffix,
        format=files.format,
        extras=list(files.extras),
        shard=files.shard,
    )
    _check_streams(plan.jobs, files)
    tally = Tally()
    for failure in plan.failures:
        tally.fail(failure)
    if plan.skipped:
        note(f"passing over results of an earlier run ({plan.skipped})")
    wanted = plan.jobs
    if files.skip_existing:
        wanted = [job for job in plan.jobs if job.target is None or not exists(job.target)]
        tally.skipped = len(plan.jobs) - len(wanted)
        if tally.skipped:
            note(f"{tally.skipped} of {len(plan.jobs)} are done already")
    ready = [job for job in wanted if _is_free(job, files, exists, tally)]
    if files.dry_run:
        for job in ready:
            click.echo(os.fsencode(f"{job.source or STREAM} -> {job.target or STREAM}"))
    else:
        if ready:
            _restore_all(ready, files, make_restorer, tally)
        if files.report:
            tally.write(files.report)
    if tally.failures:
        click.get_current_context().exit(1)


def _check_streams(jobs: list[Job], files: Files) -> None:
    if all(job.target for job in jobs):
        return
    if files.extras:
        raise click.UsageError("further pictures, such as --compare makes, need a file for the result; give -o FILE")
    if sys.stdout.isatty() and not files.dry_run:
        raise click.UsageError("the result is an image file and stdout is a terminal; redirect it or give -o FILE")


def _is_free(job: Job, files: Files, exists: Existing, tally: Tally) -> bool:
    targets = [job.target, *(job.beside(name) for name in files.extras)] if job.target else []
    taken = [target for target in targets if exists(target)]
    if taken and not files.overwrite:
        tally.fail(f"{taken[0]}: exists already; give --overwrite to replace it, or another -o or --suffix")
    return files.overwrite or not taken


def _restore_all(jobs: list[Job], files: Files, make_restorer: Callable[..., Restorer], tally: Tally) -> None:
    from dncnn_tf.images.reading import allow_pixels

    from .restorer import progress_bar

    allow_pixels(files.max_pixels)
    make_restorer = functools.partial(make_restorer, large=_is_large(jobs))
    with progress_bar(len(jobs)) as progress:
        if files.engine == "ray":
            from .ray_engine import restore_on_ray

            restore_on_ray(jobs, files, make_restorer, progress, tally, noter())
        else:
            _restore_here(jobs, files, make_restorer, progress, tally)


def _restore_here(
    jobs: list[Job],
    files: Files,
    make_restorer: Callable[..., Restorer],
    progress: Callable[[float], None],
    tally: Tally,
) -> None:
    from .conveyor import Conveyor

    restorer = make_restorer(note=noter())
    Conveyor(
        jobs, files, restorer, progress=progress, succeed=tally.succeed, fail=lambda job, reason: tally.fail(reason)
    ).run()


def _is_large(jobs: list[Job]) -> bool:
    """Whether the pictures have many pixels in all; of standard input it is not known."""
    from dncnn_tf.images.reading import pixel_count

    sources = (job.source for job in jobs if job.source)
    sizes = (_PIXELS_ELSEWHERE if is_remote(source) else pixel_count(source) for source in sources)
    return any(total >= LARGE for total in itertools.accumulate(sizes))
