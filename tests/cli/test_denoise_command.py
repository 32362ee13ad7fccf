"""`dncnn-tf denoise` and `dncnn-tf demo` as people run them."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import skimage
from PIL import ExifTags, Image
from scipy.ndimage import gaussian_filter

from dncnn_tf import ModelConfig, build_dncnn, denoise, shipped_models
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.models.weights import load_model, save_weights

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def keras_model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.keras"
    build_dncnn(ModelConfig(depth=3, filters=8), initialization="he", seed=5).save(path)
    return path


@pytest.fixture(scope="module")
def model(keras_model):
    """The same as weights, which are read without Keras."""
    save_weights(load_model(keras_model), keras_model.with_suffix(".weights.h5"), {"name": "small"})
    return keras_model.with_suffix(".weights.h5")


@pytest.fixture(scope="module")
def deep():
    """A 16-bit colour picture, as array and as PNG."""
    array = np.random.default_rng(0).integers(0, 65536, (17, 21, 3), np.uint16)
    return array, imagecodecs.png_encode(array)


@pytest.fixture(scope="module")
def album(tmp_path_factory, deep):
    """A folder with pictures of many kinds, and with files that are none."""
    folder = tmp_path_factory.mktemp("album")
    coffee = Image.open(PHOTOGRAPHS / "coffee.png").crop((100, 100, 171, 153))
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera maker"
    coffee.save(folder / "photo.jpg", exif=exif.tobytes(), quality=91)
    coffee.convert("L").save(folder / "grey.PNG")
    transparent = coffee.copy()
    transparent.putalpha(coffee.convert("L"))
    transparent.save(folder / "transparent.png")
    coffee.quantize(16).save(folder / "palette.png")
    coffee.save(folder / "scan.tif", compression="tiff_lzw")
    Image.new("L", (1, 1), 90).save(folder / "one.png")
    (folder / "deep.png").write_bytes(deep[1])
    (folder / "notes.txt").write_text("no picture")
    (folder / "deeper").mkdir()
    coffee.save(folder / "deeper" / "inner.png")
    (folder / "folder.png").mkdir()
    (folder / "bad-text.png").write_text("This is no picture.\n")
    (folder / "bad-empty.png").touch()
    whole = (folder / "transparent.png").read_bytes()
    (folder / "bad-cut.png").write_bytes(whole[: len(whole) // 2])
    coffee.save(folder / "bad-animated.webp", save_all=True, append_images=[coffee.rotate(90)])
    coffee.convert("CMYK").save(folder / "bad-cmyk.jpg")
    return folder


GOOD = {"deep.png", "grey.PNG", "one.png", "palette.png", "photo.jpg", "scan.tif", "transparent.png"}
BAD = {
    "bad-animated.webp": "animated",
    "bad-cmyk.jpg": "CMYK",
    "bad-cut.png": "damaged or cut short",
    "bad-empty.png": "empty",
    "bad-text.png": "not an image",
}


@pytest.fixture(scope="module")
def first_run(dncnn_tf, album, keras_model):
    return dncnn_tf("denoise", album, "--model", keras_model, "--precision", "float32", "--save-noise", "--compare")


def named(name):
    return Path(name).with_stem(f"{Path(name).stem}_denoised").name


def test_every_good_file_is_denoised_beside_itself(first_run, album):
    assert set(first_run.stdout.split()) == {str(album / named(name)) for name in GOOD}
    for name in GOOD:
        before, after = Image.open(album / name), Image.open(album / named(name))
        assert (after.format, after.size) == (before.format, before.size)
        assert after.mode == ("RGB" if name == "palette.png" else before.mode)
    assert Image.open(album / "photo_denoised.jpg").getexif()[ExifTags.Base.Make] == "Camera maker"
    assert Image.open(album / "scan_denoised.tif").info["compression"] == "tiff_lzw"
    assert not (album / "deeper" / "inner_denoised.png").exists()


def test_every_bad_file_gets_one_line_and_stops_no_other(first_run, album):
    assert first_run.returncode == 1
    errors = [line for line in first_run.stderr.splitlines() if line.startswith("error: ")]
    for name, reason in BAD.items():
        (line,) = [line for line in errors if str(album / name) in line]
        assert line.startswith(f"error: {album / name}: ")
        assert reason in line
        assert not (album / named(name)).exists()
    assert len(errors) == len(BAD)


def test_stderr_holds_errors_and_notes_alone(first_run, album):
    rest = [line for line in first_run.stderr.splitlines() if not line.startswith("error: ")]
    assert rest == [f"{album / 'palette.png'}: palette picture; the result has full colour"]


def test_the_file_holds_what_the_library_computes(first_run, album, model, deep):
    result = imagecodecs.png_decode((album / "deep_denoised.png").read_bytes())
    assert result.dtype == np.uint16
    expected = denoise(deep[0], model, precision="float32")
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert np.abs(expected.astype(int) - deep[0]).mean() > 100
    alpha = np.asarray(Image.open(album / "transparent_denoised.png"))[..., 3]
    np.testing.assert_array_equal(alpha, np.asarray(Image.open(album / "transparent.png"))[..., 3])


def test_noise_and_comparison_show_what_happened(first_run, album):
    before, after = (np.asarray(Image.open(album / name), int) for name in ("grey.PNG", "grey_denoised.PNG"))
    noise = np.asarray(Image.open(album / "grey_denoised_noise.png"), int)
    unclipped = (noise > 0) & (noise < 255)
    assert np.abs(noise - 127.5 - (before - after))[unclipped].max() <= 1.5
    compare = np.asarray(Image.open(album / "grey_denoised_compare.png"), int)
    np.testing.assert_array_equal(compare, np.concatenate([before, after], axis=1))


def test_no_temporary_file_is_left(first_run, album):
    assert not [path for path in album.rglob("*") if path.name.startswith(".") or ".tmp" in path.name]


def test_a_second_run_neither_overwrites_nor_denoises_results(first_run, dncnn_tf, album, model):
    before = {path: path.stat().st_mtime_ns for path in album.iterdir()}
    good = [album / name for name in GOOD]
    again = dncnn_tf("denoise", album, "--dry-run")
    assert again.returncode == 1
    assert again.stderr.count("exists already; give --overwrite") == len(GOOD)
    assert f"passing over results of an earlier run ({3 * len(GOOD)})" in again.stderr
    assert "_denoised_denoised" not in again.stdout + again.stderr
    by_shell = dncnn_tf("denoise", *good, *[album / named(name) for name in GOOD], "--model", model)
    assert by_shell.returncode == 1
    assert by_shell.stdout == ""
    assert {path: path.stat().st_mtime_ns for path in album.iterdir()} == before


def test_standard_input_to_standard_output(model, deep):
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "dncnn_tf",
            "denoise",
            "-",
            "--model",
            model,
            "--precision",
            "float32",
            "--tile",
            "8",
            "-q",
        ],
        input=deep[1],
        capture_output=True,
        timeout=240,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    result = imagecodecs.png_decode(run.stdout)
    assert np.abs(result.astype(int) - denoise(deep[0], model, precision="float32")).max() <= 1


def test_one_file_into_another_format_over_an_old_file(dncnn_tf, album, model, deep, tmp_path):
    target = tmp_path / "out.bmp"
    target.write_bytes(b"old")
    arguments = ("denoise", album / "deep.png", "-o", target, "--model", model, "--precision", "float32")
    refused = dncnn_tf(*arguments)
    assert (refused.returncode, target.read_bytes()) == (1, b"old")
    run = dncnn_tf(*arguments, "--overwrite", "--strength", 0)
    assert run.returncode == 0
    assert "BMP holds 8 bits" in run.stderr
    after = Image.open(target)
    assert after.format == "BMP"
    np.testing.assert_array_equal(np.asarray(after), np.rint(deep[0] / 257))


def test_a_model_that_cannot_be_loaded_is_one_line(dncnn_tf, album, tmp_path):
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"PK no archive")
    run = dncnn_tf("denoise", album / "grey.PNG", "-o", tmp_path / "out.png", "--model", damaged)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"error: {damaged}: ")
    assert not (tmp_path / "out.png").exists()


def test_folders_keep_their_tree_in_the_output_folder(dncnn_tf, album, tmp_path):
    run = dncnn_tf("denoise", album, "-o", tmp_path / "clean", "--recursive", "--dry-run", "--format", "png")
    lines = run.stdout.splitlines()
    assert f"{album / 'deeper' / 'inner.png'} -> {tmp_path / 'clean' / 'deeper' / 'inner_denoised.png'}" in lines
    assert f"{album / 'photo.jpg'} -> {tmp_path / 'clean' / 'photo_denoised.png'}" in lines
    assert run.returncode == 0
    assert not (tmp_path / "clean").exists()


def test_an_output_folder_within_the_input_is_not_read(dncnn_tf, tmp_path):
    for name in ("a.png", "out/a.png", "sub/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    run = dncnn_tf("denoise", ".", "-o", "out", "--suffix", "", "--recursive", "--dry-run", cwd=tmp_path)
    assert run.stdout.split("\n")[:-1] == ["sub/b.png -> out/sub/b.png"]
    assert "out/a.png: exists already" in run.stderr


def test_globs_are_looked_up(dncnn_tf, album):
    run = dncnn_tf("denoise", str(album / "*e.png"), "--suffix", "_new", "--dry-run")
    sources = {Path(line.split(" -> ")[0]).name for line in run.stdout.splitlines()}
    assert {"one.png", "palette.png"} <= sources
    assert "transparent.png" not in sources


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png"], "error: missing.png: no such file"),
        (["*.jpeg"], "error: *.jpeg: no such file"),
        (["empty"], "error: empty: no images in this folder; --recursive looks further down"),
        (["empty", "--recursive"], "error: empty: no images in this folder\n"),
    ],
)
def test_nothing_to_do_is_one_line_and_exit_1(dncnn_tf, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    run = dncnn_tf("denoise", *arguments, cwd=tmp_path)
    assert run.returncode == 1
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--sigma", "-1"], "0 to 255"),
        (["a.png", "--sigma", "256"], "0 to 255"),
        (["a.png", "--sigma", "nan"], "0 to 255"),
        (["a.png", "--sigma", "much"], "not a number"),
        (["a.png", "--strength", "1.5"], "0<=x<=1"),
        (["a.png", "--strength", "nan"], "0 to 1"),
        (["a.png", "--tile", "-5"], "number of pixels"),
        (["a.png", "--max-memory", "lots"], "amount of memory"),
        (["a.png", "b.png", "-o", "out.png"], "several inputs"),
        (["a.png", "-o", "out.xyz"], "no ending of an image file"),
        (["a.png", "-o", "out.png", "--format", "tiff"], "different things"),
        (["a.png", "a.jpg", "--format", "png"], "a.png and a.jpg would both be written to a_denoised.png"),
        (["-", "a.png"], "goes alone"),
        (["-", "-o", "folder"], "must be a file"),
        (["-", "--compare"], "need a file for the result"),
        (["a.png", "--suffix", "x/y"], "without /"),
        ([], "Missing argument"),
    ],
)
def test_usage_errors_exit_with_2(dncnn_tf, tmp_path, arguments, message):
    for name in ("a.png", "b.png", "a.jpg"):
        (tmp_path / name).touch()
    run = dncnn_tf("denoise", *arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert message in " ".join(run.stderr.split())
    assert run.stdout == ""


def test_a_picture_is_not_written_to_a_terminal(deep):
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "dncnn_tf", "denoise", "-"]
    run = subprocess.run(command, input=deep[1], stdout=secondary, stderr=subprocess.PIPE, timeout=60)
    os.close(secondary)
    os.close(primary)
    assert run.returncode == 2
    assert b"stdout is a terminal" in run.stderr


def test_demo_removes_noise_and_overwrites_nothing(dncnn_tf, tmp_path):
    run = dncnn_tf("demo", "-o", "shown", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    noisy, denoised = (float(line.split()[-2]) for line in run.stdout.splitlines() if "PSNR" in line)
    assert noisy == pytest.approx(20.17, abs=0.05)
    assert denoised > 29
    clean, result, shown = (
        np.asarray(Image.open(tmp_path / "shown" / f"{name}.png")) for name in ("clean", "denoised", "comparison")
    )
    assert psnr(clean, result) == pytest.approx(denoised, abs=0.01)
    np.testing.assert_array_equal(clean, np.asarray(Image.open(PHOTOGRAPHS / "camera.png")))
    assert shown.shape == (clean.shape[0], 3 * clean.shape[1])
    again = dncnn_tf("demo", "-o", "shown", cwd=tmp_path)
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_the_model_is_chosen_and_a_misfit_is_said(dncnn_tf, tmp_path):
    clean = Image.open(PHOTOGRAPHS / "camera.png").crop((100, 100, 228, 228))
    clean.save(tmp_path / "clean.png")
    run = dncnn_tf("denoise", "clean.png", "--sigma", 100, cwd=tmp_path)
    assert run.returncode == 0
    assert "at σ 100" in run.stderr
    assert Image.open(io.BytesIO((tmp_path / "clean_denoised.png").read_bytes())).size == (128, 128)


def test_noise_and_model_are_said(dncnn_tf, tmp_path):
    clean = np.asarray(Image.open(PHOTOGRAPHS / "camera.png"), np.float32)[:300, :300]
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    smoothed = gaussian_filter(noise, 0.7)
    for name, values in (("white", noise), ("smoothed", smoothed / smoothed.std())):
        pixels = np.clip(np.rint(clean + 15 * values), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    run = dncnn_tf("denoise", "white.png", "smoothed.png", cwd=tmp_path)
    assert run.returncode == 0
    white, smoothed = (
        [line for line in run.stderr.splitlines() if name in line] for name in ("white.png", "smoothed.png")
    )
    estimate, model = re.search(r"noise of σ ([\d.]+) \(estimated\), (\S+)", white[0]).groups()
    assert float(estimate) == pytest.approx(15, abs=1.5)
    assert model in shipped_models()
    assert not any("not white" in line for line in white)
    assert any(re.search(r"camera noise \(neighbours correlate by 0\.4\), dncnn-photo$", line) for line in smoothed)
    named = dncnn_tf("denoise", "smoothed.png", "--output", "named", "--model", "dncnn-b", cwd=tmp_path)
    assert named.returncode == 0
    assert "not white" in named.stderr
    assert "dncnn-tf finetune" in named.stderr
