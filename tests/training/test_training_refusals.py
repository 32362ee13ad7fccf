"""What `dncnn-tf train` refuses: one line, exit 1 (usage: 2), nothing lost."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import SMALL
from PIL import Image


@pytest.fixture(scope="module")
def finished(dncnn_tf, tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    run = tmp_path_factory.mktemp("runs") / "finished"
    options = (*SMALL, "--data", photographs, "--epochs", 2, "--steps-per-epoch", 2)
    assert dncnn_tf("train", "--sigma", 25, *options, "--output", run).returncode == 0
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def refused(done: subprocess.CompletedProcess[str], text: str, status: int = 1) -> None:
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_with_a_run(dncnn_tf, run: Path) -> None:
    before = sorted(run.rglob("*"))
    refused(
        dncnn_tf("train", "--sigma", 25, "--output", run),
        "not empty; give another --output, or go on with the run there: dncnn-tf train with --resume\n",
    )
    assert sorted(run.rglob("*")) == before


def test_a_folder_in_use(dncnn_tf_here, run: Path) -> None:
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(dncnn_tf_here("train", "--resume", "--output", run), "in use by another training")


def test_a_damaged_configuration(dncnn_tf_here, run: Path) -> None:
    (run / "config.json").write_text('{"model": ')
    refused(dncnn_tf_here("train", "--resume", "--output", run), "config.json: damaged")


def test_only_damaged_checkpoints(dncnn_tf_here, run: Path) -> None:
    for file in (run / "checkpoints").iterdir():
        file.write_bytes(b"PK\x03\x04 nothing")
    refused(dncnn_tf_here("train", "--resume", "--output", run), "every checkpoint is damaged")


def test_resuming_something_else(dncnn_tf_here, run: Path) -> None:
    done = dncnn_tf_here("train", "--sigma", 50, "--resume", "--output", run)
    refused(done, "sigma is [25.0, 25.0], not [50.0, 50.0]".replace("[", "(").replace("]", ")"))


def test_a_start_that_does_not_fit(dncnn_tf_here, run: Path, photographs: Path, tmp_path: Path) -> None:
    options = ("--filters", 16, "--depth", 5, "--data", photographs, "--init", run, "--output", tmp_path / "new")
    refused(dncnn_tf_here("train", "--sigma", 25, *options), "a model can start from one that has the same")
    assert not (tmp_path / "new").exists()


def test_patches_larger_than_the_images(dncnn_tf_here, photographs: Path, tmp_path: Path) -> None:
    options = ("--patch-size", 300, "--data", photographs, "--output", tmp_path / "new")
    refused(dncnn_tf_here("train", "--sigma", 25, *options), "shorter side is 200 at most")
    assert not (tmp_path / "new").exists()


def test_validation_images_of_a_few_pixels(dncnn_tf_here, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "tiny/a.png")
    options = ("--data", photographs, "--validation-data", tmp_path / "tiny", "--output", tmp_path / "new")
    refused(dncnn_tf_here("train", "--sigma", 25, *options), "at least 12 pixels wide and high")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--sigma", "-3"), "from 0 to 255"),
        (("--sigma", "256"), "from 0 to 255"),
        (("--sigma", "loud"), "not a number"),
        (("--sigma", "30-20"), "low to high"),
        (("--sigma", "nan"), "from 0 to 255"),
        ((), "say what to train"),
        (("--recipe", "dncnn-s-15", "--depth", 5), "starts from dncnn-s-25, so its network is fixed"),
        (("--task", "general", "--color"), "channels must be 1"),
        (("--resume",), "--output DIR"),
    ],
)
def test_usage(dncnn_tf, tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    refused(dncnn_tf("train", *arguments, cwd=tmp_path), text, status=2)
    assert not list(tmp_path.iterdir())
