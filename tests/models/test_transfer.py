"""A model that starts from another one computes what that one computes, before it is trained."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from helpers.models import trained_like

from dncnn_tf.config import ModelConfig
from dncnn_tf.models.dncnn import build_dncnn, convolutions
from dncnn_tf.models.transfer import transfer_weights
from dncnn_tf.models.weights import load_model


def denoised(model: keras.Model, channels: int) -> np.ndarray:
    """What a model makes of one random picture, the same in each channel."""
    noisy = np.random.default_rng(0).random((1, 31, 33, 1), np.float32)
    return np.asarray(model(np.repeat(noisy, channels, axis=-1)))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_deeper_model_starts_as_the_shallower_one(batch_norm: bool) -> None:
    plain = build_dncnn(ModelConfig(depth=4, filters=8, batch_norm=False), initialization="he", seed=1)
    source = trained_like() if batch_norm else plain
    target = build_dncnn(ModelConfig(depth=7, filters=8, batch_norm=batch_norm), seed=2)
    transfer_weights(source, target)
    np.testing.assert_allclose(denoised(target, 1), denoised(source, 1), atol=1e-5)


def test_a_colour_model_starts_as_the_grey_one() -> None:
    source = trained_like()
    target = build_dncnn(ModelConfig(depth=6, filters=8, channels=3), seed=2)
    transfer_weights(source, target)
    np.testing.assert_allclose(denoised(target, 3), np.repeat(denoised(source, 1), 3, axis=-1), atol=1e-5)
    seen = np.any(convolutions(target)[0].get_weights()[0], axis=(0, 1))  # (channels, filters)
    np.testing.assert_array_equal(seen.sum(axis=0), 1)
    assert all(seen.any(axis=1)), "were all channels seen alike, training would not part them"


@pytest.mark.parametrize(("depth", "channels"), [(20, 1), (20, 3)])
def test_the_blind_models_can_start_from_a_shipped_one(depth: int, channels: int) -> None:
    source = load_model("dncnn-s-25")
    target = build_dncnn(ModelConfig(depth=depth, channels=channels), seed=2)
    transfer_weights(source, target)
    np.testing.assert_allclose(denoised(target, channels), np.repeat(denoised(source, 1), channels, axis=-1), atol=1e-4)


def test_a_grey_model_cannot_start_from_a_colour_one() -> None:
    with pytest.raises(ValueError, match="is grey if the model is"):
        transfer_weights(trained_like(channels=3), build_dncnn(ModelConfig(depth=4, filters=8)))
