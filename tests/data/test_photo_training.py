"""Training on the simulated camera: its patches and batches, and what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from conftest import SMALL
from PIL import Image

from dncnn_tf.config import RECIPES
from dncnn_tf.data.camera import training_pairs
from dncnn_tf.data.camera.training_pairs import region_size, spoiled_patch, spoiled_patches
from dncnn_tf.training.batches import TrainingData

PHOTO = dataclasses.replace(RECIPES["dncnn-photo"], patch_size=24, batch_size=6)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [skimage.data.astronaut()[:192, 128:320], skimage.data.coffee()[100:292, 150:342]]


def whole_levels(patch: np.ndarray) -> bool:
    """Whether it has been in 8 bits."""
    return bool(np.abs(patch * 255 - np.rint(patch * 255)).max() < 1e-3)


class TestPatches:
    def test_white_noise_and_clean_pictures_are_among_them(self, pictures: list[np.ndarray]) -> None:
        region = pictures[0][: region_size(24), : region_size(24)]
        kinds = {"clean": 0, "white": 0, "coded": 0}
        for seed in range(1000):
            noisy, clean = spoiled_patch(region, 24, (5.0, 50.0), rng(seed))
            kinds["clean" if (noisy == clean).all() else "coded" if whole_levels(noisy) else "white"] += 1
        assert 0.03 < kinds["clean"] / 1000 < 0.07
        assert 0.02 < kinds["white"] / 1000 < 0.06

    def test_half_of_the_white_noise_is_saved(
        self, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(training_pairs, "_WHITE_SHARE", 1.0)
        region = pictures[0][: region_size(24), : region_size(24)]
        saved = 0
        for seed in range(100):
            noisy, clean = spoiled_patch(region, 24, (20.0, 20.0), rng(seed))
            saved += whole_levels(noisy)
            assert 8 < ((noisy - clean) * 255).std() < 24
        assert 0.35 < saved / 100 < 0.65

    def test_a_batch_has_the_shape_asked_for(self, pictures: list[np.ndarray]) -> None:
        side = region_size(24)
        assert side % 2 == 0
        noisy, clean = spoiled_patches(np.stack([p[:side, :side] for p in pictures]), 24, (0.0, 55.0), rng())
        assert noisy.shape == clean.shape == (2, 24, 24, 3)
        assert noisy.dtype == clean.dtype == np.float32
        assert clean.min() >= 0
        assert clean.max() <= 1


class TestBatches:
    def test_a_step_repeats_its_batch(self, pictures: list[np.ndarray]) -> None:
        data = TrainingData(pictures, pictures, PHOTO)
        first = [(a.numpy(), b.numpy()) for a, b in data.batches().take(2)]
        (resumed,) = ((a.numpy(), b.numpy()) for a, b in data.batches(first_step=1).take(1))
        np.testing.assert_array_equal(resumed, first[1])
        assert first[0][0].shape == first[0][1].shape == (6, 24, 24, 3)
        assert first[0][0].dtype == np.float32
        assert (first[0][0] != first[1][0]).any()

    def test_validation_is_the_same_each_time(self, pictures: list[np.ndarray]) -> None:
        first, again = ([a.numpy() for a, _ in TrainingData(pictures, pictures, PHOTO).validation()] for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert len(first) == 6


def refused(done, text: str, folder: Path) -> None:
    assert done.returncode == 1
    assert text in done.stderr.splitlines()[-1]
    assert done.stderr.count("error: ") == 1
    assert not folder.exists()


class TestRefusals:
    """One line, exit status 1, nothing written."""

    def test_grey_images(self, dncnn_tf, tmp_path: Path) -> None:
        (tmp_path / "grey").mkdir()
        for i in range(2):
            Image.fromarray(skimage.data.camera()[:150, i * 150 : i * 150 + 150]).save(tmp_path / f"grey/{i}.png")
        options = ("--data", tmp_path / "grey", "--output", tmp_path / "run")
        refused(dncnn_tf("train", "--task", "photo", *SMALL, *options), "all images are grey", tmp_path / "run")

    def test_an_unreadable_file(self, dncnn_tf_here, photographs: Path, tmp_path: Path) -> None:
        (tmp_path / "damaged").mkdir()
        (tmp_path / "damaged/a.png").write_bytes((photographs / "astronaut.png").read_bytes()[:500])
        options = ("--data", tmp_path / "damaged", "--output", tmp_path / "run")
        refused(dncnn_tf_here("train", "--task", "photo", *SMALL, *options), "a.png: cannot be read", tmp_path / "run")

    def test_pictures_smaller_than_a_patch(self, dncnn_tf_here, photographs: Path, tmp_path: Path) -> None:
        options = ("--patch-size", 300, "--data", photographs, "--output", tmp_path / "run")
        refused(dncnn_tf_here("train", "--task", "photo", *options), "shorter side is 200 at most", tmp_path / "run")

    def test_a_grey_model(self, dncnn_tf, tmp_path: Path) -> None:
        done = dncnn_tf("train", "--task", "photo", "--grey", "--output", tmp_path / "run")
        assert done.returncode == 2
        assert "photographs are noisy in color: channels must be 3" in done.stderr
        assert not (tmp_path / "run").exists()
