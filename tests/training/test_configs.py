"""The rules that turn options into a configuration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dncnn_tf import ModelConfig, OptionError, read_card, train_config
from dncnn_tf.config import RECIPES, TrainConfig, finishing_recipe, paper_recipe
from dncnn_tf.training.configs import finetuning_config


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_by_its_name(name: str) -> None:
    assert train_config(recipe=name) == RECIPES[name]
    assert train_config(recipe=f"{name}-paper") == paper_recipe(name)
    assert train_config(recipe=f"{name}-finish") == finishing_recipe(name)


def test_a_recipe_by_what_it_is_for() -> None:
    assert train_config(sigma=(25.0, 25.0)) == RECIPES["dncnn-s-25"]
    blind = train_config(sigma=(0.0, 55.0), color=True, depth=None)
    assert (blind.name, blind.model, blind.init) == ("cdncnn-b", RECIPES["cdncnn-b"].model, None)
    assert train_config(task="general", epochs=3).epochs == 3
    narrow = train_config(sigma=(10.0, 10.0), color=True, filters=8, batch_norm=False, optimizer="adamw")
    assert (narrow.name, narrow.sigma, narrow.weight_decay) == ("cdncnn-s-10", (10.0, 10.0), 1e-4)
    assert (narrow.model.channels, narrow.model.filters, narrow.model.batch_norm) == (3, 8, False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "say what to train: `sigma`"),
        ({"recipe": "dncnn-s-26"}, "no such `recipe`; there are dncnn-s-15,"),
        ({"recipe": "other-paper"}, "no such `recipe`"),
        ({"recipe": "dncnn-s-15", "depth": 5}, "starts from dncnn-s-25, so its network is fixed"),
        ({"task": "general", "color": True}, "channels must be 1"),
        ({"sigma": (25.0, 25.0), "epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_what_does_not_go_together(options: dict, text: str) -> None:
    with pytest.raises(OptionError, match=text):
        train_config(**options)


@pytest.mark.parametrize("name", RECIPES)
def test_a_finishing_recipe_goes_on_from_its_model_with_fixed_statistics(name: str) -> None:
    first, second = RECIPES[name], finishing_recipe(name)
    assert second.init == name
    assert (second.model, second.live_epochs) == (first.model, 0)
    assert (second.task, second.sigma, second.loss) == (first.task, first.sigma, first.loss)
    again = train_config(recipe=f"{name}-finish", init=f"runs/{name}", data="train400+cbsd432")
    assert (again.init, again.name) == (f"runs/{name}", f"{name}-finish")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_the_model_in_the_box_that_it_starts_from(name: str) -> None:
    """A model that is shipped without batch normalisation makes those that start from it go without, too."""
    for recipe in (RECIPES[name], finishing_recipe(name)):
        if recipe.init is not None:
            have, want = ModelConfig(**read_card(recipe.init)["model"]), recipe.model
            assert (have.filters, have.residual) == (want.filters, want.residual)
            assert have.depth <= want.depth
            assert have.channels <= want.channels
            assert have.batch_norm >= want.batch_norm


@pytest.mark.parametrize(("mode", "model"), [("L", "dncnn-b"), ("RGB", "dncnn-photo")])
def test_finetuning_starts_from_the_blind_model_for_the_pictures(tmp_path: Path, mode: str, model: str) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "grey.png")
    Image.new(mode, (8, 8)).save(tmp_path / "other.png")
    config = finetuning_config(tmp_path / "noisy", tmp_path, name="mine", epochs=3)
    assert (config.init, config.model, config.task) == (model, RECIPES[model].model, "pairs")
    assert (config.data, config.noisy_data) == (str(tmp_path), str(tmp_path / "noisy"))
    assert (config.name, config.epochs, config.frozen_share) == ("mine", 3, 1.0)
    assert isinstance(config, TrainConfig)
