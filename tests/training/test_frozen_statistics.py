"""Training with the statistics of batch normalisation fixed, and the switch to it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import SMALL
from helpers.models import trained_like

from dncnn_tf.config import RECIPES
from dncnn_tf.models.batch_norm import FusedBatchNormalization, batch_norms, freeze_batch_norm, is_frozen
from dncnn_tf.training.compiling import schedule


def test_a_frozen_layer_trains_as_keras_layer_infers() -> None:
    """Outputs and all gradients."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(4, 8, 8, 5)), tf.float32)
    ours, theirs = FusedBatchNormalization(frozen=True), keras.layers.BatchNormalization()
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights([np.random.default_rng(i).uniform(0.5, 1.5, 5) for i in range(4)])
    results = []
    for layer, training in ((ours, True), (theirs, False)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=training)
            total = tf.reduce_sum(tf.sin(outputs))
        results.append([outputs, *tape.gradient(total, [x, layer.gamma.value, layer.beta.value])])
    for received, expected in zip(*results, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours.get_weights()[2:], theirs.get_weights()[2:])


def test_a_frozen_model_is_the_same_in_training_and_use_and_stays_frozen_in_its_file(tmp_path: Path) -> None:
    model = trained_like()
    noisy = np.random.default_rng(0).random((3, 9, 11, 1), np.float32)
    assert np.abs(model(noisy, training=True) - model(noisy, training=False)).max() > 1e-3
    freeze_batch_norm(model)
    np.testing.assert_allclose(model(noisy, training=True), model(noisy, training=False), atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert is_frozen(loaded)
    assert not is_frozen(trained_like())


@pytest.fixture(scope="module")
def run(dncnn_tf, photographs: Path, tmp_path_factory) -> Path:
    """Four epochs, the last two of them with fixed statistics, which only a blind recipe has."""
    folder = tmp_path_factory.mktemp("runs") / "blind"
    options = (*SMALL, "--data", photographs, "--epochs", 4, "--steps-per-epoch", 8)
    done = dncnn_tf("train", "--sigma", "0-55", *options, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


def statistics(model: Path) -> list[np.ndarray]:
    return [weights for norm in batch_norms(keras.saving.load_model(model)) for weights in norm.get_weights()[2:]]


def test_statistics_are_fixed_at_the_switch(dncnn_tf, run: Path, tmp_path: Path) -> None:
    """With a share of a fifth, four epochs have one with fixed statistics."""
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["frozen_share"] == 0.2
    before, after = (run / f"checkpoints/epoch-0000{epoch}.keras" for epoch in (3, 4))
    assert not is_frozen(keras.saving.load_model(before))
    assert is_frozen(keras.saving.load_model(after))
    assert any(np.abs(a - b).max() > 0 for a, b in zip(statistics(before), statistics(after), strict=True))
    for a, b in zip(statistics(after), statistics(run / "last.keras"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_stopped_at_the_switch_ends_where_an_uninterrupted_one_ends(dncnn_tf, run: Path, tmp_path: Path) -> None:
    stopped = shutil.copytree(run, tmp_path / "stopped")
    (stopped / "checkpoints/epoch-00004.keras").unlink()
    (stopped / "result.json").unlink()
    done = dncnn_tf("train", "--resume", "--output", stopped)
    assert "going on after epoch 3 of 4" in done.stderr
    for a, b in zip(
        *(keras.saving.load_model(each / "last.keras").get_weights() for each in (run, stopped)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_each_phase_has_a_schedule_of_its_own() -> None:
    config = dataclasses.replace(RECIPES["dncnn-b"], epochs=10, steps_per_epoch=100, frozen_share=0.2, warmup_steps=10)
    assert config.live_epochs == 8
    live, frozen = (schedule(config, frozen=frozen) for frozen in (False, True))
    assert float(live(10)) == pytest.approx(1e-3)
    assert float(live(800)) == pytest.approx(0, abs=1e-9)
    assert float(frozen(10)) == pytest.approx(5e-4)
    assert float(frozen(200)) == pytest.approx(0, abs=1e-9)
    throughout = schedule(dataclasses.replace(config, frozen_share=1.0), frozen=True)
    assert float(throughout(10)) == pytest.approx(1e-3)
