"""The network: its shape, its parameters, its ablations, and the same function after folding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import skimage.data
from helpers.models import trained_like

from dncnn_tf.config import RECIPES, ModelConfig
from dncnn_tf.models.batch_norm import FusedBatchNormalization, reestimate_batch_norm
from dncnn_tf.models.cards import shipped_models
from dncnn_tf.models.dncnn import build_dncnn, fold_batch_norm, model_config
from dncnn_tf.models.weights import load_model

SMALL = ModelConfig(depth=5, filters=8)


@pytest.mark.parametrize("name", RECIPES)
def test_named_models_have_the_papers_layers(name: str) -> None:
    config = RECIPES[name].model
    model = build_dncnn(config)
    kernels = [layer.kernel.shape for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    middle = [(3, 3, 64, 64)] * (config.depth - 2)
    assert kernels == [(3, 3, config.channels, 64), *middle, (3, 3, 64, config.channels)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == config.depth - 2
    assert isinstance(model.layers[-1], keras.layers.Subtract)
    assert model_config(model) == config


def test_the_output_is_the_input_minus_the_residual() -> None:
    model = trained_like(depth=5)
    residual = keras.Model(model.inputs, model.get_layer("conv_5").output)
    noisy = np.random.default_rng(1).random((2, 9, 11, 1), np.float32)
    np.testing.assert_allclose(model(noisy), noisy - residual(noisy), atol=1e-7)


def test_without_residual_learning_the_last_convolution_is_the_output() -> None:
    model = build_dncnn(ModelConfig(depth=4, filters=8, residual=False), seed=0)
    last = keras.Model(model.inputs, model.get_layer("conv_4").output)
    noisy = np.random.default_rng(1).random((1, 6, 7, 1), np.float32)
    np.testing.assert_array_equal(model(noisy), last(noisy))
    assert not model_config(model).residual


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (40, 33)])
def test_folding_keeps_the_function(channels: int, size: tuple[int, int]) -> None:
    model = trained_like(channels=channels)
    folded = fold_batch_norm(model)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    noisy = np.random.default_rng(2).random((2, *size, channels), np.float32)
    np.testing.assert_allclose(folded(noisy), model(noisy, training=False), atol=1e-5)


@pytest.mark.parametrize("name", shipped_models())
def test_folding_the_shipped_models_keeps_the_function(name: str) -> None:
    model = load_model(name)
    photograph = skimage.data.camera()[100:197, 200:301, None].repeat(model.input_shape[-1], axis=-1) / 255
    noisy = (photograph + np.random.default_rng(2).normal(0, 25 / 255, photograph.shape))[None].astype(np.float32)
    np.testing.assert_allclose(fold_batch_norm(model)(noisy), model(noisy, training=False), atol=1e-5)


def test_a_pixel_sees_exactly_the_receptive_field() -> None:
    model = trained_like(depth=5)
    noisy = np.full((1, 21, 21, 1), 0.5, np.float32)
    touched = noisy.copy()
    touched[0, 10, 10, 0] = 1.0
    change = np.abs(np.asarray(model(touched)) - np.asarray(model(noisy)))[0, :, :, 0] > 0
    reach = np.argwhere(change)
    assert reach.min() >= 10 - SMALL.receptive_radius
    assert reach.max() <= 10 + SMALL.receptive_radius
    assert reach.min() == 10 - SMALL.receptive_radius


def test_he_initialisation_has_he_variance() -> None:
    kernel = np.asarray(build_dncnn(ModelConfig(depth=4), seed=3).get_layer("conv_2").kernel)
    assert kernel.var() == pytest.approx(2 / (9 * 64), rel=0.05)


def test_the_identity_start_returns_its_input_in_training_and_inference() -> None:
    model = build_dncnn(SMALL, initialization="identity", seed=0)
    noisy = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(model(noisy, training=True), noisy)
    np.testing.assert_array_equal(model(noisy, training=False), noisy)


def test_a_seed_decides_the_weights() -> None:
    first, again, other = (build_dncnn(SMALL, seed=seed).get_layer("conv_3").get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("wrong", [{"depth": 2}, {"channels": 2}, {"filters": 0}])
def test_impossible_configurations_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"Received: {next(iter(wrong))}="):
        ModelConfig(**wrong)


def test_another_network_is_not_taken_for_a_dncnn() -> None:
    inputs = keras.Input((None, None, 1))
    other = keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same")(inputs))
    with pytest.raises(ValueError, match="expected a DnCNN"):
        fold_batch_norm(other)


class TestFusedBatchNormalization:
    """Against Keras' own layer, in every respect but speed."""

    @pytest.fixture
    def pair(self) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        fused, plain = FusedBatchNormalization(momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)
        for layer in (fused, plain):
            layer.build((None, None, None, 6))
            layer.gamma.assign(np.linspace(0.5, 1.5, 6))
            layer.beta.assign(np.linspace(-1, 1, 6))
        return fused, plain

    @pytest.mark.parametrize("training", [True, False])
    def test_outputs_and_statistics(self, pair: tuple, training: bool) -> None:
        fused, plain = pair
        x = np.random.default_rng(0).normal(1, 3, (4, 5, 6, 6)).astype(np.float32)
        np.testing.assert_allclose(fused(x, training=training), plain(x, training=training), atol=1e-5)
        for ours, theirs in zip(fused.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)

    def test_gradients(self, pair: tuple) -> None:
        import tensorflow as tf

        x = tf.constant(np.random.default_rng(0).normal(1, 3, (4, 5, 6, 6)).astype(np.float32))
        weights = tf.random.stateless_normal(x.shape, [1, 2])
        gradients = []
        for layer in pair:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, training=True) * weights)
            gradients.append(tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))
        for ours, theirs in zip(*gradients, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)

    def test_a_frozen_layer_keeps_its_statistics(self, pair: tuple) -> None:
        fused, _ = pair
        fused.trainable = False
        before = fused.get_weights()
        fused(np.random.default_rng(0).normal(1, 3, (4, 5, 6, 6)).astype(np.float32), training=True)
        for old, new in zip(before, fused.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_saving_and_loading(self, tmp_path) -> None:
        model = trained_like(depth=5)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        noisy = np.random.default_rng(0).random((1, 9, 9, 1), np.float32)
        np.testing.assert_array_equal(loaded(noisy), model(noisy))
        assert isinstance(loaded.get_layer("bn_2"), FusedBatchNormalization)
        assert loaded.get_layer("bn_2").momentum == model.get_layer("bn_2").momentum


def test_reestimated_statistics_are_those_of_the_data() -> None:
    model = build_dncnn(SMALL, seed=0)
    rng = np.random.default_rng(0)
    batches = [(rng.normal(0.5, 0.2, (8, 16, 16, 1)).astype(np.float32), None) for _ in range(5)]
    reestimate_batch_norm(model, batches, count=5)
    features = keras.Model(model.inputs, model.get_layer("conv_2").output)
    seen = np.concatenate([np.asarray(features(noisy)) for noisy, _ in batches])
    norm = model.get_layer("bn_2")
    np.testing.assert_allclose(norm.moving_mean, seen.mean((0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, seen.var((0, 1, 2)), rtol=2e-2)
    assert norm.momentum == pytest.approx(0.9)
