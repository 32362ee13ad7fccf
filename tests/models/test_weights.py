"""Models by name and path: the shipped ones are what their cards say, and nothing damaged is ever used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.models import trained_like

from dncnn_tf.config import RECIPES
from dncnn_tf.data.datasets import resolve
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.models.cards import ModelError, degree_text, read_card, shipped_models, task_and_degree
from dncnn_tf.models.dncnn import model_config
from dncnn_tf.models.weights import load_model, save_weights

# What a model must reach to be in the box; 45 dB without noise: it does no harm. The grey ones are far above BM3D, and
# DnCNN-3 is within 0.20 dB of the paper's Table V.
LEAST = {
    "dncnn-s-15": {"bsd68": {"σ 15": 31.55}},
    "dncnn-s-25": {"bsd68": {"σ 25": 29.05}},
    "dncnn-s-50": {"bsd68": {"σ 50": 26.05}},
    "dncnn-b": {"bsd68": {"σ 0": 45, "σ 15": 31.40, "σ 25": 28.95, "σ 50": 26.00}},
    "cdncnn-b": {"cbsd68": {"σ 0": 45, "σ 15": 33.60, "σ 25": 30.95, "σ 50": 27.55}},
    "dncnn-photo": {"polyu-test": {"own noise": 38.55}, "cbsd68": {"σ 0": 45}},
    "dncnn-3": {
        "bsd68": {"σ 0": 45, "σ 15": 31.26, "σ 25": 28.82, "σ 50": 25.90},
        "set5": {"×2": 37.38, "×3": 33.55, "×4": 31.20},
        "set14": {"×2": 32.83, "×3": 29.61, "×4": 27.84},
        "bsd100": {"×2": 31.70, "×3": 28.65, "×4": 27.09},
        "classic5": {"quality 10": 29.20, "quality 20": 31.43, "quality 30": 32.71, "quality 40": 33.57},
        "live1": {"quality 10": 28.99, "quality 20": 31.39, "quality 30": 32.78, "quality 40": 33.76},
    },
}
REPEATED = [
    ("set12", "denoise", None),
    ("bsd68", "denoise", 0),
    ("cbsd68", "denoise", 0),
    ("cbsd68", "denoise", 25),
    ("set5", "super-resolution", None),
    ("classic5", "jpeg", None),
]
NOISY = np.random.default_rng(0).random((1, 12, 15, 1), np.float32)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[keras.Model, Path]:
    model = trained_like()
    save_weights(model, tmp_path / "mine.weights.h5", {"name": "mine"})
    return model, tmp_path / "mine.weights.h5"


def test_a_model_is_shipped() -> None:
    assert "dncnn-s-25" in shipped_models()


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_are_what_their_cards_say(name: str) -> None:
    card, model = read_card(name), load_model(name)
    assert model_config(model) == RECIPES[name].model
    assert model.count_params() == card["parameters"]
    assert {"command", "recipe", "result", "hours", "hardware", "curve", "license"} <= card.keys()
    assert card["result"]["steps"] == card["recipe"]["epochs"] * card["recipe"]["steps_per_epoch"]
    measured = {(row["data"], degree_text(row)): row["psnr"] for row in card["measured"]}
    for data, degrees in LEAST[name].items():
        for degree, least in degrees.items():
            assert measured[data, degree] >= least


@pytest.mark.data
@pytest.mark.parametrize("name", shipped_models())
def test_cards_report_what_is_measured(name: str) -> None:
    engine = open_engine(load_model(name), precision="float32")
    for row in read_card(name)["measured"]:
        task, degree = task_and_degree(row)
        if {(row["data"], task, degree), (row["data"], task, None)} & set(REPEATED):
            result = evaluate(engine, resolve(row["data"]), Setting(task, degree))
            assert result.psnr == pytest.approx(row["psnr"], abs=0.002)
            assert result.ssim == pytest.approx(row["ssim"], abs=0.0002)


def test_weights_with_their_card(saved: tuple[keras.Model, Path]) -> None:
    model, file = saved
    np.testing.assert_array_equal(load_model(file)(NOISY), model(NOISY))


def test_a_run_folder_gives_its_best_model(saved: tuple[keras.Model, Path], tmp_path: Path) -> None:
    model, _ = saved
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{}")
    with pytest.raises(ModelError, match="no model yet"):
        load_model(tmp_path / "run")
    model.save(tmp_path / "run/best.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "run")(NOISY), model(NOISY))


def test_changed_weights_are_refused(saved: tuple[keras.Model, Path]) -> None:
    _, file = saved
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256 is not the card's"):
        load_model(file)


def test_weights_of_another_shape_are_refused(saved: tuple[keras.Model, Path]) -> None:
    _, file = saved
    card = file.with_name("mine.json")
    content = json.loads(card.read_text())
    content["model"]["depth"] = 6
    card.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="do not fit"):
        load_model(file)


def test_weights_without_their_card_are_refused(saved: tuple[keras.Model, Path]) -> None:
    _, file = saved
    file.with_name("mine.json").unlink()
    with pytest.raises(ModelError, match="side by side"):
        load_model(file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.keras", None, "no such file"),
        ("a.keras", b"PK\x03\x04 and no more", "damaged, or not saved by Keras"),
        ("a.png", b"", "not a model; give a name"),
        ("dncnn-x", None, "not a model; give a name"),
    ],
)
def test_what_is_no_model(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / name)


def test_another_network_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 1))
    keras.Model(inputs, keras.layers.Conv2D(1, 3)(inputs)).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match="not a DnCNN saved by Keras"):
        load_model(tmp_path / "other.keras")


def test_code_in_a_model_file_is_not_run(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 1))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError):
        load_model(tmp_path / "lambda.keras")


def test_a_model_that_is_not_shipped_is_named_with_those_that_are() -> None:
    missing = [name for name in RECIPES if name not in shipped_models()]
    for name in missing:
        with pytest.raises(
            ModelError, match=f"{name}: no such model is shipped; there are: {', '.join(shipped_models())}"
        ):
            load_model(name)


def test_a_copy_elsewhere_works_like_the_shipped_one(tmp_path: Path) -> None:
    from dncnn_tf.models.cards import PRETRAINED

    for file in PRETRAINED.glob("dncnn-s-25.*"):
        shutil.copy(file, tmp_path)
    np.testing.assert_array_equal(
        load_model(tmp_path / "dncnn-s-25.weights.h5")(NOISY), load_model("dncnn-s-25")(NOISY)
    )
