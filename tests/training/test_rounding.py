"""Learning with rounded features, which int8 will round too."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from dncnn_tf.config import TrainConfig
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.errors import OptionError
from dncnn_tf.models.calibration import ROUGHNESS
from dncnn_tf.models.dncnn import in_float32, model_config
from dncnn_tf.models.weights import load_model
from dncnn_tf.training import rounding
from dncnn_tf.training.batches import TrainingData
from dncnn_tf.training.fit import train
from dncnn_tf.training.rounding import Rounding, feature_ranges, kinds, with_rounding, without_rounding
from dncnn_tf.training.run_folder import Run

RANGES = np.array([[1.0, 2.0], [3.0, 0.5]], np.float32)


@pytest.fixture
def config(finish: TrainConfig) -> TrainConfig:
    return dataclasses.replace(finish, sigma=(0.0, 55.0), quantization_aware=True, patch_size=32)


def features(model: keras.Model, name: str, noisy: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(model.input, model.get_layer(name).output)(noisy))


def test_features_are_whole_steps_of_the_ranges_of_their_picture() -> None:
    x = np.random.default_rng(0).gamma(1.0, 0.5, (2, 40, 40, 2)).astype(np.float32)
    rounded = np.asarray(Rounding(RANGES)(x, np.array([1, 0])))
    ranges = RANGES[[1, 0]][:, None, None]
    steps = rounded / ranges * 127
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert (np.abs(rounded - np.minimum(x, ranges)) <= ranges / 127 / 2 * 1.001).all()
    assert (x > ranges).any(axis=(0, 1, 2)).all()
    assert np.array_equal(rounded.max(axis=(1, 2)), np.broadcast_to(ranges, (2, 1, 1, 2))[:, 0, 0])


def test_going_back_rounding_counts_as_nothing_and_what_is_too_far_is_sent_back() -> None:
    x = tf.constant([0.3, 0.9, 1.1, 1.3], shape=(1, 2, 2, 1))
    upstream = tf.constant([-1.0, 2.0, -3.0, 4.0], shape=(1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        rounded = Rounding([[1.0]])(x, tf.constant([0]))
    gradient = tape.gradient(rounded, x, upstream)
    assert np.ravel(gradient).tolist() == [-1.0, 2.0, 3.0, 4.0]


def test_kinds_of_pictures_go_by_their_roughness() -> None:
    slope = np.tile(np.linspace(0.2, 0.8, 64, dtype=np.float32), (64, 1))[..., None]
    rng = np.random.default_rng(0)
    noisy = np.stack([add_gaussian_noise(slope, sigma, rng) for sigma in (0, 5, 15, 25, 50)])
    assert kinds(noisy).tolist() == [0, 1, 2, 3, 4]
    assert kinds(noisy[::-1]).tolist() == [4, 3, 2, 1, 0]


def test_the_model_and_its_rounded_twin_have_the_same_weights(config: TrainConfig) -> None:
    """Its features differ from the model's by rounding, and only from the first that is rounded on."""
    model = load_model(config.init)
    batches = TrainingData.load(config).batches()
    noisy = np.concatenate([degraded for degraded, _ in batches.take(2)])
    twin = with_rounding(model, batches)
    assert [layer.name for layer in twin.layers if isinstance(layer, Rounding)] == [
        "conv_1_rounded",
        "relu_2_rounded",
        "relu_3_rounded",
    ]
    np.testing.assert_array_equal(features(twin, "conv_1", noisy), features(model, "conv_1", noisy))
    first = twin.get_layer("conv_1_rounded")
    rounded = first(features(model, "conv_1", noisy), kinds(noisy))
    np.testing.assert_array_equal(features(twin, "conv_1_rounded", noisy), rounded)
    assert 1e-4 < np.abs(np.asarray(twin(noisy)) - np.asarray(model(noisy))).mean() < 1e-2

    back = without_rounding(twin, config.model)
    assert model_config(back) == config.model
    np.testing.assert_array_equal(back(noisy), in_float32(model)(noisy))
    twin.get_layer("conv_2").kernel.assign_add(np.full((3, 3, 8, 8), 0.01, np.float32))
    np.testing.assert_array_equal(
        without_rounding(twin, config.model).get_layer("conv_2").kernel, model.get_layer("conv_2").kernel
    )


