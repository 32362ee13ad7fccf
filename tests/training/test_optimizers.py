"""Muon: orthogonal steps for hidden kernels, Adam's for the rest, and a state that is saved."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from dncnn_tf.config import ModelConfig
from dncnn_tf.models.dncnn import build_dncnn
from dncnn_tf.training.optimizers import Muon

RATE = 1e-2


def one_step(optimizer: keras.optimizers.Optimizer, shape: tuple[int, ...], gradient: np.ndarray) -> np.ndarray:
    """How far one step moves a variable that starts at zero."""
    variable = keras.Variable(np.zeros(shape, np.float32))
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor(gradient)])
    return np.asarray(variable)


@pytest.mark.parametrize("shape", [(3, 3, 8, 8), (3, 3, 16, 64), (1, 1, 16, 64)])
def test_a_hidden_kernel_steps_against_the_nearest_orthogonal_matrix(shape: tuple[int, ...]) -> None:
    gradient = np.random.default_rng(0).standard_normal(shape, np.float32)
    moved = one_step(Muon(RATE), shape, gradient).reshape(-1, shape[-1])
    u, _, v = np.linalg.svd(gradient.reshape(-1, shape[-1]), full_matrices=False)
    step = -moved / (RATE * np.sqrt(max(moved.shape)))
    # The five iterations leave singular values between 0.7 and 1.2 and the singular vectors alone.
    inner = u.T @ step @ v.T
    assert (np.diag(inner) > 0.6).all()
    assert (np.diag(inner) < 1.3).all()
    np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=1e-3)
    np.testing.assert_allclose(u @ inner @ v, step, atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 3, 1, 16), (3, 3, 16, 3), (16,)])
def test_the_rest_steps_as_adam_does(shape: tuple[int, ...]) -> None:
    gradient = np.random.default_rng(1).standard_normal(shape, np.float32)
    expected = one_step(keras.optimizers.Adam(RATE, beta_2=0.99), shape, gradient)
    moved = one_step(Muon(RATE, beta_2=0.99), shape, gradient)
    np.testing.assert_allclose(moved, expected, rtol=1e-4)


def test_saved_and_loaded_it_takes_the_same_next_step(tmp_path: Path) -> None:
    model = build_dncnn(ModelConfig(depth=4, filters=8), initialization="identity", seed=0)
    model.compile(optimizer=Muon(RATE), loss="mse")
    rng = np.random.default_rng(2)
    noisy, clean = (rng.random((2, 16, 16, 1), np.float32) for _ in range(2))
    model.train_on_batch(noisy, clean)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, Muon)
    for each in (model, loaded):
        each.train_on_batch(noisy, clean)
    for expected, received in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-6)
