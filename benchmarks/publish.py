"""Ship a run's best model with the package: measure it, then write its weights and card into `dncnn_tf/pretrained/`.

    DNCNN_TF_DATA=DIR python benchmarks/publish.py runs/dncnn-s-25 --hardware "2 cores of an AMD EPYC"

The figures on the card are those of `dncnn-tf evaluate` with its default seed.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from dncnn_tf.cards import LEVEL_NAMES, PRETRAINED
from dncnn_tf.config import RECIPES, TrainConfig
from dncnn_tf.data.datasets import published_sets, resolve
from dncnn_tf.evaluation import Setting, evaluate, versions
from dncnn_tf.paper_tables import TABLE_5
from dncnn_tf.runs import Run
from dncnn_tf.runtimes.keras_runtime import KerasRuntime
from dncnn_tf.weights import load_model, save_weights

BLIND_LEVELS = (0, 15, 25, 50)


def _denoising(sets: tuple[str, ...], levels: tuple[int, ...]) -> dict[str, dict[str, tuple[int, ...]]]:
    return {"denoise": dict.fromkeys(sets, levels)}


MEASURED = {
    "dncnn-s-15": _denoising(("bsd68", "set12"), (15,)),
    "dncnn-s-25": _denoising(("bsd68", "set12"), (25,)),
    "dncnn-s-50": _denoising(("bsd68", "set12"), (50,)),
    "dncnn-b": _denoising(("bsd68", "set12"), BLIND_LEVELS),
    "cdncnn-b": _denoising(("cbsd68",), BLIND_LEVELS),
    "dncnn-photo": {"denoise": {"polyu-test": (None,), "cbsd68": (0, 5, 15, 25, 50)}},
    "dncnn-3": _denoising(("bsd68", "set12"), BLIND_LEVELS)
    | {task: {data: tuple(cells) for data, cells in TABLE_5[task].items()} for task in ("super-resolution", "jpeg")},
}
CURVE_POINTS = 40


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--hardware", required=True, help="What it was trained on, in words.")
@click.option("--note", help="How the run came about, where its command alone would not repeat it.")
def main(folder: Path, hardware: str, note: str | None) -> None:
    """Measure the best model of the run in FOLDER and write its weights and card."""
    run = Run(folder)
    config = run.config()
    name = config.name
    expected = dataclasses.replace(RECIPES[name], data=config.data, precision=config.precision)
    if config != expected or not set(config.data.split("+")) <= published_sets().keys():
        raise click.UsageError(f"only a run of `dncnn-tf train --recipe {name} --data SET` as it stands can be shipped")
    model = load_model(folder)
    runtime = KerasRuntime(model)
    measured = []
    for task, sets in MEASURED[name].items():
        for data, levels in sets.items():
            for level in levels:
                result = evaluate(runtime, resolve(data), Setting(task, level))
                figures = {"psnr": round(result.psnr, 4), "ssim": round(result.ssim, 5)}
                strength = {} if level is None else {LEVEL_NAMES[task]: level}
                measured.append({"data": data, **strength, **figures})
                click.echo(measured[-1])
    log = run.read_log()
    card = {
        "name": name,
        "summary": f"DnCNN with {config.model.depth} convolutions for {_purpose(config)}",
        "measured": measured,
        "command": f"dncnn-tf train --recipe {name} --data {config.data}",
        **({"note": note} if note else {}),
        "recipe": {key: value for key, value in config.to_dict().items() if key not in ("model", "name")},
        "result": json.loads(run.result_file.read_text(encoding="utf-8")),
        "hours": round(sum(row["seconds"] for row in log) / 3600, 2),
        "hardware": hardware,
        "versions": versions(),
        "curve": [
            {"step": int(row["step"]), "psnr": round(row["psnr"], 3), "val_psnr": round(row["val_psnr"], 3)}
            for row in log[-1 :: -max(1, len(log) // CURVE_POINTS)][::-1]
        ],
        "license": "MIT",
    }
    save_weights(model, PRETRAINED / f"{name}.weights.h5", card)


def _purpose(config: TrainConfig) -> str:
    if config.task == "general":
        return "noise, low resolution and JPEG"
    if config.task == "photo":
        return "photographs as cameras and phones write them"
    low, high = config.sigma
    return f"noise of σ {low:g}" + (f" to {high:g}" if high > low else "")


if __name__ == "__main__":
    main()
