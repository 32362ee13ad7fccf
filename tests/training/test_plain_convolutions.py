"""Training without batch normalisation that goes on from a model with it: the same function, fewer operations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from dncnn_tf import ModelError, fold_batch_norm, load_model
from dncnn_tf.config import ModelConfig, TrainConfig, finishing_recipe
from dncnn_tf.models.batch_norm import batch_norms
from dncnn_tf.models.dncnn import model_config
from dncnn_tf.training.compiling import make_ready, new_model, schedule
from dncnn_tf.training.fit import finetune, train

SMALL = TrainConfig(
    model=ModelConfig(depth=4, filters=8, batch_norm=False),
    patch_size=16,
    epochs=2,
    steps_per_epoch=3,
    precision="float32",
)


def denoised(model: keras.Model, channels: int = 1) -> np.ndarray:
    noisy = np.random.default_rng(0).random((1, 31, 33, 1), np.float32)
    return np.asarray(model(np.repeat(noisy, channels, axis=-1)))


@pytest.mark.parametrize(("depth", "channels"), [(4, 1), (6, 1), (6, 3)])
def test_it_starts_as_the_same_function(start: Path, depth: int, channels: int) -> None:
    plain = dataclasses.replace(SMALL.model, depth=depth, channels=channels)
    model = new_model(dataclasses.replace(SMALL, model=plain, init=str(start)))
    assert model_config(model) == plain
    expected = np.repeat(denoised(keras.saving.load_model(start)), channels, axis=-1)
    np.testing.assert_allclose(denoised(model, channels), expected, atol=1e-5)


def test_the_shipped_model_too() -> None:
    recipe = finishing_recipe("dncnn-s-25")
    plain = dataclasses.replace(recipe.model, batch_norm=False)
    model = new_model(dataclasses.replace(recipe, model=plain, precision="float32"))
    np.testing.assert_allclose(denoised(model), denoised(load_model("dncnn-s-25")), atol=1e-5)


def test_no_normalisation_comes_from_a_model_without(start: Path, tmp_path: Path) -> None:
    fold_batch_norm(keras.saving.load_model(start)).save(tmp_path / "folded.keras")
    config = dataclasses.replace(SMALL, model=ModelConfig(depth=4, filters=8), init=str(tmp_path / "folded.keras"))
    with pytest.raises(ModelError, match=r"folded\.keras: has no batch normalisation.*give `batch_norm` False"):
        new_model(config)


@pytest.mark.parametrize("frozen_share", [0.0, 0.2, 1.0])
def test_fixed_statistics_mean_nothing_where_there_are_none(frozen_share: float) -> None:
    """One phase, over all epochs, at the full rate."""
    config = dataclasses.replace(SMALL, frozen_share=frozen_share, epochs=10, steps_per_epoch=100, warmup_steps=10)
    assert config.live_epochs == 10
    model = new_model(config)
    make_ready(model, config, epoch=0)
    optimizer = model.optimizer
    for epoch in (0, 5, 9):
        make_ready(model, config, epoch)
        assert model.optimizer is optimizer
        expected = float(schedule(config, frozen=False)(100 * epoch))
        assert float(optimizer.learning_rate) == pytest.approx(expected)
    assert float(schedule(config, frozen=False)(10)) == pytest.approx(config.learning_rate)


def test_a_run_goes_on_with_plain_convolutions(start: Path, photographs: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, init=str(start), data=str(photographs), frozen_share=1.0)
    model = train(config, tmp_path / "run")
    assert not batch_norms(model)
    before = fold_batch_norm(keras.saving.load_model(start)).get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert 0 < max(moved) < 0.1
    assert not batch_norms(load_model(tmp_path / "run"))


def test_finetune_from_a_folded_model(start: Path, photographs: Path, tmp_path: Path) -> None:
    """By the library, with everything the command gives."""
    folded = tmp_path / "folded.keras"
    fold_batch_norm(keras.saving.load_model(start)).save(folded)
    noisy = tmp_path / "noisy"
    noisy.mkdir()
    rng = np.random.default_rng(0)
    for file in photographs.iterdir():
        clean = np.asarray(Image.open(file).convert("L")).astype(float)
        spoiled = np.clip(np.rint(clean + 25 * rng.standard_normal(clean.shape)), 0, 255).astype(np.uint8)
        Image.fromarray(spoiled).save(noisy / file.name)
    notes: list[str] = []
    model = finetune(
        str(noisy),
        str(photographs),
        model=folded,
        output=str(tmp_path / "run"),
        epochs=2,
        steps_per_epoch=3,
        patch_size=16,
        precision="float32",
        note=notes.append,
    )
    assert model_config(model) == SMALL.model
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 6
    assert notes[0].startswith(f"started from {folded}: validation")
    assert (tmp_path / "run/best.keras").exists()
