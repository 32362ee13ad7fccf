"""Exports: layout, signature, agreement with the source, and that nothing wrong is ever kept."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from click.testing import CliRunner
from helpers.models import trained_like
from onnx.reference import ReferenceEvaluator
from PIL import Image

from cli.commands.export import export as command
from dncnn_tf import OptionError, denoise
from dncnn_tf.engines.contract import sha256_of_saved_model
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.export import exports as export
from dncnn_tf.export.checks import BOUNDS, Bound, ExportError
from dncnn_tf.export.exports import export_onnx, export_saved_model, export_tflite
from dncnn_tf.models import dncnn, folded
from dncnn_tf.models.cards import ModelError, read_card, shipped_models
from dncnn_tf.models.dncnn import build_dncnn, model_config, to_network
from dncnn_tf.models.weights import load_model


def encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def model():
    return trained_like()


@pytest.fixture(scope="module")
def color_model():
    return trained_like(channels=3)


def _everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_saved_model_serves_any_size_under_stable_names(color_model, tmp_path):
    """Read with TensorFlow alone, as TensorFlow Serving does."""
    kept = export_saved_model(color_model, tmp_path, name="color")
    assert kept.path == tmp_path / "color" / "1"
    loaded = tf.saved_model.load(kept.path)
    assert set(loaded.signatures) == {"serving_default", "uint8", "image_bytes"}
    serve = loaded.signatures["serving_default"]
    assert serve.structured_input_signature[1] == {"noisy": tf.TensorSpec((None, None, None, 3), tf.float32, "noisy")}
    assert list(serve.structured_outputs) == ["denoised"]
    assert serve.structured_outputs["denoised"].dtype == tf.float32
    for shape in ((1, 1, 1, 3), (2, 7, 13, 3), (1, 97, 101, 3)):
        noisy = np.random.default_rng(0).random(shape, np.float32)
        np.testing.assert_allclose(serve(noisy=noisy)["denoised"], color_model(noisy, training=False), atol=1e-5)
    operations = {node.op for function in serve.graph.as_graph_def().library.function for node in function.node_def}
    assert not any("BatchNorm" in name or "PyFunc" in name for name in operations)
    assert kept.difference <= 1e-5
    assert kept.size == sum(file.stat().st_size for file in kept.path.rglob("*") if file.is_file())


@pytest.mark.parametrize("channels", [1, 3])
def test_saved_model_takes_levels_and_files(channels, tmp_path):
    """Files of several kinds and sizes in one request, each restored as `denoise` does it."""
    model = trained_like(channels=channels)
    serve = tf.saved_model.load(export_saved_model(model, tmp_path, name="m").path).signatures
    levels = np.random.default_rng(0).integers(0, 256, (2, 9, 14, channels), np.uint8)
    received = serve["uint8"](noisy=levels)["denoised"].numpy()
    assert received.dtype == np.uint8
    np.testing.assert_allclose(received.astype(int), denoise(levels, model), atol=1)
    coffee = Image.fromarray(skimage.data.coffee()[100:171, 100:153])
    coffee.putalpha(coffee.convert("L"))
    pictures = [coffee.convert(mode).resize((20 + i, 30)) for i, mode in enumerate(("L", "LA", "RGB", "RGBA"))]
    files = [encoded(picture, "PNG") for picture in pictures]
    pictures.append(Image.open(io.BytesIO(encoded(coffee.convert("RGB"), "JPEG"))))
    files.append(encoded(pictures[-1], "PNG"))
    answers = serve["image_bytes"](image_bytes=tf.constant(files))["denoised_bytes"].numpy()
    for picture, answer in zip(pictures, answers, strict=True):
        result = Image.open(io.BytesIO(answer))
        assert (result.format, result.mode, result.size) == ("PNG", picture.mode, picture.size)
        np.testing.assert_allclose(np.asarray(result, int), denoise(np.asarray(picture), model), atol=1)
    (jpeg,) = serve["image_bytes"](image_bytes=tf.constant([encoded(pictures[0], "JPEG")]))["denoised_bytes"].numpy()
    assert Image.open(io.BytesIO(jpeg)).mode == "L"


@pytest.fixture(scope="module")
def small_files(model, tmp_path_factory) -> Callable[..., tf.Tensor]:
    """The signature for files, of a model that takes 1,000 pixels."""
    kept = export_saved_model(model, tmp_path_factory.mktemp("exported"), name="small", max_pixels=1000)
    loaded = tf.saved_model.load(kept.path)
    return lambda *files: loaded.signatures["image_bytes"](image_bytes=tf.constant(files))["denoised_bytes"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_files_up_to_the_limit_pass(small_files, kind, mode):
    """Any shape of 1,000 pixels; one more row is too much, and so it is among others that are small enough."""
    for size in ((25, 40), (1, 1000), (1000, 1), (31, 32)):
        (answer,) = small_files(encoded(Image.new(mode, size, "grey"), kind)).numpy()
        assert Image.open(io.BytesIO(answer)).size == size
    small, large = (encoded(Image.new(mode, (25, height)), kind) for height in (40, 41))
    for files in ((large,), (small, large)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"files of at most.*1000.*pixels.*41.*25"):
            small_files(*files)


def png_of(width: int, height: int) -> bytes:
    """A header that says it is so large, and next to nothing behind it."""
    parts = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(99)))
    blocks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(blocks)


def bmp_of(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


@pytest.mark.parametrize(
    "file",
    [
        *(png_of(20_000, 20_000), png_of(2**31 - 1, 1), png_of(2**31 - 1, 2**31 - 1), png_of(2**32 - 1, 2**32 - 1)),
        *(bmp_of(20_000, 20_000), bmp_of(20_000, -20_000), bmp_of(-(2**31), 2**31 - 1)),
        *(b"", b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"text"),
        encoded(Image.new("L", (9, 9)), "GIF"),
        encoded(Image.new("L", (9, 9)), "WebP"),
    ],
    ids=lambda file: repr(file[:30]),
)
def test_a_file_that_says_it_is_large_or_is_none_is_refused(small_files, file):
    with pytest.raises(tf.errors.InvalidArgumentError):
        small_files(file)


def test_a_limit_below_1_is_refused(model, tmp_path):
    with pytest.raises(OptionError, match="`max_pixels` must be at least 1"):
        export_saved_model(model, tmp_path, max_pixels=0)


def test_versions_go_up_and_are_never_replaced(model, tmp_path):
    (tmp_path / "small" / "9").mkdir(parents=True)
    assert export_saved_model(model, tmp_path, name="small").path.name == "10"
    assert export_saved_model(model, tmp_path, name="small", version_number=3).path.name == "3"
    before = (tmp_path / "small/10/saved_model.pb").read_bytes()
    with pytest.raises(ExportError, match="10: exists already; give another `version_number`"):
        export_saved_model(model, tmp_path, name="small", version_number=10)
    assert (tmp_path / "small/10/saved_model.pb").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"small", "models.config"}, "no temporary folder is left"


def test_bfloat16_is_bfloat16_inside_and_float32_outside(model, tmp_path):
    kept = export_saved_model(model, tmp_path, name="small", precision="bfloat16")
    assert 1e-5 < kept.difference <= BOUNDS["bfloat16"].difference
    assert open_engine(kept.path)(np.zeros((1, 5, 5, 1), np.float32)).dtype == np.float32
    assert open_engine(kept.path, precision="bfloat16").channels == 1
    with pytest.raises(ModelError, match=r"it was exported with, bfloat16; leave out `precision`\. Received: float32"):
        open_engine(kept.path, precision="float32")
    assert json.loads((kept.path / "assets.extra/card.json").read_text()) == {
        "name": "small",
        "channels": 1,
        "receptive_radius": 4,
        "precision": "bfloat16",
        "sha256": sha256_of_saved_model(kept.path),
    }


def test_quantisation_makes_the_file_smaller_within_its_bound(tmp_path):
    model = trained_like(filters=32, channels=3)
    kept = {
        kind: export_tflite(model, tmp_path, name="m", quantize=kind) for kind in ("none", "float16", "dynamic", "int8")
    }
    assert kept["none"].difference <= 1e-5
    assert kept["none"].size > 1.5 * kept["float16"].size > 2 * kept["dynamic"].size
    for kind in ("float16", "dynamic", "int8"):
        assert 1e-5 < kept[kind].difference <= BOUNDS[kind].difference
        assert kept[kind].psnr_loss <= BOUNDS[kind].psnr_loss
    assert _everything(tmp_path) == [
        *("m/m-dynamic.tflite", "m/m-dynamic.tflite.json"),
        *("m/m-float16.tflite", "m/m-float16.tflite.json"),
        *("m/m-int8.tflite", "m/m-int8.tflite.json"),
        *("m/m.tflite", "m/m.tflite.json"),
    ]


@pytest.mark.parametrize("write", [export_tflite, export_onnx])
def test_a_file_is_replaced_only_when_asked(model, tmp_path, write):
    path = write(model, tmp_path, name="small").path
    path.write_bytes(b"mine")
    with pytest.raises(ExportError, match=rf"{path.name}: exists already; give `overwrite`"):
        write(model, tmp_path, name="small")
    assert path.read_bytes() == b"mine"
    write(model, tmp_path, name="small", overwrite=True)
    assert open_engine(path).channels == 1


@pytest.mark.parametrize("write", [export_saved_model, export_tflite, export_onnx])
@pytest.mark.parametrize("wrong", [1e-4, np.nan])
def test_an_export_that_differs_from_its_model_is_not_kept(model, tmp_path, monkeypatch, write, wrong):
    """The folded network is spoiled by as little as one bias of the last convolution."""

    def fold_wrongly(model, name):
        folded = to_network(model, name)
        return dataclasses.replace(folded, biases=(*folded.biases[:-1], folded.biases[-1] + np.float32(wrong)))

    monkeypatch.setattr(export, "to_network", fold_wrongly)
    with pytest.raises(ExportError, match=r"not kept: it differs from its model by (0\.0001|nan) \(at most 1e-05\)"):
        write(model, tmp_path / "exported", name="small")
    assert list((tmp_path / "exported").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("write", [export_saved_model, export_tflite, export_onnx])
@pytest.mark.parametrize("name", shipped_models())
def test_exports_of_what_is_shipped_compute_what_it_does(name, write, tmp_path):
    """On odd sizes; and on a photograph with noise, as they are checked when they are written."""
    kept = write(name, tmp_path)
    assert kept.difference <= 1e-5
    assert kept.psnr_loss <= 1e-3
    source, engine = load_model(name), open_engine(kept.path)
    assert (engine.channels, engine.receptive_radius) == (source.input_shape[-1], read_card(name)["model"]["depth"])
    for shape in ((1, 1, 1), (2, 7, 13), (1, 37, 64)):
        noisy = np.random.default_rng(0).random((*shape, engine.channels), np.float32)
        np.testing.assert_allclose(engine(noisy), source(noisy, training=False), atol=1e-5)


def test_onnx_is_read_by_another_reader(color_model, tmp_path):
    kept = export_onnx(color_model, tmp_path, name="m")
    assert kept.path == tmp_path / "m/m.onnx"
    reader = ReferenceEvaluator(str(kept.path))
    noisy = np.random.default_rng(0).random((2, 7, 9, 3), np.float32)
    (denoised,) = reader.run(["denoised"], {"noisy": noisy})
    np.testing.assert_allclose(denoised, color_model(noisy, training=False), atol=1e-5)


def test_a_loss_of_quality_alone_is_enough_to_refuse(model, tmp_path, monkeypatch):
    monkeypatch.setitem(BOUNDS, "dynamic", Bound(difference=1.0, psnr_loss=-1.0))
    with pytest.raises(ExportError, match=r"loses .* dB .*; export it with `quantize` float16"):
        export_tflite(model, tmp_path, name="small", quantize="dynamic")
    assert _everything(tmp_path) == []


@pytest.mark.parametrize("write", [export_saved_model, export_onnx])
def test_models_are_exported_by_path_under_their_own_names(model, tmp_path, write):
    """As it was trained, in whatever precision; the run's folder names the export, not the file in it."""
    run = tmp_path / "runs/mine"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    mixed = build_dncnn(model_config(model), dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    mixed.save(run / "best.keras")
    kept = write(run, tmp_path / "exported")
    assert kept.path.parent == tmp_path / "exported/mine"
    noisy = np.random.default_rng(0).random((1, 11, 6, 1), np.float32)
    np.testing.assert_allclose(open_engine(kept.path)(noisy), model(noisy, training=False), atol=1e-5)
    with pytest.raises(
        ModelError, match=r"not a model, but what was exported of one; give a name \(.*, or a run folder"
    ):
        write(kept.path, tmp_path / "again")


def test_folding_is_part_of_what_is_compared(model, tmp_path, monkeypatch):
    """Folded with another epsilon than the layers': the file holds what it was given, and is not kept."""
    monkeypatch.setattr(dncnn, "fold", lambda *network, epsilon: folded.fold(*network, epsilon=2e-3))
    with pytest.raises(ExportError, match="not kept: it differs from its model"):
        export_onnx(model, tmp_path, name="small")


def test_command_exports_the_newest_run(dncnn_tf, model, tmp_path):
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    model.save(run / "best.keras")
    (run / "config.json").write_text("{}")
    (run / "result.json").write_text("{}")
    result = dncnn_tf("export", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "exported/mine/1\n")
    assert "exporting runs/mine; --model takes another" in result.stderr
    assert "MB; differs from the model by" in result.stderr
    noisy = np.random.default_rng(0).random((1, 11, 6, 1), np.float32)
    served = open_engine(tmp_path / "exported" / "mine")(noisy)
    np.testing.assert_allclose(served, model(noisy, training=False), atol=1e-5)


def test_command_names_a_damaged_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.keras").write_bytes(b"not a model")
    result = CliRunner().invoke(command, ["--format", "tflite", "--model", "bad.keras"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: bad.keras: damaged, or not saved by Keras")
    assert not Path("exported").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--quantize", "float16"),
        ("--overwrite",),
        ("--format", "tflite", "--version-number", "2"),
        ("--format", "tflite", "--precision", "bfloat16"),
        ("--format", "onnx", "--quantize", "float16"),
        ("--format", "onnx", "--precision", "bfloat16"),
        ("--format", "tflite", "--max-pixels", "1M"),
        ("--version-number", "0"),
        ("--format", "onnx2"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.output
