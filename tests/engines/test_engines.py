"""Every engine gives what the Keras model gives, batch normalisation and all, and says what tiles must know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.models import trained_like
from helpers.processor import needs_bfloat16

from dncnn_tf.engines import available, opening
from dncnn_tf.engines import precision as precisions
from dncnn_tf.engines.available import ENGINES
from dncnn_tf.engines.contract import card_of_file
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.export.exports import export_onnx, export_saved_model, export_tflite
from dncnn_tf.models.cards import ModelError
from dncnn_tf.models.source import newest_version

DEPTH = 4


@pytest.fixture(scope="module")
def model():
    return trained_like(depth=DEPTH)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory) -> dict[str, Path]:
    """The same model in every form."""
    folder = tmp_path_factory.mktemp("exported")
    model.save(folder / "small.keras")
    return {
        "keras": folder / "small.keras",
        "savedmodel": export_saved_model(model, folder, name="small").path,
        "tflite": export_tflite(model, folder, name="small").path,
        "onnx": export_onnx(model, folder, name="small").path,
    }


FORMS = [
    *(("keras", engine) for engine in ENGINES),
    *(("savedmodel", "auto"), ("tflite", "auto"), ("onnx", "onnxruntime"), ("onnx", "openvino")),
]


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def engine(request, files):
    form, name = request.param
    return open_engine(files[form], engine=name, precision="float32")


def test_all_engines_compute_the_model(engine, model):
    """Sizes come back and forth, so that an engine that keeps the first one's buffers shows."""
    rng = np.random.default_rng(0)
    for shape in ((1, 9, 14, 1), (3, 31, 20, 1), (1, 1, 1, 1), (1, 9, 14, 1)):
        noisy = rng.normal(0.5, 0.3, shape).astype(np.float32)
        denoised = engine(noisy)
        assert denoised.dtype == np.float32
        np.testing.assert_allclose(denoised, model(noisy, training=False), atol=1e-5)


def test_output_is_not_clipped_and_not_shared(engine):
    first = engine(np.full((1, 8, 8, 1), 2, np.float32))
    kept = first.copy()
    assert first.max() > 1
    engine(np.zeros((1, 8, 8, 1), np.float32))
    np.testing.assert_array_equal(first, kept)


def test_receptive_radius_is_what_a_pixel_reaches(engine):
    """A changed pixel moves outputs up to the radius away, and none beyond."""
    assert (engine.channels, engine.receptive_radius) == (1, DEPTH)
    rng = np.random.default_rng(1)
    reach = 0
    noisy = rng.normal(0.5, 0.2, (1, 21, 21, 1)).astype(np.float32)
    before = engine(noisy)
    for value in (-3, 3):
        noisy[0, 10, 10, 0] = value
        rows, columns = np.nonzero(np.abs(engine(noisy) - before)[0, ..., 0] > 1e-6)
        reach = max(reach, np.abs(rows - 10).max(), np.abs(columns - 10).max())
    assert reach == DEPTH


def test_open_engine_finds_the_engine(files):
    engines = {
        "keras": "OpenVINOEngine",
        "onnx": "OpenVINOEngine",
        "tflite": "LiteRTEngine",
        "savedmodel": "SavedModelEngine",
    }
    assert {kind: type(open_engine(files[kind])).__name__ for kind in engines} == engines
    assert type(open_engine(str(files["savedmodel"].parent))).__name__ == "SavedModelEngine"


def test_the_fastest_engine_that_is_installed_is_taken(files, monkeypatch):
    for missing, engine in (("openvino", "OnnxRuntimeEngine"), ("onnxruntime", "KerasEngine")):
        installed = available.installed_engines()
        monkeypatch.setattr(
            available, "installed_engines", lambda left=installed, gone=missing: [e for e in left if e != gone]
        )
        assert type(open_engine(files["keras"], precision="float32")).__name__ == engine
        with pytest.raises(ModelError, match=rf"{missing} is missing; install it with: pip install {missing} onnx"):
            open_engine(files["keras"], engine=missing)
    with pytest.raises(ModelError, match="openvino is missing"):
        open_engine(files["onnx"])


# (bfloat16 in hardware, much to do, precision asked for, engines that are missing) and what runs the model.
CHOICES = [
    ((True, False, "auto", ()), ("openvino", "bfloat16")),
    ((True, False, "auto", ("openvino",)), ("onnxruntime", "float32")),
    ((True, True, "auto", ("openvino",)), ("keras", "bfloat16")),
    ((True, True, "float32", ("openvino",)), ("onnxruntime", "float32")),
    ((True, False, "bfloat16", ("openvino",)), ("keras", "bfloat16")),
    ((True, False, "auto", ("openvino", "onnxruntime")), ("keras", "bfloat16")),
    ((False, False, "auto", ()), ("openvino", "float32")),
    ((False, True, "auto", ("openvino",)), ("onnxruntime", "float32")),
    ((False, True, "auto", ("openvino", "onnxruntime")), ("keras", "float32")),
    ((False, True, "bfloat16", ()), ("openvino", "bfloat16")),
]


