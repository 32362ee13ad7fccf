"""Kernels rounded so that errors cancel: on the features they are for, and never beyond what processors add up."""

from __future__ import annotations

import numpy as np
import pytest

from dncnn_tf.engines.int8 import in_steps, rounded
from dncnn_tf.engines.kernel_rounding import neighbourhoods, rounded_away
from dncnn_tf.engines.rounding_noise import convolved
from dncnn_tf.export.samples import noisy_photograph
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network

LAYER = 8


def features(top: int) -> np.ndarray:
    """What a trained network's middle convolution is given, of one part of a photograph or another, from 0 to 1."""
    network = read_network(find_source("dncnn-s-25"))
    x = noisy_photograph(1)[1][:, top : top + 96, 200:296]
    for kernel, bias in zip(network.kernels[:LAYER], network.biases[:LAYER], strict=True):
        x = np.maximum(convolved(x, kernel, bias), 0)
    return x / x.max()


@pytest.fixture(scope="module")
def taps() -> np.ndarray:
    return in_steps(read_network(find_source("dncnn-s-25")).kernels[LAYER])[0]


@pytest.fixture(scope="module")
def away(taps) -> np.ndarray:
    return rounded_away(taps, neighbourhoods(features(100)))


def test_neighbourhoods_are_what_a_convolution_sums_up() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 7, 9, 3)).astype(np.float32), rng.normal(size=(3, 3, 3, 5)).astype(np.float32)
    expected = np.asarray(convolved(x, kernel, np.zeros(5, np.float32)))[:, 1:-1, 1:-1].reshape(-1, 5)
    np.testing.assert_allclose(neighbourhoods(x) @ kernel.reshape(-1, 5), expected, rtol=1e-4, atol=1e-5)


def test_each_tap_becomes_one_of_the_two_integers_beside_it(taps, away) -> None:
    integers = rounded(taps, away).astype(np.float32)
    assert np.abs(integers - taps).max() <= 1
    assert 0.1 < np.mean(integers != np.rint(taps)) < 0.4
    assert np.abs(rounded(taps, np.zeros_like(away)) - taps).max() <= 0.5


def test_a_convolution_of_other_features_is_far_nearer_to_itself(taps, away) -> None:
    """In another part of the picture, brighter or darker; a constant error is of no account."""
    seen = neighbourhoods(features(300))

    def noise(choice: np.ndarray) -> float:
        errors = (rounded(taps, choice) - taps).reshape(-1, taps.shape[-1])
        return float((seen @ errors).var(axis=0).mean())

    assert noise(away) < noise(np.zeros_like(away)) / 3


def test_no_two_products_that_are_added_first_exceed_16_bits(taps, away) -> None:
    pairs = rounded(taps, away).astype(int).reshape(3, 3, -1, 2, taps.shape[-1])
    for one_sign in (pairs.clip(0, None), pairs.clip(None, 0)):
        assert 255 * np.abs(one_sign.sum(axis=3)).max() < 2**15


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_of_features_that_say_nothing_all_taps_go_to_the_nearer_integer(channels) -> None:
    """Nothing varies, or nothing goes with anything else: no error can be made up for."""
    rng = np.random.default_rng(1)
    taps, _ = in_steps(rng.normal(size=(3, 3, channels, 4)).astype(np.float32))
    corners = np.vstack([np.eye(9 * channels), -np.eye(9 * channels)]).astype(np.float32)
    for seen in (np.ones((50, 9 * channels), np.float32), np.zeros((50, 9 * channels), np.float32), corners):
        assert not rounded_away(taps, seen).any()


def test_a_channel_that_varies_little_pays_for_one_that_varies_much() -> None:
    """Two taps of features that are alike but for their size: the coarse one's error is taken by the fine one."""
    taps = np.zeros((3, 3, 2, 1), np.float32)
    taps[1, 1, :, 0] = 10.4, 20.2
    seen = np.zeros((100, 18), np.float32)
    seen[:, 8] = np.random.default_rng(2).normal(size=100)
    seen[:, 9] = seen[:, 8] / 2
    # 10.4 becomes 10; of the 0.4 that is lacking, 0.8 would have to be added to 20.2, so it becomes 21.
    np.testing.assert_array_equal(rounded(taps, rounded_away(taps, seen))[1, 1, :, 0], [10, 21])
