"""What a card says of the runs that made a model: all of them, as commands that repeat them."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.quality.training_curves import runs_of
from benchmarks.release.history import command, history
from cli.commands.train import train
from dncnn_tf import OptionError, read_card, shipped_models, train_config
from dncnn_tf.config import RECIPES, ModelConfig, TrainConfig, finishing_recipe
from dncnn_tf.training.run_folder import LOG_FIELDS, Run


def run_of(folder: Path, config: TrainConfig, seconds: float) -> Path:
    """A folder as a finished run leaves it, but for the models."""
    folder.mkdir()
    run = Run(folder)
    run.write_config(dataclasses.replace(config, precision="bfloat16"))
    epochs = range(1, config.epochs + 1)
    rows = [dict.fromkeys(LOG_FIELDS, 28.0) | {"step": e * config.steps_per_epoch, "seconds": seconds} for e in epochs]
    run.write_log(rows)
    return folder


def test_two_runs_are_both_on_the_card(tmp_path: Path) -> None:
    first = run_of(tmp_path / "a", dataclasses.replace(RECIPES["dncnn-s-25"], data="train400"), 36)
    second = dataclasses.replace(finishing_recipe("dncnn-s-25"), data="train400+cbsd432", epochs=60)
    folder = run_of(tmp_path / "b", dataclasses.replace(second, init=str(first)), 72)
    runs = history(folder, "a machine")
    assert [run["command"] for run in runs] == [
        "dncnn-tf train --recipe dncnn-s-25 --data train400",
        "dncnn-tf train --recipe dncnn-s-25-finish --data train400+cbsd432 --epochs 60 --init runs/dncnn-s-25",
    ]
    assert [(run["steps"], run["hours"], run["init"]) for run in runs] == [
        (20_000, 0.4, None),
        (30_000, 1.2, "runs/dncnn-s-25"),
    ]
    assert all(run["curve"][-1] == {"step": run["steps"], "psnr": 28.0, "val_psnr": 28.0} for run in runs)
    of_a_model = dataclasses.replace(second, init=str(first / "last.keras"))
    assert len(history(run_of(tmp_path / "c", of_a_model, 1), "a machine")) == 2


def test_a_model_in_the_box_is_where_the_story_begins(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "a", dataclasses.replace(RECIPES["dncnn-s-15"], data="train400"), 36)
    (run,) = history(folder, "a machine")
    assert (run["command"], run["init"]) == ("dncnn-tf train --recipe dncnn-s-15 --data train400", "dncnn-s-25")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"frozen_share": 0.5}, "not one of the recipe dncnn-s-25"),
        ({"model": ModelConfig(depth=5)}, "not one of the recipe dncnn-s-25"),
        ({"sigma": (20.0, 20.0)}, "not one of the recipe dncnn-s-25"),
        ({"data": "sample"}, "only published sets"),
        ({"init": "elsewhere.keras"}, "from a model in the box or from a run"),
    ],
)
def test_what_no_command_repeats_is_not_shipped(tmp_path: Path, changes: dict, text: str) -> None:
    config = dataclasses.replace(RECIPES["dncnn-s-25"], data="train400")
    with pytest.raises(OptionError, match=text):
        history(run_of(tmp_path / "a", dataclasses.replace(config, **changes), 1), "a machine")


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(
            finishing_recipe("dncnn-b"), data="cbsd432", init="runs/dncnn-b", learning_rate=2e-4, patch_size=96, seed=3
        ),
        dataclasses.replace(RECIPES["dncnn-s-15"], data="train400", model=ModelConfig(batch_norm=False)),
    ],
)
def test_the_commands_mean_what_they_repeat(monkeypatch: pytest.MonkeyPatch, config: TrainConfig) -> None:
    """Read by the command line itself, they give the configuration back."""
    words = shlex.split(command(config))
    assert words[:2] == ["dncnn-tf", "train"]
    received = []
    monkeypatch.setattr("cli.commands.train.run", lambda start, output: received.append((start.args[0], output)))
    done = CliRunner().invoke(train, words[2:])
    assert done.exit_code == 0, done.output
    assert received == [(config, Path("runs") / config.name)]


@pytest.mark.parametrize("name", shipped_models())
def test_every_card_has_its_runs(name: str) -> None:
    card = read_card(name)
    for run in runs_of(card):
        assert run["steps"] == run["curve"][-1]["step"]
        assert run["hours"] > 0
    for each in card["command"].split(" && "):
        assert train_config(recipe=each.split()[3]).name.removesuffix("-finish") == name
