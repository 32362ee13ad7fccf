"""How rough pictures are, and that int8 is rounded to suit."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from helpers.processor import needs_int8

from dncnn_tf import denoise
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.engines.roughness import ByRoughness, roughness, suited
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.images.arrays import from_float

CAMERA = skimage.data.camera()[None, ..., None].astype(np.float32) / 255
SKY = CAMERA[:, :150, 250:450]


def noisy(clean: np.ndarray, sigma: float) -> np.ndarray:
    return add_gaussian_noise(clean, sigma, np.random.default_rng(0))


@pytest.mark.parametrize("sigma", [5, 15, 50])
def test_of_white_noise_it_is_sigma(sigma: float) -> None:
    slope = np.linspace(0.2, 0.8, 128, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 160, 1), np.float32)
    assert roughness(noisy(slope, sigma)) == pytest.approx(sigma, rel=0.1)
    assert sigma < roughness(noisy(CAMERA, sigma)) < sigma + 4  # and what fine detail there is


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_it_does_not_depend_on_how_numbers_are_stored(dtype: type) -> None:
    image = noisy(SKY, 10).clip(0, 1)
    stored = image.astype(dtype) if dtype is np.float64 else from_float(image, dtype)
    assert roughness(stored) == pytest.approx(roughness(image), rel=0.05)


def test_slopes_are_smooth_and_so_is_what_is_too_small_to_tell() -> None:
    slope = (np.arange(64)[:, None] + 2 * np.arange(70)).astype(np.float32)[None, ..., None] / 255
    assert roughness(slope) == pytest.approx(0, abs=1e-3)
    assert roughness(np.random.default_rng(0).random((1, 2, 9, 3), np.float32)) == 0
    assert roughness(np.random.default_rng(0).random((1, 3, 3, 3), np.float32)) > 0


def test_the_roughest_of_several_counts_and_few_patches_stand_for_all() -> None:
    both = np.concatenate([SKY, noisy(SKY, 20)])
    assert roughness(both) == roughness(both[1:]) > roughness(both[:1]) + 10
    large = np.tile(noisy(CAMERA, 10), (1, 4, 5, 1))
    assert roughness(large) == pytest.approx(roughness(noisy(CAMERA, 10)), rel=0.1)


class Nth:
    """An engine that says which it is."""

    channels, receptive_radius = 1, 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.full_like(images, self.number)


def test_each_picture_gets_the_smoothest_that_is_for_it() -> None:
    engine = ByRoughness([9, 19, 31], 1, 0, Nth)
    for sigma, number in ((0, 0), (15, 1), (26, 2), (60, 2)):
        assert (engine(noisy(SKY, sigma)) == number).all()
    assert suited(engine, noisy(SKY, 15)).number == 1
    other = Nth(7)
    assert suited(other, SKY) is other


@needs_int8
@pytest.mark.parametrize("sigma", [0, 15, 50])
def test_tiles_of_a_picture_are_rounded_alike(sigma: float) -> None:
    """Some are smooth and some rough by themselves."""
    levels = from_float(noisy(CAMERA[:, :160, :200], sigma), np.uint8)[0, ..., 0]
    engine = open_engine("dncnn-b", precision="int8")
    parts = denoise(levels, engine, tile=48).astype(int)
    assert np.abs(parts - denoise(levels, engine, tile=0)).max() <= 1


@needs_int8
@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_colour_in_int8_loses_little_at_any_noise(sigma: float) -> None:
    clean = skimage.data.astronaut()[None, 100:300, 100:300].astype(np.float32) / 255
    degraded = noisy(clean, sigma)
    exact, rounded = (open_engine("cdncnn-b", engine="openvino", precision=each) for each in ("float32", "int8"))
    loss = psnr(clean, exact(degraded), peak=1) - psnr(clean, rounded(degraded), peak=1)
    assert loss < 0.15
