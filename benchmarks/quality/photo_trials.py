"""Which parts of the simulated camera matter, and how near to its start is the model best?

    DNCNN_TF_DATA=DIR dncnn-tf train --recipe dncnn-photo --data cbsd432
    DNCNN_TF_DATA=DIR python -m benchmarks.quality.photo_trials --finished runs/dncnn-photo

Every trial goes on from `cdncnn-b` by `dncnn-photo`'s recipe, for the same steps and with one thing changed. It is
judged on the middle of every fourth of PolyU's pairs for tuning, which nothing is trained on, and by how far it leaves
clean pictures from themselves. Finished trials are kept and not run again. Results: photo_trials.json, photo_trials.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import keras
import numpy as np

from benchmarks.common.page import write_page
from benchmarks.quality.routing import HIGHEST, SIDE, Pairs, clean_pairs, middle, real_pairs
from dncnn_tf.config import RECIPES
from dncnn_tf.data.camera import shots, training_pairs
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.files import write_json
from dncnn_tf.models.transfer import mix_in
from dncnn_tf.restoration.denoising import denoise
from dncnn_tf.training.compiling import new_model
from dncnn_tf.training.fit import train
from dncnn_tf.training.run_folder import Run

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "photo_trials.json", HERE / "photo_trials.md"
PAIRS_EVERY, CLEAN_EVERY = 4, 6


@dataclass(frozen=True)
class Trial:
    """What is changed.

    Attributes:
        shots, pairs: constants of `dncnn_tf.data.camera.shots` and `training_pairs`.
        config: fields of the training.
    """

    shots: dict[str, Any] = field(default_factory=dict)
    pairs: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


TRIALS = {
    "as it is": Trial(),
    "as much noise in flat places as at edges": Trial(shots={"_LUMA_LEFT": (1, 1), "_CHROMA_LEFT": (1, 1)}),
    "luma's noise finer": Trial(shots={"_LUMA": (0.3, 0.5), "_FLAT_LUMA": (0.3, 0.8)}),
    "chroma's noise as fine as luma's": Trial(shots={"_CHROMA": shots._LUMA, "_FLAT_CHROMA": shots._FLAT_LUMA}),
    "no JPEG": Trial(shots={"_CAMERA_CODED": 0, "_SAVED_AGAIN": 0}),
    "training pictures as small as they are": Trial(pairs={"_LARGEST": 1.0}),
    "training pictures up to six times as large": Trial(pairs={"_LARGEST": 6.0}),
    "clean pictures twice as often": Trial(pairs={"_CLEAN_SHARE": 2 * training_pairs._CLEAN_SHARE}),
    "white noise alone": Trial(pairs={"_WHITE_SHARE": 1.0}),
    "RMSE as the loss, not PSNR": Trial(config={"loss": "rmse"}),
}
START_SHARES = (0.0, 0.15, 0.25, 0.35, 0.5)


@click.command()
@click.option("--steps", type=click.IntRange(1), default=300, show_default=True, help="Of each training.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/photo-trials"), show_default=True)
@click.option("--finished", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The whole training.")
def main(steps: int, runs: Path, finished: Path | None) -> None:
    """Train and measure what is missing, and write the page."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if finished is not None:
        rows |= {_start_row(share): _measured(engine) for share, engine in _nearer(finished)}
        write_json(RESULTS, rows)
    for i, (name, trial) in enumerate(TRIALS.items()):
        if name not in rows:
            rows[name] = _measured(_trained(trial, steps, runs / str(i)))
            click.echo(f"{name}: {rows[name]}")
            write_json(RESULTS, rows)
    how = (
        f"Mean PSNR in dB on the middle {SIDE} × {SIDE} pixels of every {PAIRS_EVERY}th pair of `polyu-tune`, and of "
        f"every {CLEAN_EVERY}th picture of CBSD68, clean, from itself (at most {HIGHEST:g}), in bfloat16. Made by "
        "`DNCNN_TF_DATA=DIR python -m benchmarks.quality.photo_trials --finished runs/dncnn-photo` on"
    )
    lines = ["## Nearer to the start", "", _NEARER, "", *_table(rows, [_start_row(share) for share in START_SHARES])]
    lines += ["", "## The simulation", "", _SIMULATION.format(steps=steps), "", *_table(rows, TRIALS)]
    write_page(PAGE, "What the model for photographs needs", how, lines)


_NEARER = f"""The model of the whole recipe ({RECIPES["dncnn-photo"].total_steps:,} steps),
of each of whose weights a share is that of `cdncnn-b`, where it started."""
_SIMULATION = """After {steps} steps of the recipe with one thing changed, one run each. So short a training has not
learned yet to leave clean pictures as they are."""


def _table(rows: dict[str, dict[str, float]], names: Iterable[str]) -> list[str]:
    lines = ["| | `polyu-tune` | clean pictures |", "|---|--:|--:|"]
    return lines + [f"| {name} | {rows[name]['pairs']:.2f} | {rows[name]['clean']:.1f} |" for name in names]


def _start_row(share: float) -> str:
    return f"share of the start {share:g}"


def _nearer(run: Path) -> Iterator[tuple[float, Engine]]:
    """What a run ended with, brought back towards its start by each share."""
    files = Run(run)
    newest = files.latest_checkpoint()
    assert newest is not None
    model = new_model(dataclasses.replace(files.config(), precision="float32"))
    trained, start = newest[0].get_weights(), model.get_weights()
    for share in START_SHARES:
        model.set_weights(trained)
        mix_in(model, start, share)
        yield share, open_engine(model, precision="bfloat16")


def _trained(trial: Trial, steps: int, folder: Path) -> Engine:
    config = dataclasses.replace(
        RECIPES["dncnn-photo"], data="cbsd432", epochs=1, steps_per_epoch=steps, **trial.config
    )
    with ExitStack() as patches:
        for name, value in trial.shots.items():
            patches.enter_context(patch.object(shots, name, value))
        for name, value in trial.pairs.items():
            patches.enter_context(patch.object(training_pairs, name, value))
        train(config, folder, note=click.echo)
    keras.backend.clear_session()
    return open_engine(str(folder / "last.keras"), precision="bfloat16")


def _measured(engine: Engine) -> dict[str, float]:
    figures = {"pairs": real_pairs("polyu-tune", PAIRS_EVERY), "clean": clean_pairs("cbsd68", CLEAN_EVERY)}
    return {name: round(_mean_psnr(engine, pairs), 3) for name, pairs in figures.items()}


def _mean_psnr(engine: Engine, pairs: Pairs) -> float:
    values = [min(HIGHEST, float(psnr(middle(clean), denoise(middle(noisy), engine)))) for noisy, clean in pairs]
    return float(np.mean(values))


if __name__ == "__main__":
    main()
