"""Ship a run's best model with the package: measure it, then write its weights and card into `dncnn_tf/pretrained/`.

    DNCNN_TF_DATA=DIR python benchmarks/publish.py runs/dncnn-s-25 --hardware "2 cores of an AMD EPYC"

Only for denoising models. The figures on the card are those of `dncnn-tf evaluate` with its default seed.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from dncnn_tf.cards import PRETRAINED
from dncnn_tf.config import RECIPES
from dncnn_tf.data.datasets import published_sets, resolve
from dncnn_tf.evaluation import Setting, evaluate, versions
from dncnn_tf.runs import Run
from dncnn_tf.runtimes.keras_runtime import KerasRuntime
from dncnn_tf.weights import load_model, save_weights

SETS = {1: ("bsd68", "set12"), 3: ("cbsd68",)}
LEVELS = {
    "dncnn-s-15": (15,),
    "dncnn-s-25": (25,),
    "dncnn-s-50": (50,),
    "dncnn-b": (0, 15, 25, 50),
    "cdncnn-b": (0, 15, 25, 50),
}
CURVE_POINTS = 40


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--hardware", required=True, help="What it was trained on, in words.")
def main(folder: Path, hardware: str) -> None:
    """Measure the best model of the run in FOLDER and write its weights and card."""
    run = Run(folder)
    config = run.config()
    name = config.name
    expected = dataclasses.replace(RECIPES[name], data=config.data, precision=config.precision)
    if config != expected or config.data not in published_sets():
        raise click.UsageError(f"only a run of `dncnn-tf train --recipe {name} --data SET` as it stands can be shipped")
    model = load_model(folder)
    runtime = KerasRuntime(model)
    measured = []
    for data in SETS[config.model.channels]:
        for sigma in LEVELS[name]:
            result = evaluate(runtime, resolve(data), Setting("denoise", sigma))
            measured.append(
                {"data": data, "sigma": sigma, "psnr": round(result.psnr, 4), "ssim": round(result.ssim, 5)}
            )
            click.echo(measured[-1])
    log = run.read_log()
    card = {
        "name": name,
        "summary": f"DnCNN with {config.model.depth} convolutions for noise of σ {_levels(config.sigma)}",
        "measured": measured,
        "command": f"dncnn-tf train --recipe {name} --data {config.data}",
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


def _levels(sigma: tuple[float, float]) -> str:
    low, high = sigma
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


if __name__ == "__main__":
    main()
