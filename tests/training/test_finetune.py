"""`dncnn-tf finetune`: it helps on noise that the model was not made for, and refuses pairs that are none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy.ndimage import gaussian_filter

from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import draw_shot

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket")


def correlated_noise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Noise of σ 25 whose neighbouring pixels are alike, as demosaicking or a JPEG camera leaves it."""
    noise = gaussian_filter(rng.standard_normal(shape), 1.0)
    return 25 * noise / noise.std()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for side in ("noisy", "clean", "new-noisy", "new-clean"):
        (folder / side).mkdir()
    for name in PHOTOGRAPHS:
        image = np.asarray(Image.fromarray(getattr(skimage.data, name)()).convert("L"))[50:250, 100:300]
        noisy = np.clip(np.rint(image + correlated_noise(image.shape, rng)), 0, 255).astype(np.uint8)
        prefix = "new-" if name == "camera" else ""
        Image.fromarray(image).save(folder / f"{prefix}clean/{name}.png")
        Image.fromarray(noisy).save(folder / f"{prefix}noisy/{name}.tif")
    return folder


def psnr_of_new_picture(dncnn_tf, pairs: Path, model: str | Path) -> float:
    """In the table it stands behind the input's."""
    done = dncnn_tf("evaluate", "--model", model, "--data", pairs / "new-clean", "--noisy", pairs / "new-noisy")
    assert done.returncode == 0, done.stderr
    return float(re.search(r"average\s+[\d.]+\s+([\d.]+)", done.stdout)[1])


@pytest.mark.slow
def test_it_helps_on_correlated_noise(dncnn_tf, dncnn_tf_here, pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    short = ("--epochs", 2, "--steps-per-epoch", 10, "--patch-size", 32, "--learning-rate", 1e-3)
    done = dncnn_tf("finetune", "--pairs", pairs / "noisy", pairs / "clean", *short, "--output", run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "best.keras")
    assert "started from dncnn-b: validation" in done.stderr
    before, after = psnr_of_new_picture(dncnn_tf_here, pairs, "dncnn-b"), psnr_of_new_picture(dncnn_tf, pairs, run)
    assert after > before + 1


def refused(done: subprocess.CompletedProcess[str], run: Path, text: str) -> None:
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not run.exists()


def test_a_picture_without_its_counterpart(dncnn_tf, pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = dncnn_tf("finetune", "--pairs", pairs / "new-noisy", pairs / "clean", "--output", run)
    refused(done, run, "astronaut.png: there must be exactly one noisy image of the same name")


def test_two_sizes(dncnn_tf_here, pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "noisy").mkdir()
    Image.new("L", (50, 60)).save(tmp_path / "noisy/camera.png")
    done = dncnn_tf_here("finetune", "--pairs", tmp_path / "noisy", pairs / "new-clean", "--output", run)
    refused(done, run, "the two of a pair must have one size. Received: 50x60 and 200x200")


def test_one_pair_alone(dncnn_tf_here, pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = dncnn_tf_here("finetune", "--pairs", pairs / "new-noisy", pairs / "new-clean", "--output", run)
    refused(done, run, "at least 2 images")


@pytest.fixture(scope="module")
def camera_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In colour, with the noise of one simulated camera."""
    folder = tmp_path_factory.mktemp("camera-pairs")
    for side in ("noisy", "clean", "new-noisy", "new-clean"):
        (folder / side).mkdir()
    shot = next(shot for shot in map(draw_shot, map(np.random.default_rng, range(100))) if shot.shot > 5e-3)
    for seed, name in enumerate(("astronaut", "chelsea", "coffee", "rocket")):
        picture = getattr(skimage.data, name)()[50:250, 100:300]
        prefix = "new-" if name == "coffee" else ""
        for side, image in zip(("noisy", "clean"), photograph(picture, shot, np.random.default_rng(seed)), strict=True):
            Image.fromarray(image).save(folder / f"{prefix}{side}/{name}.png")
    return folder


@pytest.mark.slow
def test_in_colour_it_starts_from_the_model_for_photographs_and_ends_higher(
    dncnn_tf, camera_pairs: Path, tmp_path: Path
) -> None:
    ends = {}
    for start in ("auto", "cdncnn-b"):
        run = tmp_path / start
        short = ("--epochs", 1, "--steps-per-epoch", 10, "--patch-size", 40, "--model", start)
        done = dncnn_tf("finetune", "--pairs", camera_pairs / "noisy", camera_pairs / "clean", *short, "--output", run)
        assert done.returncode == 0, done.stderr
        assert f"started from {'dncnn-photo' if start == 'auto' else start}: validation" in done.stderr
        ends[start] = psnr_of_new_picture(dncnn_tf, camera_pairs, run)
    assert ends["auto"] > ends["cdncnn-b"] + 0.3
