"""PSNR at values known by hand; SSIM against its definition written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
from scipy.signal import correlate2d

from dncnn_tf.evaluation.metrics import psnr, ssim


def test_psnr_of_a_constant_error():
    reference = np.full((7, 9), 100, np.uint8)
    assert psnr(reference, reference + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(reference, reference - 5) == psnr(reference, reference + 5)  # no wrapping of uint8
    assert psnr(reference / 255, reference / 255 + 0.1, peak=1) == pytest.approx(20)


def test_psnr_counts_all_channels_together():
    reference = np.zeros((4, 4, 3))
    image = reference.copy()
    image[..., 0] = 3  # MSE 9 / 3
    assert psnr(reference, image) == pytest.approx(10 * math.log10(255**2 / 3))


def test_psnr_of_equal_images_is_infinite_and_of_nan_is_nan():
    image = np.arange(12.0).reshape(3, 4)
    assert psnr(image, image) == math.inf
    assert math.isnan(psnr(image, image * np.nan))


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_shapes_must_agree(metric):
    with pytest.raises(ValueError, match="same shape"):
        metric(np.zeros((20, 20)), np.zeros((20, 20, 1)))


def ssim_by_definition(reference: np.ndarray, image: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, with every window written out."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def average(values: np.ndarray) -> np.ndarray:
        return correlate2d(values, window, mode="valid")

    x, y = reference.astype(np.float64), image.astype(np.float64)
    mean_x, mean_y = average(x), average(y)
    variance_x, variance_y = average(x * x) - mean_x**2, average(y * y) - mean_y**2
    covariance = average(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))).mean()


@pytest.mark.parametrize(("height", "width"), [(11, 11), (12, 40), (97, 64)])
def test_ssim_is_what_its_definition_says(height, width):
    clean = skimage.data.camera()[100 : 100 + height, 200 : 200 + width]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255).round()
    assert ssim(clean, noisy) == pytest.approx(ssim_by_definition(clean, noisy), abs=1e-9)


def test_ssim_of_colour_is_the_mean_of_the_channels():
    clean = skimage.data.astronaut()[:60, 200:250]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, [5, 20, 60], clean.shape), 0, 255)
    channels = [ssim_by_definition(clean[..., i], noisy[..., i]) for i in range(3)]
    assert ssim(clean, noisy) == pytest.approx(np.mean(channels), abs=1e-9)


def test_ssim_of_equal_images_is_one():
    assert ssim(skimage.data.camera(), skimage.data.camera()) == pytest.approx(1)


def test_ssim_needs_a_whole_window():
    with pytest.raises(ValueError, match="at least 11x11 pixels"):
        ssim(np.zeros((10, 300)), np.zeros((10, 300)))
