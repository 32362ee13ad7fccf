"""Which recipe learns most in the same time? DnCNN-S at σ 25, mean PSNR on BSD68 after equal minutes.

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.recipes --minutes 5

First the duration of every contender's training step is measured, all of them in turn, with nothing else running;
then each trains for as many steps as fit into the minutes at that pace, its schedule spanning them, so that other work
on the machine meanwhile changes nothing. Interrupted, it goes on where it was. Results: recipes.json, recipes.md.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import keras
import numpy as np

from benchmarks.common.machine import describe_machine
from dncnn_tf.config import TrainConfig
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import atomic_path, write_json
from dncnn_tf.models.weights import load_model
from dncnn_tf.training.compiling import new_model
from dncnn_tf.training.fit import train

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "recipes.json", HERE / "recipes.md"
EPOCHS = 10
ROUNDS, STEPS_A_ROUND = 3, 4

DEFAULT = TrainConfig(data="train400", precision="bfloat16", epochs=EPOCHS)


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        words: what it is.
        config: the training, but for its length.
        shallow: a depth to train first, at a constant rate and for `share` of the time; it is then grown.
        share: of the minutes that the shallow model gets.
        averaging: of each step, the share of the old averaged weights that is kept; None to use the last weights.
    """

    words: str
    config: TrainConfig = DEFAULT
    shallow: int | None = None
    share: float = 0.4
    averaging: float | None = None


CONTENDERS = {
    "adam-he": Contender(
        "Adam from He's initialisation", dataclasses.replace(DEFAULT, optimizer="adam", initialization="he")
    ),
    "adam": Contender("Adam from the identity", dataclasses.replace(DEFAULT, optimizer="adam")),
    "muon": Contender("**Muon from the identity: the default recipe**"),
    "muon-half": Contender("… at half the rate", dataclasses.replace(DEFAULT, learning_rate=5e-4)),
    "muon-large": Contender("… batches of 16×64²", dataclasses.replace(DEFAULT, batch_size=16)),
    "muon-small": Contender("… batches of 32×32²", dataclasses.replace(DEFAULT, batch_size=32, patch_size=32)),
    "muon-psnr": Contender("… each patch's PSNR as the loss", dataclasses.replace(DEFAULT, loss="psnr")),
    "muon-averaged": Contender(
        "… constant rate, averaged weights (EMA 0.998)",
        dataclasses.replace(DEFAULT, schedule="constant"),
        averaging=0.998,
    ),
    "muon-grown": Contender("… depth 9 for 40 % of the time, then grown to 17", shallow=9),
}


@click.command()
@click.option("--minutes", type=float, default=5.0, show_default=True, help="Training time for each.")
@click.option("--only", type=click.Choice(list(CONTENDERS)), multiple=True, help="These alone; all by default.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/recipes"), show_default=True)
def main(minutes: float, only: tuple[str, ...], runs: Path) -> None:
    """Train every contender for as long as the others and write the table."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": []}
    wanted = [name for name in only or CONTENDERS if not _row(results, name, minutes)]
    paces = runs / "step_seconds.json"
    runs.mkdir(parents=True, exist_ok=True)
    seconds = json.loads(paces.read_text(encoding="utf-8")) if paces.exists() else {}
    if any(_key(config) not in seconds for name in wanted for config in _stages(CONTENDERS[name])):
        stages = {_key(config): config for contender in CONTENDERS.values() for config in _stages(contender)}
        seconds = _step_seconds(stages)
        write_json(paces, seconds)
    for name in wanted:
        contender = CONTENDERS[name]
        steps, folder = _train(contender, minutes, seconds, runs / f"{name}-{minutes:g}")
        psnr = evaluate(load_model(folder / "last.keras"), "bsd68", Setting("denoise", 25)).psnr
        row = {"name": name, "minutes": minutes, "steps": steps, "bsd68": round(psnr, 3)}
        row["seconds_per_step"] = seconds[_key(contender.config)]
        click.echo(row)
        results["rows"].append(row)
        results |= {"machine": describe_machine(), "versions": versions()}
        write_json(RESULTS, results)
        _write_table(results)


class Averaging(keras.callbacks.Callback):
    """Keeps an exponential moving average of the weights, which takes their place when training ends."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start with the weights as they are."""
        self.average = [np.array(weights) for weights in self.model.trainable_weights]

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the average a little towards the weights."""
        for average, weights in zip(self.average, self.model.trainable_weights, strict=True):
            average += (1 - self.momentum) * (np.array(weights) - average)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Use the average."""
        for average, weights in zip(self.average, self.model.trainable_weights, strict=True):
            weights.assign(average)


def _row(results: dict, name: str, minutes: float) -> dict | None:
    return next((row for row in results["rows"] if (row["name"], row["minutes"]) == (name, minutes)), None)


def _stages(contender: Contender) -> list[TrainConfig]:
    """One configuration, or the shallow one and the deep one."""
    if contender.shallow is None:
        return [contender.config]
    model = dataclasses.replace(contender.config.model, depth=contender.shallow)
    return [dataclasses.replace(contender.config, model=model, schedule="constant"), contender.config]


def _key(config: TrainConfig) -> str:
    """What the duration of a step depends on."""
    return f"{config.optimizer} depth {config.model.depth} batch {config.batch_size} patch {config.patch_size}"


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
    shape = (config.batch_size, config.patch_size, config.patch_size, config.model.channels)
    clean = np.random.default_rng(0).random(shape, np.float32)
    return lambda: model.train_on_batch(clean, clean)


def _train(contender: Contender, minutes: float, seconds: dict[str, float], folder: Path) -> tuple[int, Path]:
    """Train the stages one after another; the steps of all, and the last one's run folder."""
    stages = _stages(contender)
    shares = [1.0] if len(stages) == 1 else [contender.share, 1 - contender.share]
    total, init = 0, None
    for i, (config, share) in enumerate(zip(stages, shares, strict=True)):
        steps = round(60 * minutes * share / seconds[_key(config)] / EPOCHS)
        config = dataclasses.replace(config, steps_per_epoch=max(1, steps), init=init)
        stage = folder / str(i)
        if not (stage / "result.json").exists():
            callbacks = [Averaging(contender.averaging)] if contender.averaging else []
            if contender.averaging and stage.exists():
                shutil.rmtree(stage)  # an average cannot be resumed
            train(config, stage, resume=(stage / "config.json").exists(), callbacks=callbacks, note=click.echo)
        total += config.total_steps
        init = str(stage / "last.keras")
        keras.backend.clear_session()
    return total, folder / str(len(stages) - 1)


def _write_table(results: dict) -> None:
    lines = [
        "# Recipes at equal minutes",
        "",
        "DnCNN-S, σ 25, `train400`, bfloat16; mean PSNR on BSD68 in dB. One run each; made by",
        "`DNCNN_TF_DATA=DIR python -m benchmarks.quality.recipes --minutes N`, which says how, on",
        f"{results['machine']}.",
        "",
        "| recipe | minutes | s/step | steps | BSD68 |",
        "|---|--:|--:|--:|--:|",
    ]
    for minutes in sorted({row["minutes"] for row in results["rows"]}):
        for name, contender in CONTENDERS.items():
            row = _row(results, name, minutes)
            if row:
                cells = (f"{minutes:g}", f"{row['seconds_per_step']:.3f}", f"{row['steps']:,}", f"{row['bsd68']:.2f}")
                lines.append(f"| {contender.words} | {' | '.join(cells)} |")
    with atomic_path(TABLE) as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
