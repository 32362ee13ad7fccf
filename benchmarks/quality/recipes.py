"""Which recipe learns most in the same time? DnCNN-S at σ 25, mean PSNR on BSD68 (and Set12) after equal minutes.

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.recipes --minutes 5

First the duration of every contender's training step is measured, all of them in turn, with nothing else running;
then each trains for as many steps as fit into the minutes at that pace, its schedule spanning them, so that other work
on the machine meanwhile changes nothing. Interrupted, it goes on where it was. `--figures` takes figures measured
elsewhere in the same way instead of training. Results: recipes.json, recipes.md.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from benchmarks.common.machine import describe_machine
from benchmarks.common.page import write_page
from benchmarks.quality.contenders import CONTENDERS, EPOCHS, FROM_NOTHING, GOING_ON, Averaging, Contender
from dncnn_tf.config import TrainConfig
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import read_card
from dncnn_tf.models.weights import load_model
from dncnn_tf.training.compiling import make_ready, new_model
from dncnn_tf.training.fit import train

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "recipes.json", HERE / "recipes.md"
HOW = """DnCNN-S, σ 25, bfloat16, `train400` unless another set is named; mean PSNR in dB. One run each; made by
`DNCNN_TF_DATA=DIR python -m benchmarks.quality.recipes --minutes N`, which says how."""
SETS = ("bsd68", "set12")
ROUNDS, STEPS_A_ROUND = 3, 4


@click.command()
@click.option("--minutes", type=float, default=5.0, show_default=True, help="Training time for each.")
@click.option("--only", type=click.Choice(list(CONTENDERS)), multiple=True, help="These alone; all by default.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/recipes"), show_default=True)
@click.option(
    "--figures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Take these instead: JSON, {"on-folded": {"steps": 2680, "bsd68": 29.07, "set12": 30.23}, …}.',
)
def main(minutes: float, only: tuple[str, ...], runs: Path, figures: Path | None) -> None:
    """Train every contender for as long as the others and write the tables."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": []}
    results.setdefault("start", _start())
    if figures:
        for name, row in json.loads(figures.read_text(encoding="utf-8")).items():
            if name not in CONTENDERS:
                raise click.UsageError(f"no such contender: {name}; there are {', '.join(CONTENDERS)}")
            _keep(results, {"name": name, "minutes": minutes, **row})
        return
    wanted = [name for name in only or CONTENDERS if not _row(results, name, minutes)]
    seconds = _paces(runs / "step_seconds.json", wanted)
    for name in wanted:
        contender = CONTENDERS[name]
        steps, folder = _train(contender, minutes, seconds, runs / f"{name}-{minutes:g}")
        model = load_model(folder / "last.keras")
        psnrs = {data: round(evaluate(model, data, Setting("denoise", 25)).psnr, 3) for data in SETS}
        row = {"name": name, "minutes": minutes, "steps": steps, **psnrs}
        _keep(results, {**row, "seconds_per_step": seconds[_key(contender.config)]})
    _write_tables(results)


def _start() -> dict[str, float]:
    """What the model that contenders go on from is at."""
    measured = read_card("dncnn-s-25")["measured"]
    return {row["data"]: row["psnr"] for row in measured if row["data"] in SETS}


def _keep(results: dict[str, Any], row: dict[str, Any]) -> None:
    click.echo(row)
    results["rows"] = [
        each for each in results["rows"] if (each["name"], each["minutes"]) != (row["name"], row["minutes"])
    ]
    results["rows"].append({**row, "machine": describe_machine()})
    results["versions"] = versions()
    write_json(RESULTS, results)
    _write_tables(results)


def _row(results: dict[str, Any], name: str, minutes: float) -> dict[str, Any] | None:
    return next((row for row in results["rows"] if (row["name"], row["minutes"]) == (name, minutes)), None)


