"""The models in the box: what they do to pictures, noisy and not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from dncnn_tf import denoise
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.metrics import psnr

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
BLIND = ("dncnn-b", "cdncnn-b")


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
