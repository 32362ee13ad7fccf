"""What the losses measure, and how much a patch counts by how wrong it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import skimage.metrics
import tensorflow as tf

from dncnn_tf.training.losses import negative_psnr, psnr, root_mean_squared_error

RNG = np.random.default_rng(0)
CLEAN = RNG.random((2, 24, 24, 1), np.float32)
ERROR = RNG.standard_normal((24, 24, 1)).astype(np.float32) * 0.02
DENOISED = np.stack([CLEAN[0] + ERROR, CLEAN[1] + 3 * ERROR])  # the second is three times as wrong


def test_the_values_are_scikit_images() -> None:
    pairs = list(zip(CLEAN, DENOISED, strict=True))
    decibels = [skimage.metrics.peak_signal_noise_ratio(*pair, data_range=1) for pair in pairs]
    levels = [255 * np.sqrt(skimage.metrics.mean_squared_error(*pair)) for pair in pairs]
    np.testing.assert_allclose(psnr(CLEAN, DENOISED), decibels, rtol=1e-5)
    np.testing.assert_allclose(negative_psnr(CLEAN, DENOISED), np.negative(decibels), atol=0.2)
    np.testing.assert_allclose(root_mean_squared_error(CLEAN, DENOISED), levels, rtol=2e-3)


@pytest.mark.parametrize(("loss", "expected"), [(negative_psnr, 1 / 3), (root_mean_squared_error, 1)])
def test_how_much_a_patch_counts_that_is_three_times_as_wrong(loss: Callable, expected: float) -> None:
    """The squared error would let it count three times as much."""
    denoised = tf.Variable(DENOISED)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(CLEAN, denoised))
    less, more = np.linalg.norm(tape.gradient(value, denoised).numpy().reshape(2, -1), axis=1)
    assert more / less == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("loss", [negative_psnr, root_mean_squared_error])
def test_nothing_wrong_has_a_finite_gradient(loss: Callable) -> None:
    denoised = tf.Variable(CLEAN)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(CLEAN, denoised))
    assert np.isfinite(tape.gradient(value, denoised).numpy()).all()
