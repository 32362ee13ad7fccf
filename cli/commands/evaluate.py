"""`dncnn-tf evaluate`: PSNR and SSIM of a model on a set, beside the paper's figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..common import command, error, note, start_keras
from ..options import trust_option
from ..parameters import Sigma
from ..progress import bar
from ..tables import JsonFile, json_option, show_table

_TASKS = ("denoise", "super-resolution", "jpeg")
_PAPER = ("DnCNN-S", "DnCNN-B", "DnCNN-3", "CDnCNN-B")


@command("evaluate")
@click.option("--model", required=True, metavar="NAME|PATH", help="A shipped model, a file, or a run or export folder.")
@click.option("--data", required=True, metavar="SET|DIR", help="A published set or a folder of clean images.")
@click.option("--task", type=click.Choice(_TASKS), default="denoise", show_default=True)
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
@click.option("--precision", type=click.Choice(["float32", "bfloat16", "int8"]), default="float32", show_default=True)
@trust_option
@click.option("--paper-model", type=click.Choice(_PAPER), help="To compare with.  [default: by the model's card]")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write a web page with the pictures.")
@json_option("Figures as JSON.", replaces="the JSON file and the report if they exist")
def evaluate(
    model: str,
    data: str,
    precision: str,
    trust: bool,
    paper_model: Any,
    report: Path | None,
    json_file: JsonFile,
    **setting: Any,
) -> None:
    """Measure a model as the paper does.

    \b
    dncnn-tf evaluate --model dncnn-s-25 --data bsd68 --sigma 25
    dncnn-tf evaluate --model dncnn-3 --task super-resolution --data set5 --scale 2 --scale 3
    dncnn-tf evaluate --model dncnn-3 --task jpeg --data classic5 --quality 10
    dncnn-tf evaluate --model dncnn-b --data clean/ --noisy noisy/
    dncnn-tf evaluate --model dncnn-photo --data polyu-test     real photographs, noisy and clean
    """
    from dncnn_tf import EvaluationReport, Setting, evaluate, evaluation_json

    settings = Setting.each(data=data, **setting | {"scale": tuple(map(int, setting["scale"]))})
    start_keras()
    page = EvaluationReport(report, overwrite=json_file.overwrite) if report else None
    results = []
    for each in settings:
        with bar(None, "images", each.text) as shown:
            result = evaluate(
                model,
                data,
                each,
                precision=precision,
                trust=trust,
                paper_model=paper_model,
                on_image=page.add_image if page else None,
                on_failure=lambda failure: error(str(failure)),
                progress=shown,
            )
        results.append(result)
        if not json_file.takes_stdout:
            show_table(result.title, result.table())
        if page:
            page.add(result)
    json_file.write(evaluation_json(results))
    if page:
        page.write(f"{model} on {data}")
        note(f"report: {page.page}")
    if any(result.failures for result in results):
        click.get_current_context().exit(1)
