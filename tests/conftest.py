"""Fixtures that several test files share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from click.testing import CliRunner
from PIL import Image

if TYPE_CHECKING:
    from dncnn_tf.config import TrainConfig

SMALL = ("--depth", 4, "--filters", 8, "--patch-size", 16, "--batch-size", 8, "--precision", "float32")
"""Options of `dncnn-tf train` for a network and batches that take seconds."""

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A shell that runs the tests in the background lets them ignore Ctrl-C, and all that they start, which must not.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis would take a machine that has much else to do for a slow test.
hypothesis.settings.register_profile("any pace", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("any pace")


@pytest.fixture(scope="session")
def dncnn_tf() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command: `dncnn_tf("train", "--sigma", 25, cwd=folder)`."""

    def run(*arguments: object, timeout: float = 240, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=timeout, **options)

    return run


@pytest.fixture
def dncnn_tf_here() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The same in this process, which has imported already what takes seconds: for the many things that are refused."""
    from cli.main import cli

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(cli, [*map(str, arguments)])
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def command(*arguments: object) -> list[str]:
    """The command line that starts the installed `dncnn-tf` of this Python."""
    return [str(Path(sys.executable).with_name("dncnn-tf")), *map(str, arguments)]


def command_after(code: str, *arguments: object) -> list[str]:
    """The same, with some Python run before: it makes a moment certain that on its own comes sooner or later."""
    start = f"{code}\nfrom dncnn_tf.cli.main import main\nmain()\n"
    return [sys.executable, "-P", "-c", start, *map(str, arguments)]


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four real pictures of 200×200 pixels, one of them in colour."""
    import skimage.data

    folder = tmp_path_factory.mktemp("photographs")
    for name in ("camera", "moon", "coins", "astronaut"):
        Image.fromarray(getattr(skimage.data, name)()[:200, :200]).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights file of a small network; files of tests that need another one have a `model` of their own."""
    from helpers.models import trained_like

    from dncnn_tf.models.weights import save_weights

    path = tmp_path_factory.mktemp("model") / "small.weights.h5"
    save_weights(trained_like(depth=3, filters=4), path, {"name": "small"})
    return path


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to train from, with batch normalisation that matters, depth 4, grey: a `.keras` file."""
    from helpers.models import trained_like

    file = tmp_path_factory.mktemp("start") / "start.keras"
    trained_like().save(file)
    return file


@pytest.fixture(scope="session")
def finish(start: Path, photographs: Path) -> TrainConfig:
    """A run of seconds that goes on from there with its statistics."""
    from dncnn_tf.config import ModelConfig, TrainConfig

    return TrainConfig(
        model=ModelConfig(depth=4, filters=8),
        data=str(photographs),
        init=str(start),
        frozen_share=1.0,
        patch_size=16,
        epochs=2,
        steps_per_epoch=4,
        precision="float32",
    )
