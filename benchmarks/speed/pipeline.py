"""Does the data pipeline keep up? Patches per second that it makes and that training uses, for each recipe.

    python -m benchmarks.speed.pipeline --data train400

The pipeline and the training step are measured in turn, several times; the medians are shown.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Callable

import click
import keras
import numpy as np

from dncnn_tf.config import RECIPES, TrainConfig
from dncnn_tf.data import datasets
from dncnn_tf.training.batches import TrainingData
from dncnn_tf.training.compiling import make_ready, new_model

ROUNDS = 3


@click.command()
@click.option("--data", default="sample", show_default=True, help="A published set or a folder.")
@click.option("--seconds", default=4.0, show_default=True, help="Length of one measurement.")
def main(data: str, seconds: float) -> None:
    """Print a table: recipe, patches per second that the pipeline makes and that training uses."""
    click.echo(f"{os.cpu_count()} CPUs, keras {keras.__version__}, data {data}, batch {TrainConfig().batch_size}")
    click.echo("| recipe | pipeline, patches/s | training, patches/s | pipeline / training |\n|---|--:|--:|--:|")
    for name in ("dncnn-s-25", "dncnn-b", "cdncnn-b", "dncnn-3"):
        config = dataclasses.replace(RECIPES[name], data=data)
        makes, uses = measure(config, seconds)
        click.echo(f"| {name} | {makes:,.0f} | {uses:,.1f} | {makes / uses:,.0f}× |")


def measure(config: TrainConfig, seconds: float) -> tuple[float, float]:
    """Patches per second of the pipeline alone and of training steps on a batch that is there already."""
    images = datasets.load(config.data, config.model.channels)
    batches = iter(TrainingData(images, images, config).batches())
    model = new_model(config)
    make_ready(model, config, epoch=0)
    noisy, clean = (np.asarray(part) for part in next(batches))
    step = lambda: model.train_on_batch(noisy, clean)  # noqa: E731
    step()
    makes, uses = [], []
    for _ in range(ROUNDS):
        makes.append(rate(lambda: next(batches), seconds))
        uses.append(rate(step, seconds))
    return config.batch_size * statistics.median(makes), config.batch_size * statistics.median(uses)


def rate(work: Callable[[], object], seconds: float) -> float:
    """Calls per second."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
