"""A run that goes on for more or fewer epochs than it was started for has the rate of the new schedule."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from dncnn_tf.config import ModelConfig, TrainConfig
from dncnn_tf.models.batch_norm import is_frozen
from dncnn_tf.training.compiling import schedule
from dncnn_tf.training.fit import train
from dncnn_tf.training.run_folder import RunError

CONFIG = TrainConfig(
    model=ModelConfig(depth=4, filters=8), patch_size=16, epochs=4, steps_per_epoch=10, precision="float32"
)


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def config_of(run: Path) -> TrainConfig:
    return TrainConfig.from_dict(json.loads((run / "config.json").read_text()))


class Rates(keras.callbacks.Callback):
    """The rate of every step, as the optimizer has it when it has done the step."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train(dataclasses.replace(CONFIG, data=str(photographs)), folder)
    return folder


@pytest.fixture
def stopped(finished: Path, tmp_path: Path) -> Path:
    """The same run, stopped after three of its four epochs."""
    run = Path(shutil.copytree(finished, tmp_path / "stopped"))
    (run / "checkpoints/epoch-00004.keras").unlink()
    (run / "result.json").unlink()
    return run


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        ("cosine", False),
        pytest.param("exponential", True, marks=pytest.mark.slow),
        pytest.param("constant", True, marks=pytest.mark.slow),
    ],
)
def test_the_rate_is_that_of_the_new_schedule(photographs: Path, tmp_path: Path, kind: str, again: bool) -> None:
    """Whether the configuration is given again, as with a recipe that has grown, or the epochs alone."""
    config = dataclasses.replace(CONFIG, data=str(photographs), epochs=2, schedule=kind)
    train(config, tmp_path / "run")
    longer = dataclasses.replace(config, epochs=6)
    seen, notes = Rates(), []
    given = {"config": longer} if again else {"config": None, "epochs": 6}
    train(**given, output=tmp_path / "run", resume=True, callbacks=[seen], note=notes.append)
    rate = schedule(longer, frozen=False)
    expected = [float(rate(step)) if callable(rate) else rate for step in range(21, 61)]
    assert seen.rates == pytest.approx(expected, abs=1e-9)
    assert config_of(tmp_path / "run") == longer
    assert [row["step"] for row in rows(tmp_path / "run")] == [10, 20, 30, 40, 50, 60]
    assert sum("the learning rate is that of 6 epochs from here on, not of 2" in line for line in notes) == 1


def test_with_the_same_epochs_nothing_changes(finished: Path, stopped: Path) -> None:
    notes: list[str] = []
    train(None, stopped, resume=True, epochs=4, note=notes.append)
    assert notes == ["going on after epoch 3 of 4"]
    for name in ("epoch", "step", "loss", "psnr", "val_psnr", "learning_rate"):
        assert [row[name] for row in rows(stopped)] == [row[name] for row in rows(finished)], name
    for a, b in zip(
        *(keras.saving.load_model(run / "last.keras").get_weights() for run in (stopped, finished)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_fewer_epochs_than_are_done_are_refused(stopped: Path) -> None:
    before = (stopped / "config.json").read_text()
    with pytest.raises(RunError, match="3 epochs are done already; give `epochs` of at least that"):
        train(None, stopped, resume=True, epochs=2)
    assert (stopped / "config.json").read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("done", "live_epochs"),
    [pytest.param(1, 4, id="before the statistics are fixed"), pytest.param(3, 3, id="when they are")],
)
def test_statistics_that_are_fixed_stay_so(photographs: Path, tmp_path: Path, done: int, live_epochs: int) -> None:
    """Of four epochs half are frozen; the run is stopped in one of the halves and goes on for eight or for six."""
    run = tmp_path / "run"
    config = dataclasses.replace(CONFIG, data=str(photographs), frozen_share=0.5)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            if epoch == done:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, run, callbacks=[Stop()])
    frozen = {}

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            frozen[epoch] = is_frozen(self.model)

    seen = Rates()
    train(None, run, resume=True, epochs=8, callbacks=[Watch(), seen])
    switch = config_of(run).live_epochs
    assert switch == (4 if done < 2 else 2)
    assert frozen == {epoch: epoch >= switch for epoch in range(done, 8)}
    now = config_of(run)
    expected = [
        float(schedule(now, frozen=step > 10 * switch)(step - 10 * switch * (step > 10 * switch)))
        for step in range(10 * done + 1, 81)
    ]
    assert seen.rates == pytest.approx(expected, abs=1e-9)


def test_the_command(dncnn_tf: Callable, dncnn_tf_here: Callable, stopped: Path) -> None:
    done = dncnn_tf("train", "--resume", "--output", stopped, "--epochs", 5)
    assert done.returncode == 0, done.stderr
    assert "the learning rate is that of 5 epochs from here on, not of 4" in done.stderr
    assert config_of(stopped).epochs == 5
    refused = dncnn_tf_here("train", "--resume", "--output", stopped, "--epochs", 2)
    assert refused.returncode == 1
    assert "give --epochs of at least that" in refused.stderr
