"""The noise estimate against a known truth and an independent implementation."""

from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from skimage import restoration
from skimage.data import camera

from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.noise import estimate_sigma

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
@pytest.mark.parametrize("name", ["camera.png", "coffee.png", "chelsea.png"])
def test_estimate_is_near_the_noise_that_was_added(name, sigma):
    clean = np.asarray(Image.open(PHOTOGRAPHS / name), np.float32) / 255
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(0))
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.06, abs=2)


@pytest.mark.parametrize("shape", [(64, 64), (65, 48), (33, 101), (5, 9)])
def test_same_as_scikit_image(shape):
    image = np.random.default_rng(1).random(shape, np.float32)
    assert estimate_sigma(image) / 255 == pytest.approx(restoration.estimate_sigma(image), rel=1e-4)


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