@pytest.mark.parametrize(("given", "expected"), CHOICES)
def test_what_is_fastest_for_the_job_is_taken(given, expected, files, monkeypatch):
    hardware, large, precision, missing = given
    installed = [name for name in available.installed_engines() if name not in missing]
    monkeypatch.setattr(available, "installed_engines", lambda: installed)
    monkeypatch.setattr(precisions, "cpu_has_bfloat16", lambda: hardware)
    monkeypatch.setattr(available, "openvino_has_bfloat16", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "_engine_class", lambda name: SimpleNamespace(of=lambda _, precision: (name, precision)))
        assert open_engine(files["keras"], precision=precision, large=large) == expected
    assert type(open_engine(files["tflite"], precision="auto")).__name__ == "LiteRTEngine"


@pytest.mark.parametrize("engine", [pytest.param("openvino", marks=needs_bfloat16), "keras", "savedmodel"])
def test_bfloat16_is_near_and_not_the_same(files, model, engine):
    noisy = np.random.default_rng(0).normal(0.5, 0.3, (1, 40, 40, 1)).astype(np.float32)
    difference = np.abs(open_engine(files["keras"], engine=engine, precision="bfloat16")(noisy) - model(noisy)).max()
    assert 1e-4 < difference < 0.1


@pytest.mark.parametrize("engine", ["onnxruntime", "litert"])
def test_engines_without_bfloat16_say_so(files, engine, monkeypatch):
    monkeypatch.setattr(available, "openvino_has_bfloat16", lambda: True)
    with pytest.raises(ModelError, match=f"in bfloat16 runs in openvino, keras, savedmodel. Received: {engine}"):
        open_engine(files["keras"], engine=engine, precision="bfloat16")


def test_where_openvino_has_no_bfloat16_keras_computes_in_it(files, monkeypatch):
    """OpenVINO would take float32 for it, and say nothing."""
    monkeypatch.setattr(available, "openvino_has_bfloat16", lambda: False)
    with pytest.raises(ModelError, match=r"in bfloat16 runs in keras, savedmodel\. Received: openvino"):
        open_engine(files["keras"], engine="openvino", precision="bfloat16")
    assert type(open_engine(files["keras"], precision="bfloat16")).__name__ == "KerasEngine"


def test_an_export_is_run_by_what_can_run_it(files):
    with pytest.raises(ModelError, match=r"small\.tflite runs in litert\. Received: openvino"):
        open_engine(files["tflite"], engine="openvino")


@pytest.mark.parametrize("kind", ["tflite", "savedmodel", "onnx"])
def test_an_exported_model_keeps_its_precision(files, kind):
    with pytest.raises(ModelError, match=r"leave out `precision`\. Received: bfloat16"):
        open_engine(files[kind], precision="bfloat16")


def test_the_highest_version_is_the_newest(tmp_path):
    for version in ("2", "10", "9", "11-broken", "12"):
        (tmp_path / version).mkdir()
        if version != "12":
            (tmp_path / version / "saved_model.pb").touch()
    assert newest_version(tmp_path) == tmp_path / "10"
    assert newest_version(tmp_path / "2") == tmp_path / "2"
    assert newest_version(tmp_path / "12") is None


def test_what_cannot_be_opened_is_named(tmp_path):
    for path in (tmp_path / "none.tflite", tmp_path / "none.onnx", tmp_path / "none.keras", tmp_path):
        with pytest.raises(ModelError, match=str(path)):
            open_engine(path)


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize("content", [b"", b"TFL3 is not enough", None], ids=["empty", "text", "truncated"])
def test_a_damaged_file_is_named(files, tmp_path, kind, content):
    damaged = tmp_path / f"damaged.{kind}"
    damaged.write_bytes(files[kind].read_bytes()[:500] if content is None else content)
    shutil.copy(card_of_file(files[kind]), card_of_file(damaged))
    with pytest.raises(ModelError, match=rf"damaged\.{kind}: damaged"):
        open_engine(damaged)


@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_damaged_saved_model_is_named(files, tmp_path, part):
    copy = shutil.copytree(files["savedmodel"], tmp_path / "1")
    (copy / part).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="its SHA-256 is not its card's"):
        open_engine(copy)
    with pytest.raises(ModelError, match="damaged, or not exported by dncnn-tf"):
        open_engine(copy, trust=True)


def test_a_card_that_is_missing_or_damaged_is_named(files, tmp_path):
    lonely = Path(shutil.copy(files["tflite"], tmp_path))
    with pytest.raises(ModelError, match=r"small\.tflite\.json: missing"):
        open_engine(lonely)
    card_of_file(lonely).write_text(json.dumps({"channels": "one"}))
    with pytest.raises(ModelError, match="not the card of an exported model"):
        open_engine(lonely)