def _paces(file: Path, wanted: list[str]) -> dict[str, float]:
    """Seconds of a step of every contender, measured if some that is wanted has not been."""
    file.parent.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if any(_key(config) not in seconds for name in wanted for config, _ in CONTENDERS[name].stages):
        stages = {_key(config): config for contender in CONTENDERS.values() for config, _ in contender.stages}
        seconds = _step_seconds(stages)
        write_json(file, seconds)
    return seconds


def _key(config: TrainConfig) -> str:
    """What the duration of a step depends on."""
    network = "frozen" if config.frozen_share else "live" if config.model.batch_norm else "plain"
    shape = f"{config.batch_size}x{config.patch_size}"
    return f"{config.optimizer} depth {config.model.depth} {network} {shape}"


def _step_seconds(stages: dict[str, TrainConfig]) -> dict[str, float]:
    steps = {key: _training_step(config) for key, config in stages.items()}
    durations: dict[str, list[float]] = {key: [] for key in steps}
    for _ in range(ROUNDS):
        for key, step in steps.items():
            step()  # caches are the last contender's
            for _ in range(STEPS_A_ROUND):
                start = time.perf_counter()
                step()
                durations[key].append(time.perf_counter() - start)
    return {key: round(statistics.median(values), 4) for key, values in durations.items()}


def _training_step(config: TrainConfig) -> Callable[[], object]:
    model = new_model(config)
    make_ready(model, config, epoch=0)
    shape = (config.batch_size, config.patch_size, config.patch_size, config.model.channels)
    clean = np.random.default_rng(0).random(shape, np.float32)
    return lambda: model.train_on_batch(clean, clean)


def _train(contender: Contender, minutes: float, seconds: dict[str, float], folder: Path) -> tuple[int, Path]:
    """Train the stages one after another; the steps of all, and the last one's run folder."""
    total, init = 0, None
    for i, (config, share) in enumerate(contender.stages):
        steps = round(60 * minutes * share / seconds[_key(config)] / EPOCHS)
        config = dataclasses.replace(config, steps_per_epoch=max(1, steps), init=init or config.init)
        stage = folder / str(i)
        if not (stage / "result.json").exists():
            callbacks = [Averaging(contender.averaging)] if contender.averaging else []
            if contender.averaging and stage.exists():
                shutil.rmtree(stage)  # an average cannot be resumed
            train(config, stage, resume=(stage / "config.json").exists(), callbacks=callbacks, note=click.echo)
        total += config.total_steps
        init = str(stage / "last.keras")
        keras.backend.clear_session()
    return total, stage


def _write_tables(results: dict[str, Any]) -> None:
    lines = _table(results, FROM_NOTHING)
    going_on = _table(results, GOING_ON)
    if going_on:
        start = ", ".join(f"{results['start'][data]:.3f} on {data}" for data in SETS)
        lines += ["", "## Going on from trained weights", "", f"All from the same ones (`dncnn-s-25`): {start}.", ""]
    write_page(TABLE, "Recipes at equal minutes", HOW, [*lines, *going_on], machine=False)


def _table(results: dict[str, Any], contenders: dict[str, Contender]) -> list[str]:
    """None where nothing was measured."""
    rows = [row for row in results["rows"] if row["name"] in contenders]
    if not rows:
        return []
    rows.sort(key=lambda row: (row["minutes"], list(contenders).index(row["name"])))
    sets = [data for data in SETS if any(data in row for row in rows)]
    machines = dict.fromkeys(row.get("machine", results["machine"]) for row in rows)
    lines = [
        f"On {'; '.join(machines)}:",
        "",
        f"| recipe | minutes | s/step | steps | {' | '.join(sets)} |",
        f"|---|--:|--:|--:|{'--:|' * len(sets)}",
    ]
    for row in rows:
        pace = f"{row['seconds_per_step']:.3f}" if "seconds_per_step" in row else ""
        psnrs = (f"{row[data]:.3f}" if data in row else "" for data in sets)
        cells = (contenders[row["name"]].words, f"{row['minutes']:g}", pace, f"{row['steps']:,}", *psnrs)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
