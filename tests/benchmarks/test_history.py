"""What a card says of the runs that made a model: all of them, as commands that repeat them."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.release import publish
from benchmarks.release.history import command, folder_of, history, runs_of
from cli.commands.train import train
from dncnn_tf import OptionError, read_card, shipped_models, train_config
from dncnn_tf.config import RECIPES, ModelConfig, TrainConfig, finishing_recipe
from dncnn_tf.models import cards
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


def test_a_model_that_goes_on_from_itself_in_the_box_has_the_runs_of_both(tmp_path: Path) -> None:
    config = dataclasses.replace(finishing_recipe("dncnn-s-15"), data="cbsd432", epochs=60)
    before = runs_of(read_card("dncnn-s-15"))
    *earlier, last = history(run_of(tmp_path / "a", config, 72), "a machine")
    assert earlier == before
    assert last["init"] == folder_of("dncnn-s-15", len(before))
    words = shlex.split(last["command"])
    assert words[words.index("--init") + 1] == last["init"]


def test_another_model_in_the_box_is_where_the_story_begins(tmp_path: Path) -> None:
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


FINISH = dataclasses.replace(
    finishing_recipe("dncnn-b"), data="cbsd432", init="runs/dncnn-b", learning_rate=2e-4, patch_size=96, seed=3
)


@pytest.mark.parametrize(
    ("config", "output"),
    [
        (FINISH, folder_of("dncnn-b", 2)),
        (FINISH, folder_of("dncnn-b", 3)),
        (dataclasses.replace(FINISH, quantization_aware=True), folder_of("dncnn-b", 3)),
        (
            dataclasses.replace(RECIPES["dncnn-s-15"], data="train400", model=ModelConfig(batch_norm=False)),
            folder_of("dncnn-s-15", 1),
        ),
    ],
)
def test_the_commands_mean_what_they_repeat(monkeypatch: pytest.MonkeyPatch, config: TrainConfig, output: str) -> None:
    """Read by the command line itself, they give the configuration back."""
    words = shlex.split(command(config, output))
    assert words[:2] == ["dncnn-tf", "train"]
    received = []
    monkeypatch.setattr("cli.commands.train.run", lambda start, output: received.append((start.args[0], output)))
    done = CliRunner().invoke(train, words[2:])
    assert done.exit_code == 0, done.output
    assert received == [(config, Path(output))]


def test_what_started_from_a_model_that_is_replaced_names_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in shipped_models():
        (tmp_path / f"{name}.json").write_text(json.dumps(read_card(name)))
    starts = {name: runs_of(read_card(name))[0]["init"] for name in shipped_models()}
    replaced = starts["dncnn-photo"]
    for module in (cards, publish):
        monkeypatch.setattr(module, "PRETRAINED", tmp_path)
    run = folder_of(replaced, len(runs_of(read_card(replaced))))
    publish.name_the_start(replaced, run)
    for name, start in starts.items():
        first = runs_of(read_card(name))[0]
        assert first["init"] == (run if start == replaced else start)
        assert (f"--init {run}" in read_card(name)["command"]) == (start in (replaced, run))


def test_a_start_that_was_named_gives_way_to_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with two starts would leave it to the reader which one counts."""
    for name in shipped_models():
        card = read_card(name)
        runs = runs_of(card)
        if name == "dncnn-photo":
            runs[0] |= {"init": "cdncnn-b", "command": "dncnn-tf train --recipe dncnn-photo --init cdncnn-b --epochs 3"}
        (tmp_path / f"{name}.json").write_text(json.dumps(card | {"runs": runs}))
    for module in (cards, publish):
        monkeypatch.setattr(module, "PRETRAINED", tmp_path)
    publish.name_the_start("cdncnn-b", "runs/mine")
    first = runs_of(read_card("dncnn-photo"))[0]
    assert first["command"] == "dncnn-tf train --recipe dncnn-photo --epochs 3 --init runs/mine"


@pytest.mark.parametrize("name", shipped_models())
def test_every_card_has_its_runs(name: str) -> None:
    card = read_card(name)
    for run in runs_of(card):
        assert run["steps"] == run["curve"][-1]["step"]
        assert run["hours"] > 0
    for each in card["command"].split(" && "):
        assert each.count("--init ") <= 1
        assert train_config(recipe=each.split()[3]).name.removesuffix("-finish") == name
