"""Ship a run's best model with the package: measure it, then write its weights and card into `dncnn_tf/pretrained/`.

    DNCNN_TF_DATA=DIR python -m benchmarks.release.publish runs/dncnn-s-25 --hardware "2 cores of an AMD EPYC"

A run of `--recipe NAME-finish` is shipped as NAME; the card has all the runs, and the commands that repeat them. Cards
of models that started from the one that was in the box say from then on which of its runs that was. The figures on the
card are those of `dncnn-tf evaluate` with its default seed; a model that is worse in any of them than the one in the
box does not take its place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.release.history import folder_of, history, runs_of
from dncnn_tf.config import TrainConfig
from dncnn_tf.data.datasets import resolve
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.errors import OptionError
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.paper import TABLE_5
from dncnn_tf.evaluation.settings import EvaluationTask, Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import DEGREE_NAMES, PRETRAINED, degree_text, read_card, shipped_models
from dncnn_tf.models.weights import load_model, save_weights
from dncnn_tf.training.run_folder import Run

BLIND_SIGMAS = (0, 15, 25, 50)


Cells = dict[EvaluationTask, dict[str, tuple[float | None, ...]]]
"""Task, set and degrees; None for a set of pairs, whose noise is its own."""


def _denoising(sets: tuple[str, ...], degrees: tuple[float, ...]) -> Cells:
    return {"denoise": dict.fromkeys(sets, degrees)}


MEASURED: dict[str, Cells] = {
    "dncnn-s-15": _denoising(("bsd68", "set12"), (15,)),
    "dncnn-s-25": _denoising(("bsd68", "set12"), (25,)),
    "dncnn-s-50": _denoising(("bsd68", "set12"), (50,)),
    "dncnn-b": _denoising(("bsd68", "set12"), BLIND_SIGMAS),
    "cdncnn-b": _denoising(("cbsd68",), BLIND_SIGMAS),
    "dncnn-photo": {"denoise": {"polyu-test": (None,), "cbsd68": (0, 5, 15, 25, 50)}},
    "dncnn-3": _denoising(("bsd68", "set12"), BLIND_SIGMAS)
    | {task: {data: tuple(cells) for data, cells in TABLE_5[task].items()} for task in ("super-resolution", "jpeg")},
}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--hardware", required=True, help="What it was trained on, in words.")
@click.option("--note", help="How the run came about, where its command alone would not repeat it.")
@click.option("--even-if-worse", is_flag=True, help="Take the place of a model that is better somewhere.")
def main(folder: Path, hardware: str, note: str | None, even_if_worse: bool) -> None:
    """Measure the best model of the run in FOLDER and write its weights and card."""
    run = Run(folder)
    config = run.config()
    name = config.name.removesuffix("-finish")
    try:
        runs = history(folder, hardware)
    except OptionError as failure:
        raise click.UsageError(str(failure)) from None
    model = load_model(folder)
    measured = measure(open_engine(model, precision="float32"), name)
    if lines := _worse(measured, name):
        click.echo("\n".join(lines), err=True)
        if not even_if_worse:
            raise click.ClickException(f"{folder} is not better than {name} in every figure")
    card = {
        "name": name,
        "summary": f"DnCNN with {config.model.depth} convolutions for {_purpose(config)}",
        "measured": measured,
        "command": " && ".join(each["command"] for each in runs),
        **({"note": note} if note else {}),
        "recipe": {key: value for key, value in config.to_dict().items() if key not in ("model", "name")}
        | {"init": runs[-1]["init"]},
        "result": json.loads(run.result_file.read_text(encoding="utf-8")),
        "hours": round(sum(each["hours"] for each in runs), 2),
        "hardware": hardware,
        "versions": versions(),
        "curve": runs[-1]["curve"],
        "runs": runs,
        "license": "MIT",
    }
    if name in shipped_models():
        name_the_start(name, folder_of(name, len(runs_of(read_card(name)))))
    save_weights(model, PRETRAINED / f"{name}.weights.h5", card)


def name_the_start(name: str, run: str) -> None:
    """Have the cards of models that started from the one in the box say which of its runs that was.

    Args:
        name: of the model that is about to be replaced.
        run: the folder in which the commands of its card leave it.
    """
    for other in shipped_models():
        card = read_card(other)
        runs = runs_of(card)
        if other != name and runs[0]["init"] == name:
            command = runs[0]["command"].replace(f" --init {name}", "")  # without it, it is the recipe's start
            runs[0] |= {"command": f"{command} --init {run}", "init": run}
            if len(runs) == 1:
                card["recipe"]["init"] = run
            card |= {"runs": runs, "command": " && ".join(each["command"] for each in runs)}
            write_json(PRETRAINED / f"{other}.json", card)


def measure(engine: Engine, name: str, known: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """The rows of a card.

    Args:
        engine: the model, in float32.
        name: what it is published as, which decides what is measured.
        known: rows that need not be measured again.
    """
    found = {_cell(row): row for row in known}
    rows = []
    for task, sets in MEASURED[name].items():
        for data, degrees in sets.items():
            for degree in degrees:
                row = {"data": data} | ({} if degree is None else {DEGREE_NAMES[task]: degree})
                if _cell(row) in found:
                    rows.append(found[_cell(row)])
                    continue
                (setting,) = [Setting(task, degree)] if degree is not None else Setting.each(task, data=data)
                result = evaluate(engine, resolve(data), setting)
                rows.append(row | {"psnr": round(result.psnr, 4), "ssim": round(result.ssim, 5)})
                click.echo(rows[-1])
    return rows


def _cell(row: dict[str, Any]) -> tuple[str, str]:
    """The set and the degree of a card's row."""
    return row["data"], degree_text(row)


def _worse(measured: list[dict[str, Any]], name: str) -> list[str]:
    """In what, as far as a card shows it, these figures are below those of the model in the box."""
    if name not in shipped_models():
        return []
    before = {_cell(row): row for row in read_card(name)["measured"]}
    return [
        f"{row['data']} at {degree_text(row)}: {figure} {row[figure]} instead of {old[figure]}"
        for row in measured
        if (old := before.get(_cell(row)))
        for figure, digits in (("psnr", 2), ("ssim", 4))
        if round(row[figure], digits) < round(old[figure], digits)
    ]


def _purpose(config: TrainConfig) -> str:
    if config.task == "general":
        return "noise, low resolution and JPEG"
    if config.task == "photo":
        return "photographs as cameras and phones write them"
    low, high = config.sigma
    return f"noise of σ {low:g}" + (f" to {high:g}" if high > low else "")


if __name__ == "__main__":
    main()
