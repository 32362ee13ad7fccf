"""What a model's name or path is, for every kind that there is, and the same answer from all that take one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.models import trained_like

from dncnn_tf import export_onnx, export_saved_model, export_tflite, load_model, open_engine
from dncnn_tf.models import source
from dncnn_tf.models.cards import PRETRAINED, ModelError, shipped_models
from dncnn_tf.models.source import Source, default_model, find_source
from dncnn_tf.models.weights import read_network, save_model, save_weights

TRAINED = ("mine.keras", "mine.weights.h5", "run")
EXPORTED = ("exported/mine", "exported/mine/1", "exported/mine/mine.tflite", "exported/mine/mine.onnx")


@pytest.fixture(scope="module", params=[True, False], ids=["normalised", "plain"])
def model(request):
    """Models are trained with batch normalisation or without."""
    return trained_like(batch_norm=request.param)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    """One model in every form."""
    folder = tmp_path_factory.mktemp("forms")
    (folder / "run").mkdir()
    (folder / "run/config.json").write_text("{}")
    save_model(model, folder / "mine.keras")
    save_model(model, folder / "run/best.keras")
    save_weights(model, folder / "mine.weights.h5", {})
    for write in (export_saved_model, export_tflite, export_onnx):
        write(folder / "mine.weights.h5", folder / "exported")
    return folder


@pytest.mark.parametrize("form", [*TRAINED, *EXPORTED])
def test_every_form_runs_as_the_model_does(model, folder, form) -> None:
    noisy = np.random.default_rng(0).random((2, 9, 14, 1), np.float32)
    expected = model(noisy, training=False)
    engine = open_engine(folder / form, precision="float32")
    assert (engine.channels, engine.receptive_radius) == (1, 4)
    np.testing.assert_allclose(engine(noisy), expected, atol=1e-5)
    if form in TRAINED:
        np.testing.assert_allclose(load_model(folder / form)(noisy, training=False), expected, atol=1e-6)
    else:
        with pytest.raises(ModelError, match="not a model, but what was exported of one; give a name"):
            load_model(folder / form)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "keras", "litert", "savedmodel"])
def test_every_engine_runs_a_keras_model(model, engine) -> None:
    noisy = np.random.default_rng(0).random((1, 7, 13, 1), np.float32)
    opened = open_engine(model, engine=engine, precision="float32")
    assert engine in type(opened).__name__.lower()
    np.testing.assert_allclose(opened(noisy), model(noisy, training=False), atol=1e-5)


@pytest.mark.parametrize("form", TRAINED)
def test_networks_are_the_same_from_every_form(model, folder, form) -> None:
    """Read without Keras or with it; normalisation is gone, and the name is the file's or the run's."""
    network, other = read_network(find_source(folder / form)), read_network(find_source(folder / "mine.keras"))
    assert network.name == form.split(".")[0]
    assert not network.config.batch_norm
    for ours, theirs in zip(network.kernels + network.biases, other.kernels + other.biases, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.parametrize(
    ("path", "kind", "file", "name"),
    [
        ("mine.keras", "keras", "mine.keras", "mine"),
        ("none/a.b.keras", "keras", "none/a.b.keras", "a.b"),
        ("b.c.weights.h5", "weights", "b.c.weights.h5", "b.c"),
        ("run", "run", "run/best.keras", "run"),
        ("exported/mine", "savedmodel", "exported/mine/1", "mine"),
        ("exported/mine/1", "savedmodel", "exported/mine/1", "mine"),
        ("exported/mine/mine.tflite", "tflite", "exported/mine/mine.tflite", "mine"),
        ("mine-int8.onnx", "onnx", "mine-int8.onnx", "mine-int8"),
    ],
)
def test_paths(folder, path, kind, file, name) -> None:
    assert find_source(folder / path) == Source(kind, folder / file, name)
    assert find_source(str(folder / path)) == find_source(folder / path)


def test_names(tmp_path, monkeypatch) -> None:
    """A shipped model's name means that, whatever else there is under it; a run is called as its folder, even here."""
    monkeypatch.chdir(tmp_path)
    Path("dncnn-b").mkdir()
    Path("config.json").write_text("{}")
    for name in shipped_models():
        assert find_source(name) == Source("shipped", PRETRAINED / f"{name}.weights.h5", name)
    assert find_source(".").name == tmp_path.name
    with pytest.raises(ModelError, match="dncnn-b: not a model; give a name"):
        find_source("./dncnn-b/")


def _finished_run(folder: Path, seconds: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "best.keras").touch()
    (folder / "result.json").write_text("{}")
    os.utime(folder / "result.json", (seconds, seconds))
    return folder


def test_the_default_is_the_newest_finished_run_then_what_is_shipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source, "shipped_models", lambda: [])
    with pytest.raises(ModelError, match="give `model` or train one first"):
        default_model()
    monkeypatch.setattr(source, "shipped_models", lambda: ["dncnn-s-25"])
    assert default_model() == "dncnn-s-25"
    monkeypatch.setattr(source, "shipped_models", lambda: ["dncnn-s-25", "dncnn-b"])
    assert default_model() == "dncnn-b"
    _finished_run(Path("runs/new"), 2000)
    _finished_run(Path("runs/old"), 1000)
    (Path("runs/unfinished")).mkdir()
    (Path("runs/unfinished/best.keras")).touch()
    assert default_model() == Path("runs/new")
