"""What rounding adds to a network's output, and the ranges at which it adds least."""

from __future__ import annotations

import numpy as np
import pytest

from dncnn_tf.engines import calibration
from dncnn_tf.engines.onnx_graph import onnx_model
from dncnn_tf.engines.onnxruntime_engine import OnnxRuntimeEngine
from dncnn_tf.engines.rounding_noise import Gains, balanced, noise_gains, rounding_noise
from dncnn_tf.export.samples import noisy_photograph
from dncnn_tf.models.folded import Network
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network


@pytest.fixture(scope="module")
def network() -> Network:
    return read_network(find_source("dncnn-s-25"))


@pytest.fixture(scope="module")
def noisy() -> np.ndarray:
    return noisy_photograph(1)[1][:, 100:196, 200:296]


def convolved(network: Network, x: np.ndarray, layer: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
    convolved = np.einsum("nhwcij,ijco->nhwo", windows, network.kernels[layer], optimize=True)
    return convolved + network.biases[layer]


def finished(network: Network, outputs: np.ndarray, layer: int) -> np.ndarray:
    """The residual, from what a convolution gives."""
    for following in range(layer + 1, network.config.depth):
        outputs = convolved(network, np.maximum(outputs, 0), following)
    return outputs


@pytest.mark.parametrize("layer", [1, 8, 15])
def test_gains_are_what_noise_in_the_middle_adds_at_the_end(network, noisy, layer) -> None:
    """Small noise, stronger in some channels than in others, put in there, and all that follows in NumPy."""
    gains, rng = noise_gains(network, noisy)[layer], np.random.default_rng(1)
    features = noisy
    for i in range(layer):
        features = np.maximum(convolved(network, features, i), 0)
    outputs = convolved(network, features, layer)
    exact = finished(network, outputs, layer)
    for gain, at in ((gains.features, features), (gains.outputs, outputs)):
        deviations = 1e-4 * np.exp(rng.normal(size=64)).astype(np.float32)
        noise = rng.standard_normal(at.shape, np.float32) * deviations
        disturbed = convolved(network, features + noise, layer) if at is features else outputs + noise
        added = np.mean((finished(network, disturbed, layer) - exact) ** 2)
        assert added == pytest.approx(np.sum(gain * deviations**2), rel=0.15)


def test_gains_at_the_end_are_those_of_the_last_convolution(network, noisy) -> None:
    """Its output is the network's, and white noise on its inputs comes out as its squared kernel."""
    last = noise_gains(network, noisy)[-1]
    assert last.outputs == pytest.approx([1], rel=0.05)
    np.testing.assert_allclose(last.features, (network.kernels[-1] ** 2).sum(axis=(0, 1, 3)), rtol=0.1)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Gains]:
    """A convolution of 8 channels to 5: kernel, reaches, variances, gains."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(3, 3, 8, 5)).astype(np.float32)
    reaches = np.exp(rng.normal(size=8)).astype(np.float32)
    gains = Gains(np.exp(rng.normal(size=8)), np.exp(rng.normal(size=5)))
    return kernel, reaches, (0.2 * reaches) ** 2, gains


@pytest.mark.parametrize("seed", range(5))
def test_balanced_ranges_clip_nothing_and_none_nearby_are_better(seed) -> None:
    kernel, reaches, variances, gains = drawn(seed)
    largest = np.abs(kernel).max(axis=(0, 1))
    ranges = balanced(kernel, reaches, variances, gains)
    least = rounding_noise(largest, ranges, variances, gains)
    assert (ranges >= reaches).all()
    assert least <= rounding_noise(largest, reaches, variances, gains)
    for channel in range(8):
        for factor in (0.9, 1.1):
            other = ranges.copy()
            other[channel] = max(other[channel] * factor, reaches[channel])
            assert rounding_noise(largest, other, variances, gains) >= least * (1 - 1e-4)


def test_where_kernels_lose_nothing_ranges_are_reaches() -> None:
    """Features are then rounded as finely as can be."""
    kernel, reaches, variances, gains = drawn(0)
    exact = Gains(gains.features, np.zeros(5))
    np.testing.assert_array_equal(balanced(kernel, reaches, variances, exact), reaches)


def test_a_channel_that_is_small_gets_more_for_the_kernels_sake() -> None:
    """Its kernels, made small by its range, would drown in the step that the other channel's need."""
    kernel = np.ones((3, 3, 2, 1), np.float32)
    reaches, gains = np.array([0.01, 1.0], np.float32), Gains(np.ones(2), np.ones(1))
    small, large = balanced(kernel, reaches, reaches**2, gains)
    assert (small > 0.1, large) == (True, 1)


def test_a_network_is_nearer_to_itself_than_with_ranges_that_are_reaches(monkeypatch) -> None:
    network = read_network(find_source("cdncnn-b"))
    _, noisy = noisy_photograph(3)
    samples = [noisy[:, :96, :96], noisy[:, 200:296, 300:396]]

    def error(calibrated: Network) -> float:
        graphs = onnx_model(calibrated), onnx_model(calibrated, int8=True)
        exact, rounded = (OnnxRuntimeEngine(graph, 3, 20)(noisy[:, 300:396, 100:196]) for graph in graphs)
        return float(np.mean((rounded - exact) ** 2))

    ours = error(calibration.calibrated(network, samples))
    monkeypatch.setattr(calibration, "balanced", lambda kernel, reaches, *_: reaches)
    assert ours < 0.85 * error(calibration.calibrated(network, samples))
