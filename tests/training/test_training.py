"""Training: it learns, resumes where it was, gives the same on two devices, and fails in one clear line."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import SMALL, command, command_after
from helpers.waiting import HANGS, wait_for
from PIL import Image

from dncnn_tf.config import PUBLISHED, ModelConfig, TrainConfig, paper_recipe
from dncnn_tf.training.compiling import make_ready, new_model, schedule
from dncnn_tf.training.fit import train

NOISY_PSNR = 20.17  # of σ 25: 10·log10(255² / 25²)


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def weights(file: Path) -> list[np.ndarray]:
    return keras.saving.load_model(file).get_weights()


@pytest.fixture(scope="module")
def uninterrupted(dncnn_tf, tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    options = (*SMALL, "--data", photographs, "--epochs", 4, "--steps-per-epoch", 30, "--learning-rate", 3e-3)
    done = dncnn_tf("train", "--sigma", 25, *options, "--output", run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "best.keras")
    return run


def test_training_learns_to_denoise(uninterrupted: Path) -> None:
    log = rows(uninterrupted)
    assert [row["step"] for row in log] == [30, 60, 90, 120]
    assert log[-1]["val_psnr"] > NOISY_PSNR + 4
    assert log[-1]["loss"] < 0.5 * 10 ** (-NOISY_PSNR / 10)


def test_a_run_folder_holds_what_it_promises(uninterrupted: Path) -> None:
    config = TrainConfig.from_dict(json.loads((uninterrupted / "config.json").read_text()))
    assert (config.sigma, config.model.depth, config.precision) == ((25, 25), 4, "float32")
    result = json.loads((uninterrupted / "result.json").read_text())
    assert result["steps"] == 120
    with Image.open(uninterrupted / "curves.png") as curves:
        assert min(curves.size) > 300
    assert len(list((uninterrupted / "checkpoints").iterdir())) == 2
    assert not list(uninterrupted.rglob("*.tmp*"))
    for name in ("best.keras", "last.keras"):
        assert (
            keras.saving.load_model(uninterrupted / name).count_params() == 64 + 16 + 2 * (8 * 8 * 9 + 32) + 9 * 8 + 1
        )


# As the third checkpoint is there under its temporary name.
KILLED = """
import os, signal
from dncnn_tf import files

take_name = files.take_name

def take_name_or_die(made, target, **options):
    if target.name == "epoch-00003.keras":
        os.kill(os.getpid(), signal.SIGKILL)
    take_name(made, target, **options)

files.take_name = take_name_or_die
"""


def test_a_killed_run_resumes_and_ends_where_an_uninterrupted_one_ends(
    dncnn_tf, uninterrupted: Path, photographs: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    options = (*SMALL, "--data", photographs, "--epochs", 4, "--steps-per-epoch", 30, "--learning-rate", 3e-3)
    arguments = ("train", "--sigma", 25, *options, "--output", run)
    killed = subprocess.run(command_after(KILLED, *arguments), capture_output=True, timeout=2 * HANGS, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (run / "result.json").exists()
    resumed = dncnn_tf(*arguments, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "going on after epoch 2 of 4" in resumed.stderr
    for expected, received in zip(rows(uninterrupted), rows(run), strict=True):
        for name in ("epoch", "step", "loss", "psnr", "val_psnr", "learning_rate"):
            assert received[name] == pytest.approx(expected[name], rel=1e-4), name
    for expected, received in zip(weights(uninterrupted / "last.keras"), weights(run / "last.keras"), strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-4)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(photographs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    endless = ("--epochs", 10**6, "--steps-per-epoch", 5)
    arguments = ("train", "--task", "general", *SMALL, "--data", photographs, *endless, "--output", run)
    process = subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: list(run.glob("checkpoints/epoch-*.keras")), unless=process.poll)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=HANGS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert f"--resume --output {run}" in stderr
    assert not list(run.rglob("*.tmp*"))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(uninterrupted: Path, tmp_path: Path) -> None:
    run, notes = tmp_path / "damaged", []
    shutil.copytree(uninterrupted, run)
    (run / "result.json").unlink()
    newest = run / "checkpoints/epoch-00004.keras"
    newest.write_bytes(newest.read_bytes()[:2000])
    train(None, run, resume=True, note=notes.append)
    damaged, going_on = notes
    assert "epoch-00004.keras: damaged" in damaged
    assert going_on == "going on after epoch 3 of 4"
    assert rows(run)[-1]["val_psnr"] == pytest.approx(rows(uninterrupted)[-1]["val_psnr"], abs=1e-3)


def test_a_checkpoint_is_read_where_nothing_else_was_imported(uninterrupted: Path) -> None:
    script = """