def test_few_features_of_smoother_pictures_are_beyond_the_ranges_of_a_kind(config: TrainConfig) -> None:
    model, batches = load_model(config.init), TrainingData.load(config).batches().take(8)
    ranges = feature_ranges(model, batches)
    assert [each.shape for each in ranges] == [(len(ROUGHNESS), 8)] * 3
    assert all((np.diff(each, axis=0) >= 0).all() for each in ranges)
    noisy = np.concatenate([degraded for degraded, _ in batches])
    of_kind = kinds(noisy)
    for name, each in zip(("conv_1", "relu_2", "relu_3"), ranges, strict=True):
        x = features(model, name, noisy)
        for kind in set(of_kind.tolist()):
            largest = x[of_kind <= kind].max(axis=(0, 1, 2))
            used = largest > largest.max() / 32
            np.testing.assert_allclose(each[kind][used], 0.85 * largest[used], rtol=1e-4)


def test_a_kind_that_training_has_none_of_has_the_ranges_of_all(config: TrainConfig) -> None:
    strong = dataclasses.replace(config, sigma=(50.0, 50.0))
    for each in feature_ranges(load_model(config.init), TrainingData.load(strong).batches().take(2)):
        assert (each == each[-1]).all()


@pytest.mark.slow
def test_what_is_kept_of_a_run_is_a_dncnn(config: TrainConfig, tmp_path: Path) -> None:
    """One that is resumed too, with the ranges that it began with."""
    run = Run(tmp_path / "run")
    model = train(config, run.folder)
    (*_, newest) = sorted(run.checkpoints.iterdir())
    checkpoint = keras.saving.load_model(newest)
    ranges = [layer.ranges for layer in checkpoint.layers if isinstance(layer, Rounding)]
    assert len(ranges) == 3
    for kept in (model, load_model(run.folder), load_model(run.last_file)):
        assert model_config(kept) == config.model
    for one, other in zip(load_model(run.last_file).get_weights(), checkpoint.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    before = load_model(config.init).get_weights()
    assert max(np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)) > 1e-3

    train(None, run.folder, resume=True, epochs=3)
    (*_, newest) = sorted(run.checkpoints.iterdir())
    assert newest.stem == "epoch-00003"
    again = [layer.ranges for layer in keras.saving.load_model(newest).layers if isinstance(layer, Rounding)]
    np.testing.assert_array_equal(again, ranges)


def test_a_run_that_was_stopped_before_its_first_epoch_ended_rounds_too(config: TrainConfig, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    run.write_config(dataclasses.replace(config, epochs=1))
    train(None, run.folder, resume=True)
    (checkpoint,) = run.checkpoints.iterdir()
    assert sum(isinstance(layer, Rounding) for layer in keras.saving.load_model(checkpoint).layers) == 3


def test_rounding_costs_a_network_less_that_has_learned_with_it(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Than one that has learned as long without; the coarser it is, the sooner."""
    monkeypatch.setattr(rounding, "_STEPS", 3)
    learned = dataclasses.replace(config, epochs=1, steps_per_epoch=80, learning_rate=3e-3)
    batches = TrainingData.load(config).batches(10_000)
    noisy = np.concatenate([degraded for degraded, _ in batches.take(4)])
    costs = []
    for aware in (False, True):
        model = train(dataclasses.replace(learned, quantization_aware=aware), tmp_path / str(aware))
        error = np.asarray(with_rounding(model, batches)(noisy)) - np.asarray(model(noisy))
        costs.append(np.sqrt(np.mean(error**2)))
    assert costs[1] < 0.8 * costs[0]


@pytest.mark.parametrize("change", [{"init": None}, {"frozen_share": 0.5}], ids=str)
def test_it_needs_a_start_with_its_statistics(config: TrainConfig, change: dict) -> None:
    with pytest.raises(
        OptionError, match="`quantization_aware` goes on from a trained model, with its statistics: take"
    ):
        dataclasses.replace(config, **change)


def test_on_the_command_line(dncnn_tf_here, tmp_path: Path) -> None:
    done = dncnn_tf_here("train", "--sigma", 25, "--quantization-aware", "--output", tmp_path / "run")
    assert done.returncode == 2
    assert "--quantization-aware goes on from a trained model" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "run").exists()
