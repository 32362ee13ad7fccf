"""A finished model that is brought back towards the one it started from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from dncnn_tf.config import RECIPES, TrainConfig
from dncnn_tf.errors import OptionError
from dncnn_tf.models.cards import ModelError
from dncnn_tf.training.configs import train_config
from dncnn_tf.training.fit import train
from dncnn_tf.training.run_folder import Run


@pytest.fixture
def config(finish: TrainConfig) -> TrainConfig:
    return dataclasses.replace(finish, start_share=0.25)


def weights(file: Path | str) -> list[np.ndarray]:
    return keras.saving.load_model(file).get_weights()


def test_each_weight_is_between_the_start_and_where_training_ended(config: TrainConfig, tmp_path: Path) -> None:
    """The best model is this one, whatever validation says; what is returned, too; a resumed run ends at the same.

    Where the start is gone, a resumed run misses it at once.
    """
    run = Run(tmp_path / "run")
    model = train(config, run.folder)
    (*_, newest) = sorted(run.checkpoints.iterdir())
    ends = list(zip(weights(config.init), weights(newest), strict=True))
    assert max(np.abs(old - new).max() for old, new in ends) > 1e-3
    expected = [0.25 * old + 0.75 * new for old, new in ends]
    again = train(None, run.folder, resume=True).get_weights()
    for received in (model.get_weights(), again, weights(run.best_file), weights(run.last_file)):
        for one, other in zip(received, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-7)
    result = json.loads(run.result_file.read_text(encoding="utf-8"))
    assert result["val_psnr"] == result["last_val_psnr"]

    gone = str(tmp_path / "gone.keras")
    run.write_config(dataclasses.replace(config, init=gone))
    log = run.log_file.read_bytes()
    with pytest.raises(ModelError, match=r"gone\.keras: no such file"):
        train(None, run.folder, resume=True, epochs=3)
    assert run.log_file.read_bytes() == log


@pytest.mark.parametrize("change", [{"init": None}, {"frozen_share": 0.5}], ids=str)
def test_it_needs_a_start_with_its_statistics(config: TrainConfig, change: dict) -> None:
    with pytest.raises(OptionError, match="start_share needs init, and statistics that stay the start's"):
        dataclasses.replace(config, **change)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_range(config: TrainConfig, share: float) -> None:
    with pytest.raises(OptionError, match=r"start_share must be at least 0 and below 1\. Received"):
        dataclasses.replace(config, start_share=share)


def test_photographs_from_nothing_have_no_start_to_go_back_to() -> None:
    assert RECIPES["dncnn-photo"].start_share > 0
    assert train_config(task="photo").start_share == 0