import sys
from pathlib import Path
from dncnn_tf.training.run_folder import Run
print(Run(Path(sys.argv[1])).latest_checkpoint()[1])
"""
    arguments = [sys.executable, "-c", script, str(uninterrupted)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=HANGS, check=False)
    assert done.stdout == "4\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "rate"), [("muon", 1e-3), ("sgd", 1e-1)])
def test_two_devices_train_like_one_with_the_same_global_batch(
    photographs: Path, tmp_path: Path, optimizer: str, rate: float
) -> None:
    """The two in a process of their own: TensorFlow's devices cannot be changed once it runs."""
    script = """
import json, sys, tensorflow as tf
from pathlib import Path
from dncnn_tf.config import TrainConfig
from dncnn_tf.training.fit import train
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
train(TrainConfig.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]), devices=["CPU:0", "CPU:1"])
"""
    config = TrainConfig(
        model=ModelConfig(depth=4, filters=8),
        data=str(photographs),
        patch_size=16,
        batch_size=8,
        epochs=2,
        steps_per_epoch=10,
        precision="float32",
        optimizer=optimizer,
        learning_rate=rate,
    )
    train(config, tmp_path / "1", devices=["CPU:0"])
    arguments = [sys.executable, "-c", script, json.dumps(config.to_dict()), str(tmp_path / "2")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=2 * HANGS, check=False)
    assert done.returncode == 0, done.stderr
    for one, two in zip(rows(tmp_path / "1"), rows(tmp_path / "2"), strict=True):
        for name in ("loss", "psnr", "val_loss", "val_psnr"):
            assert two[name] == pytest.approx(one[name], rel=2e-3), name
    for one, two in zip(weights(tmp_path / "1/last.keras"), weights(tmp_path / "2/last.keras"), strict=True):
        np.testing.assert_allclose(two, one, atol=5e-3)


@pytest.mark.slow
def test_compiled_by_xla_training_is_the_same() -> None:
    """As on a single GPU, where it is switched on."""
    rng = np.random.default_rng(0)
    clean = rng.random((4, 24, 24, 1), np.float32)
    noisy = clean + 0.1 * rng.standard_normal(clean.shape).astype(np.float32)
    trained = []
    for xla in (False, True):
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            config = TrainConfig(model=ModelConfig(depth=4, filters=8), precision="float32", warmup_steps=0)
            model = new_model(config)
            make_ready(model, config, epoch=0)
            model.compile(optimizer=model.optimizer, loss="mse", jit_compile=xla)
        losses = model.fit(
            tf.data.Dataset.from_tensors((noisy, clean)).repeat(), steps_per_epoch=5, epochs=2, verbose=0, shuffle=False
        ).history["loss"]
        assert losses[1] < losses[0]
        trained.append(model.get_weights())
    for expected, received in zip(*trained, strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-4)


def test_a_diverging_run_stops_with_advice(dncnn_tf, photographs: Path, tmp_path: Path) -> None:
    options = (*SMALL, "--no-batch-norm", "--data", photographs, "--learning-rate", 1e12, "--optimizer", "sgd")
    done = dncnn_tf("train", "--sigma", 25, *options, "--schedule", "constant", "--output", tmp_path / "run")
    assert done.returncode == 1
    assert "lower learning rate" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_blind_model_is_trained_by_its_psnr_and_resumes(dncnn_tf, photographs: Path, tmp_path: Path) -> None:
    run = tmp_path / "blind"
    arguments = ("train", "--sigma", "0-55", *SMALL, "--data", photographs, "--epochs", 2, "--steps-per-epoch", 30)
    assert dncnn_tf(*arguments, "--output", run).returncode == 0
    config = json.loads((run / "config.json").read_text())
    assert (config["loss"], config["init"], config["sigma"]) == ("psnr", None, [0, 55])
    before = rows(run)
    for row in before:
        assert row["psnr"] - 1 < -row["loss"] < row["psnr"]  # PSNR counts to 50 dB
    (run / "checkpoints/epoch-00002.keras").unlink()
    notes: list[str] = []
    train(None, run, resume=True, note=notes.append)
    assert notes == ["going on after epoch 1 of 2"]
    assert rows(run)[1]["loss"] == pytest.approx(before[1]["loss"], rel=1e-4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_paper_recipes_are_the_published_ones(name: str) -> None:
    config = paper_recipe(name)
    assert (config.batch_size, config.epochs, config.optimizer, config.weight_decay) == (128, 50, "sgd", 1e-4)
    assert (config.initialization, config.init) == ("he", None)
    assert config.patch_size == (40 if "-s-" in name else 50)
    rate = schedule(config, frozen=False)
    assert float(rate(0)) == pytest.approx(0.1)
    assert float(rate(config.total_steps)) == pytest.approx(1e-4)


def test_the_cosine_schedule_warms_up_and_ends_at_zero() -> None:
    config = TrainConfig()
    rate = schedule(config, frozen=False)
    assert float(rate(0)) == 0
    assert float(rate(50)) == pytest.approx(0.5e-3)
    assert float(rate(100)) == pytest.approx(1e-3)
    assert float(rate(config.total_steps)) == pytest.approx(0, abs=1e-9)


def test_a_configuration_survives_json() -> None:
    config = dataclasses.replace(paper_recipe("dncnn-3"), init="somewhere")
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.slow
def test_the_papers_optimizer_learns_too(photographs: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(
        paper_recipe("dncnn-s-25"),
        model=ModelConfig(depth=4, filters=8),
        data=str(photographs),
        patch_size=24,
        batch_size=16,
        epochs=3,
        steps_per_epoch=100,
    )
    train(config, tmp_path / "run")
    log = rows(tmp_path / "run")
    assert log[-1]["loss"] < 0.5 * log[0]["loss"]
    assert log[-1]["psnr"] > NOISY_PSNR + 1
