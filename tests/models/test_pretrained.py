"""The models in the box: what they do to pictures, noisy and not."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from dncnn_tf import deblock, denoise, upscale
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.images.arrays import from_float

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
ROOT = Path(__file__).parents[2]
BLIND = ("dncnn-b", "cdncnn-b", "dncnn-3")


def crop(name: str, model: str) -> np.ndarray:
    """Part of a photograph, float32 in [0, 1], grey or colour as the model."""
    image = Image.open(PHOTOGRAPHS / name).convert("RGB" if model.startswith("c") else "L")
    return np.asarray(image)[50:242, 60:252].astype(np.float32) / 255


@pytest.mark.parametrize("model", BLIND)
@pytest.mark.parametrize(("sigma", "gain"), [(10, 2), (25, 6), (50, 9)])
@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_blind_models_remove_noise_of_any_level(model, sigma, gain, name):
    clean = crop(name, model)
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(1))
    assert psnr(clean, denoise(noisy, model), peak=1) > psnr(clean, noisy, peak=1) + gain


@pytest.mark.parametrize("model", BLIND)
def test_blind_models_leave_flat_pictures_alone(model):
    for level in (0, 0.5, 1):
        flat = np.full((40, 60, 3 if model.startswith("c") else 1), level, np.float32)
        assert np.abs(denoise(flat, model) - flat).max() < 2 / 255


@pytest.mark.parametrize(("sigma", "gain"), [(5, 0.8), (15, 3.5), (25, 4), (50, 3)])
@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_the_model_for_photographs_removes_white_noise_that_jpeg_has_coloured(sigma, gain, name):
    clean, coded = crop(name, "cdncnn-b"), io.BytesIO()
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(1))
    Image.fromarray(from_float(noisy, np.uint8)).save(coded, "JPEG", quality=90)
    noisy = np.asarray(Image.open(coded))
    clean = from_float(clean, np.uint8)
    assert psnr(clean, denoise(noisy, "dncnn-photo")) > psnr(clean, noisy) + gain


@pytest.mark.parametrize("name", ["coffee.png", "astronaut.png"])
@pytest.mark.parametrize(("scale", "gain"), [(2, 1), (3, 0.8), (4, 0.6)])
def test_the_general_model_upscales_better_than_bicubic(name, scale, gain):
    clean = Image.open(PHOTOGRAPHS / name).crop((60, 48, 252, 240))
    small = clean.resize((192 // scale, 192 // scale), Image.Resampling.BICUBIC)
    scores = {
        kind: psnr(np.asarray(clean), np.asarray(large))
        for kind, large in (
            ("bicubic", small.resize(clean.size, Image.Resampling.BICUBIC)),
            ("ours", upscale(small, scale)),
        )
    }
    assert scores["ours"] > scores["bicubic"] + gain


@pytest.mark.parametrize("name", ["coffee.png", "astronaut.png"])
@pytest.mark.parametrize("quality", [10, 20, 40, 60])
def test_the_general_model_takes_blocks_away(name, quality):
    clean, coded = Image.open(PHOTOGRAPHS / name).crop((60, 48, 252, 240)).convert("L"), io.BytesIO()
    clean.save(coded, "JPEG", quality=quality)
    blocky = Image.open(coded)
    before, after = (psnr(np.asarray(clean), np.asarray(image)) for image in (blocky, deblock(blocky)))
    assert after > before + 0.5


def test_figure_12(tmp_path):
    """One picture spoiled in six ways: the one model improves each region."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.paper.figure12", "--output", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    gains = [
        float(line.split("|")[-2])
        for line in done.stdout.splitlines()
        if line.startswith(("| noise", "| super", "| JPEG"))
    ]
    assert len(gains) == 6
    assert min(gains) > 0
    assert Image.open(tmp_path / "figure12.png").size == (1008, 504)
