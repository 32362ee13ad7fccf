"""`dncnn-tf evaluate`: PSNR and SSIM of a model on a set, beside the paper's figures."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf.cards import LEVEL_NAMES

from .common import check_json_file, command, error, note, start_keras
from .parameters import Sigma

if TYPE_CHECKING:
    from dncnn_tf.evaluation import Result
    from dncnn_tf.paper_tables import PaperFigure


@command("evaluate")
@click.option("--model", required=True, metavar="NAME|PATH", help="A shipped model, a file, or a run or export folder.")
@click.option("--data", required=True, metavar="SET|DIR", help="A published set or a folder of clean images.")
@click.option("--task", type=click.Choice(list(LEVEL_NAMES)), default="denoise", show_default=True)
@click.option("--sigma", type=Sigma(), multiple=True, help="Noise level; may be given several times.")
@click.option("--scale", type=click.Choice(["2", "3", "4"]), multiple=True, help="Factor of super-resolution.")
@click.option("--quality", type=click.IntRange(1, 100), multiple=True, help="JPEG quality.")
@click.option(
    "--noisy",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Images that are noisy already, named as the clean ones, instead of making noise.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides the noise.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE|-", help="Figures as JSON.")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write a web page with the pictures.")
@click.option("--overwrite", is_flag=True, help="Replace the JSON file and the report if they exist.")
def evaluate(model: str, data: str, task: str, noisy: Path | None, seed: int, **options: Any) -> None:
    """Measure a model as the paper does.

    \b
    dncnn-tf evaluate --model dncnn-s-25 --data bsd68 --sigma 25
    dncnn-tf evaluate --model dncnn-3 --task super-resolution --data set5 --scale 2 --scale 3
    dncnn-tf evaluate --model dncnn-3 --task jpeg --data classic5 --quality 10
    dncnn-tf evaluate --model dncnn-b --data clean/ --noisy noisy/
    dncnn-tf evaluate --model dncnn-photo --data polyu-test     real photographs, noisy and clean
    """
    from dncnn_tf.data.datasets import is_paired

    levels = _levels(task, noisy, is_paired(data), options)
    json_file, report_folder, overwrite = options["json_file"], options["report"], options["overwrite"]
    check_json_file(json_file, overwrite)

    start_keras()
    from dncnn_tf.config import ModelConfig
    from dncnn_tf.data.datasets import resolve
    from dncnn_tf.evaluation import PROTOCOL, Setting, versions
    from dncnn_tf.files import write_json
    from dncnn_tf.paper_tables import paper_figure
    from dncnn_tf.report import Report
    from dncnn_tf.runtimes import open_runtime

    files = resolve(data)
    runtime = open_runtime(model, precision=options["precision"])
    shape = ModelConfig(depth=runtime.receptive_radius, channels=runtime.channels)
    if runtime.channels == 3 and task != "denoise":
        raise ValueError(f"{model}: a colour model, but {task} is measured on luminance; take a grey model")
    report = Report(report_folder, overwrite=overwrite) if report_folder else None

    results, failed = [], False
    for level in levels:
        result, complete = _run(runtime, files, Setting(task, level, seed, noisy), report)
        failed |= not complete
        # A figure for other images than the paper's is not to be compared with it.
        paper = paper_figure(model, shape, task, data, level) if complete else None
        title = f"{model}, {task}, {data}" + (f", {LEVEL_NAMES[task]} {level:g}" if level is not None else "")
        rows = _rows(result, paper)
        if str(json_file) != "-":
            _print_table(title, rows)
        if report:
            report.add_table(title, rows[0], rows[1:])
        results.append(_as_json(task, data, level, result, paper))
    settings = {"model": model, "precision": options["precision"], "seed": seed, "noisy": str(noisy) if noisy else None}
    protocol = {name: PROTOCOL[name] for name in (task, "psnr", "ssim")}
    content = {"results": results, "protocol": protocol, "settings": settings, "versions": versions()}
    if str(json_file) == "-":
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif json_file:
        write_json(json_file, content)
    if report:
        report.write(f"{model} on {data}")
        note(f"report: {report.page}")
    if failed:
        raise click.exceptions.Exit(1)


def _levels(task: str, noisy: Path | None, paired: bool, options: dict[str, Any]) -> list[float | None]:
    """The levels to measure at, from the option that belongs to the task."""
    wanted = LEVEL_NAMES[task]
    for name in LEVEL_NAMES.values():
        if options[name] and name != wanted:
            raise click.UsageError(f"--{name} does not belong to --task {task}; give --{wanted}")
    if noisy is not None:
        if task != "denoise" or options["sigma"]:
            raise click.UsageError("--noisy brings its own noise; leave out --sigma and --task")
        return [None]
    if paired and task == "denoise":
        if options["sigma"]:
            raise click.UsageError("a set of pairs brings its own noise; leave out --sigma")
        return [None]
    if not options[wanted]:
        raise click.UsageError(f"--task {task} needs --{wanted}")
    return [float(level) if task == "denoise" else int(level) for level in dict.fromkeys(options[wanted])]


def _run(runtime: Any, files: list[Path], setting: Any, report: Any) -> tuple[Result, bool]:
    """One level, with a bar on a terminal; False when images had to be left out."""
    from rich.console import Console
    from rich.progress import Progress

    from dncnn_tf.evaluation import evaluate as measure

    failures = []
    quiet = click.get_current_context().meta["quiet"] or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        bar = progress.add_task(setting.task, total=len(files))

        def on_image(*scored: Any) -> None:
            progress.advance(bar)
            if report:
                report.add_image(*scored)

        def on_failure(failure: Exception) -> None:
            progress.advance(bar)
            failures.append(failure)
            error(" ".join(str(failure).split()))

        return measure(runtime, files, setting, on_image=on_image, on_failure=on_failure), not failures


def _rows(result: Result, paper: PaperFigure | None) -> list[list[str]]:
    """Heading, images and average, as text."""
    rows = [["image", "PSNR", "SSIM"]]
    rows += [[image.name, f"{image.psnr:.2f}", f"{image.ssim:.4f}"] for image in result.images]
    rows.append(["average", f"{result.psnr:.2f}", f"{result.ssim:.4f}"])
    if paper is None:
        return rows
    average = f"{paper.psnr:.2f}" + (f" / {paper.ssim:.4f}" if paper.ssim is not None else "")
    images = (f"{paper.images[image.name]:.2f}" if image.name in paper.images else "" for image in result.images)
    cells = [f"paper ({paper.model})", *images, average]
    return [[*row, cell] for row, cell in zip(rows, cells, strict=True)]


def _print_table(title: str, rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for i, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if i else "left")
    for row in rows[1:-1]:
        table.add_row(*row)
    table.add_section()
    table.add_row(*rows[-1], style="bold")
    click.echo(title)
    # A pipe has no width: nothing is to be cut off there.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _as_json(task: str, data: str, level: float | None, result: Result, paper: PaperFigure | None) -> dict[str, Any]:
    images = [
        {"name": image.name, "psnr": _finite(image.psnr), "ssim": image.ssim, **_paper_image(image.name, paper)}
        for image in result.images
    ]
    return {
        "task": task,
        "data": data,
        "level": level,
        "psnr": _finite(result.psnr),
        "ssim": result.ssim,
        "paper_model": paper.model if paper else None,
        "paper_psnr": paper.psnr if paper else None,
        "paper_ssim": paper.ssim if paper else None,
        "images": images,
    }


def _paper_image(name: str, paper: PaperFigure | None) -> dict[str, float]:
    return {"paper_psnr": paper.images[name]} if paper and name in paper.images else {}


def _finite(psnr: float) -> float | None:
    """JSON has no infinity, the PSNR of equal images."""
    return psnr if math.isfinite(psnr) else None
