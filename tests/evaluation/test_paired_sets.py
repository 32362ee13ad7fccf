"""Published sets of which each picture is there twice: what is found, and that evaluation takes the noisy one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.models import trained_like
from PIL import Image

from dncnn_tf.data import datasets
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.models.weights import save_weights


@pytest.fixture
def pairs(monkeypatch, tmp_path: Path) -> Path:
    """PolyU's files for measuring, in pictures of 12×12 pixels: clean ones grey, noisy ones somewhat brighter."""
    for file in datasets.published_sets()["polyu-test"].files:
        path = tmp_path / file.cached
        path.parent.mkdir(parents=True, exist_ok=True)
        level = 100 if path.parent.name == "clean" else 110
        Image.new("RGB", (12, 12), (level, level, level)).save(path, quality=100)
    monkeypatch.setenv("DNCNN_TF_DATA", str(tmp_path))
    return tmp_path


def test_a_set_of_pairs_is_its_clean_pictures(pairs: Path) -> None:
    files = datasets.resolve("polyu-test")
    assert len(files) == 38
    assert {file.parent.name for file in files} == {"clean"}
    assert all((datasets.noisy_folder(file) / file.name).exists() for file in files)
    assert datasets.is_paired("polyu")
    assert not datasets.is_paired("cbsd68")
    assert not datasets.is_paired(str(pairs))


def test_its_parts_share_no_camera() -> None:
    cameras = [
        {file.cached.name.split("_")[0] for file in datasets.published_sets()[name].files}
        for name in ("polyu-tune", "polyu-test")
    ]
    assert not cameras[0] & cameras[1]
    assert len(datasets.published_sets()["polyu"].files) == 200
    assert all("non-commercial" in datasets.published_sets()[name].terms for name in ("polyu", "polyu-test"))


def test_evaluation_restores_the_noisy_pictures(pairs: Path) -> None:
    class Unchanged:
        receptive_radius, channels = 1, 3

        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            return noisy

    result = evaluate(Unchanged(), "polyu-test", *Setting.each("denoise", data="polyu-test"))
    assert len(result.images) == 38
    grey = np.full((4, 4), 100, np.uint8)
    assert result.psnr == pytest.approx(psnr(grey, grey + 10), abs=0.1)


def test_the_command_needs_no_sigma(dncnn_tf, pairs: Path) -> None:
    save_weights(trained_like(channels=3, depth=3, filters=4), pairs / "small.weights.h5", {"name": "small"})
    arguments = ("evaluate", "--model", pairs / "small.weights.h5", "--data", "polyu-test")
    done = dncnn_tf(*arguments, env=os.environ)
    assert done.returncode == 0
    assert "average" in done.stdout
    refused = dncnn_tf(*arguments, "--sigma", 25, env=os.environ)
    assert refused.returncode == 2
    assert "a set of pairs brings its own noise" in refused.stderr
