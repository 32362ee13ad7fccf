"""`dncnn-tf inspect`, and the quality of JPEG files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from dncnn_tf.images.jpeg import jpeg_quality
from dncnn_tf.images.picture import Picture
from dncnn_tf.images.reading import read
from dncnn_tf.restoration.inspection import inspect_picture

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    return Image.open(PHOTOGRAPHS / "coffee.png").crop((0, 0, 300, 200))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("quality", [1, 5, 30, 49, 50, 51, 75, 92, 100])
def test_quality_of_a_jpeg_file(coffee, mode, quality) -> None:
    file = io.BytesIO()
    coffee.convert(mode).save(file, "JPEG", quality=quality)
    assert jpeg_quality(Image.open(file).quantization) == quality


def test_quality_of_a_table_of_a_camera() -> None:
    """Tables of their own are between those of libjpeg."""
    files = [io.BytesIO(), io.BytesIO()]
    for file, quality in zip(files, (80, 84), strict=True):
        Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
    tables = [np.array(Image.open(file).quantization[0]) for file in files]
    assert 80 <= jpeg_quality({0: tables[0] * 0.5 + tables[1] * 0.5}) <= 84


def test_what_it_says(dncnn_tf, coffee, tmp_path) -> None:
    coffee.save(tmp_path / "a coarse.jpg", quality=40)
    noisy = np.asarray(coffee.convert("L")) + np.random.default_rng(0).normal(0, 20, (200, 300))
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(tmp_path / "noisy.png")
    (tmp_path / "bad.tif").write_text("no picture")
    done = dncnn_tf("inspect", tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1
    coarse, grey = done.stdout.split(str(tmp_path / "noisy.png"))
    assert "300×200, 8-bit RGB" in coarse
    assert "JPEG, quality 40" in coarse
    assert "dncnn-tf deblock" in coarse
    assert "300×200, 8-bit grey" in grey
    assert "in one part" in grey
    assert "deblock" not in grey


def test_json_agrees_with_denoise(dncnn_tf, coffee, tmp_path) -> None:
    coffee.save(tmp_path / "photo.jpg", quality=70)
    done = dncnn_tf("inspect", "photo.jpg", "--json", "said.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (said,) = json.loads((tmp_path / "said.json").read_text(encoding="utf-8"))["images"]
    assert (said["file"], said["format"], said["jpeg_quality"]) == ("photo.jpg", "JPEG", 70)
    assert (said["width"], said["height"], said["bits"], said["channels"], said["alpha"]) == (300, 200, 8, 3, False)
    note = dncnn_tf("denoise", "photo.jpg", cwd=tmp_path).stderr
    noise = f"noise of σ {said['noise']['sigma']:.1f} (estimated)"
    if said["noise"]["of_camera"]:
        noise = f"camera noise ({said['noise']['camera_sign']})"
    assert f"photo.jpg: {noise}, {said['model']}\n" in note
    assert all(remark in note for remark in said["remarks"])
    again = dncnn_tf("inspect", "photo.jpg", "--json", "said.json", cwd=tmp_path)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


@pytest.mark.parametrize(("side", "memory", "tiled"), [(500, 2**31, False), (2000, 2**31, True), (500, 2**29, True)])
def test_tiles_follow_from_memory(side, memory, tiled) -> None:
    picture = Picture(np.full((side, side, 1), 128, np.uint8), None, "PNG")
    tile = inspect_picture(picture, max_memory=memory).tile
    assert (tile > 0) == tiled
    assert tile < side


def test_quality_is_of_jpeg_alone(coffee, tmp_path) -> None:
    coffee.save(tmp_path / "a.png")
    assert inspect_picture(read(tmp_path / "a.png")).jpeg_quality is None
