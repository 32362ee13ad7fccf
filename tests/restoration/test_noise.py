"""The noise estimate against a known truth and an independent implementation."""

from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import restoration
from skimage.data import camera

from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.restoration.noise import Noise, estimate_noise, estimate_sigma

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
@pytest.mark.parametrize("name", ["camera.png", "coffee.png", "chelsea.png"])
def test_estimate_is_near_the_noise_that_was_added(name, sigma):
    clean = np.asarray(Image.open(PHOTOGRAPHS / name), np.float32) / 255
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(0))
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.05, abs=2)


@pytest.mark.parametrize("shape", [(48, 48), (47, 59), (33, 101), (5, 9)])
def test_a_small_image_is_measured_as_scikit_image_does(shape):
    image = np.random.default_rng(1).random(shape, np.float32)
    assert estimate_noise(image) == Noise(pytest.approx(restoration.estimate_sigma(image) * 255, rel=1e-4))


def smoothed_noise(shape, sigma, radius):
    noise = gaussian_filter(np.random.default_rng(2).standard_normal(shape), radius)
    return noise * (sigma / 255 / noise.std())


@pytest.mark.parametrize("radius", [0.5, 1.0])
@pytest.mark.parametrize("sigma", [6, 20])
@pytest.mark.parametrize("name", ["camera.png", "coffee.png", "astronaut.png"])
def test_smoothed_noise_is_found_to_be_correlated(name, sigma, radius):
    clean = np.asarray(Image.open(PHOTOGRAPHS / name).convert("L"), np.float32) / 255
    noise = estimate_noise(np.clip(clean + smoothed_noise(clean.shape, sigma, radius), 0, 1))
    assert noise.correlated
    assert 0.6 * sigma < noise.sigma < 1.1 * sigma  # a block's own surface, taken away, holds some of it


def test_correlation_is_that_of_the_noise():
    grey = np.full((512, 512), 0.5, np.float32)
    white = estimate_noise(add_gaussian_noise(grey, 20, np.random.default_rng(0)))
    assert white.correlation == pytest.approx(0, abs=0.06)
    noise = smoothed_noise(grey.shape, 20, 0.5)
    expected = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    # A block's own surface is taken away, and with it some of what neighbours have in common.
    assert expected - 0.12 < estimate_noise(grey + noise).correlation < expected


@pytest.mark.parametrize("sigma", [0, 5, 15, 50])
@pytest.mark.parametrize("name", ["camera.png", "coffee.png", "chelsea.png", "brick.png"])
def test_texture_and_white_noise_are_not(name, sigma):
    clean = np.asarray(Image.open(PHOTOGRAPHS / name).convert("L"), np.float32) / 255
    assert not estimate_noise(np.clip(add_gaussian_noise(clean, sigma, np.random.default_rng(0)), 0, 1)).correlated


def test_clipped_and_flat_parts_do_not_count():
    noisy = add_gaussian_noise(np.full((256, 256), 0.5, np.float32), 10, np.random.default_rng(0))
    framed = np.pad(noisy, 64)  # black
    framed = np.pad(framed, 64, constant_values=0.3)
    assert estimate_sigma(framed) == pytest.approx(10, rel=0.12)


def test_a_large_image_is_measured_in_parts_of_it():
    noisy = add_gaussian_noise(np.full((3000, 2500), 0.5, np.float32), 10, np.random.default_rng(0))
    assert estimate_sigma(noisy) == pytest.approx(estimate_sigma(noisy[:1000, :1000]), rel=0.02)


def test_type_and_scale_of_the_image_do_not_matter():
    image = camera()[:200, :300]
    expected = estimate_sigma(image)
    assert estimate_sigma(image.astype(np.uint16) * 257) == pytest.approx(expected, rel=1e-4)
    assert estimate_sigma(image / 255) == pytest.approx(expected, rel=1e-4)
    assert estimate_sigma(np.stack([image] * 3, axis=-1)) == pytest.approx(expected, rel=1e-4)
    assert estimate_sigma(Image.fromarray(image)) == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (40, 40)])
def test_a_flat_image_has_no_noise(shape):
    assert estimate_sigma(np.full(shape, 77, np.uint8)) == 0
