"""Sets and folders to arrays: what is found where, and what files of every kind become."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dncnn_tf.data import datasets, decoding
from dncnn_tf.data.datasets import DatasetError
from dncnn_tf.data.pairs import load_pairs

RAMP = np.arange(16 * 12, dtype=np.uint16).reshape(12, 16)


@pytest.fixture
def nowhere(monkeypatch, tmp_path) -> Path:
    """No local folder, and an empty cache, which is returned."""
    monkeypatch.delenv("DNCNN_TF_DATA", raising=False)
    monkeypatch.setenv("DNCNN_TF_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_sample_is_embedded_and_holds_out_the_demo_photograph():
    files = datasets.resolve("sample")
    assert all(file.is_file() for file in files)
    assert files[-1].name == "camera.png"
    assert len(set(files)) == len(files)
    images = datasets.load("sample", 3)
    assert all(image.dtype == np.uint8 and image.shape[-1] == 3 and image.std() > 10 for image in images)


def test_the_registry_has_the_published_number_of_images():
    counts = {name: len(entry.files) for name, entry in datasets.published_sets().items()}
    assert counts == {
        "train400": 400,
        "t91": 91,
        "cbsd432": 432,
        "bsd200": 200,
        "bsd68": 68,
        "set12": 12,
        "cbsd68": 68,
        "set5": 5,
        "set14": 14,
        "bsd100": 100,
        "urban100": 100,
        "classic5": 5,
        "live1": 29,
        "polyu": 200,
        "polyu-tune": 124,
        "polyu-test": 76,
    }
    for entry in datasets.published_sets().values():
        assert len({file.cached for file in entry.files}) == len(entry.files)
        assert all(len(file.sha256) == 64 and file.size > 0 for file in entry.files)


def test_a_part_of_a_set_has_its_files(monkeypatch, tmp_path):
    whole, part = (datasets.published_sets()[name].files for name in ("cbsd432", "bsd200"))
    assert set(part) < set(whole)
    assert all(file.url_path.split("/")[-2] == "train" for file in part)
    monkeypatch.setenv("DNCNN_TF_DATA", str(tmp_path))
    for file in whole:
        (tmp_path / file.cached).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.cached).touch()
    assert datasets.resolve("bsd200") == [tmp_path / file.cached for file in part]


def test_sets_and_folders_are_joined_by_plus(tmp_path):
    for name in ("a", "b", "c+d"):
        (tmp_path / name).mkdir()
        Image.new("L", (9, 9)).save(tmp_path / name / f"{name}.png")
    a, b, c_d = (str(tmp_path / name) for name in ("a", "b", "c+d"))
    assert [path.stem for path in datasets.resolve(f"{b}+{a}")] == ["b", "a"]
    assert datasets.resolve(f"{a}+sample") == [*datasets.resolve(a), *datasets.resolve("sample")]
    assert [path.stem for path in datasets.resolve(c_d)] == ["c+d"]
    with pytest.raises(DatasetError, match="nothing: no such folder"):
        datasets.resolve(f"{a}+nothing")


@pytest.mark.usefixtures("nowhere")
def test_a_set_that_is_not_here_says_how_to_get_it():
    with pytest.raises(DatasetError, match="dncnn-tf data download set12"):
        datasets.resolve("set12")


def test_the_local_folder_comes_before_the_cache(nowhere, monkeypatch, tmp_path):
    for file in datasets.published_sets()["set5"].files:
        (nowhere / file.cached).parent.mkdir(parents=True, exist_ok=True)
        (nowhere / file.cached).write_bytes(bytes(file.size))
    assert all(path.is_relative_to(nowhere) for path in datasets.resolve("set5"))
    monkeypatch.setenv("DNCNN_TF_DATA", str(tmp_path / "local"))
    assert all(path.is_relative_to(nowhere) for path in datasets.resolve("set5")), "no local folder for this set"
    local = [tmp_path / "local/test/set5" / f"{i}.png" for i in range(5)]
    local[0].parent.mkdir(parents=True)
    for path in local:
        path.touch()
    assert datasets.resolve("set5") == local


@pytest.mark.usefixtures("nowhere")
def test_an_incomplete_local_set_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("DNCNN_TF_DATA", str(tmp_path))
    (tmp_path / "test/set5").mkdir(parents=True)
    (tmp_path / "test/set5/only.png").touch()
    with pytest.raises(DatasetError, match=r"set5 has 5 images\. Received: 1"):
        datasets.resolve("set5")


def test_an_incomplete_cache_does_not_count(nowhere):
    files = datasets.published_sets()["set5"].files
    for file in files:
        (nowhere / file.cached).parent.mkdir(parents=True, exist_ok=True)
        (nowhere / file.cached).write_bytes(bytes(file.size))
    (nowhere / files[-1].cached).write_bytes(b"cut")
    assert datasets.cached_files("set5") is None
    (nowhere / files[-1].cached).unlink()
    assert datasets.cached_files("set5") is None


def test_folders_are_searched_below_and_in_order(tmp_path):
    for name in ("b.PNG", "sub/a.jpg", "a.bmp", "notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in datasets.resolve(str(tmp_path))] == ["a.bmp", "b.PNG", "a.jpg"]


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no-such: no such folder, nor a set; the sets are: sample, train400"):
        datasets.resolve("no-such")
    with pytest.raises(DatasetError, match="no images in it"):
        datasets.resolve(str(tmp_path))
    (tmp_path / "file.png").touch()
    with pytest.raises(DatasetError, match="not a folder"):
        datasets.resolve(str(tmp_path / "file.png"))


def _png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _truncated_png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(stream, "PNG")
    return stream.getvalue()[:2000]


@pytest.mark.parametrize(
    "content", [b"hello\n", b"", _png_header(0, 5), _truncated_png()], ids=["text", "empty", "0x5", "truncated"]
)
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"b\.png"):
        datasets.load(str(tmp_path), 1)


def _loaded(tmp_path: Path, image: Image.Image, name: str, channels: int, **options: bool) -> np.ndarray:
    image.save(tmp_path / name)
    (loaded,) = datasets.load(str(tmp_path), channels, **options)
    assert loaded.dtype == np.uint8
    assert loaded.shape == (image.height, image.width, channels)
    return loaded


@pytest.mark.parametrize("name", ["i.png", "i.tif", "i.pgm"])
def test_16_bits_are_scaled_and_rounded_not_clipped(tmp_path, name):
    levels = (RAMP * 341).astype(np.uint16)  # 0 … 65131
    loaded = _loaded(tmp_path, Image.fromarray(levels), name, 1)
    np.testing.assert_array_equal(loaded[..., 0], np.rint(levels / 257))
    assert loaded.max() == 253


def test_float_files_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DatasetError, match=r"f\.tif.*8 or 16 bits"):
        datasets.load(str(tmp_path), 1)


def test_alpha_is_left_out(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    alpha = np.full((7, 9, 1), 100, np.uint8)
    loaded = _loaded(tmp_path, Image.fromarray(np.concatenate([rgb, alpha], -1)), "rgba.png", 3)
    np.testing.assert_array_equal(loaded, rgb)
    (tmp_path / "rgba.png").unlink()
    grey = Image.merge("LA", [Image.fromarray(rgb[..., 0]), Image.fromarray(alpha[..., 0])])
    np.testing.assert_array_equal(_loaded(tmp_path, grey, "la.png", 1)[..., 0], rgb[..., 0])


def test_palettes_become_their_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 128, 0, 7, 8, 9])
    loaded = _loaded(tmp_path, image, "p.png", 3)
    np.testing.assert_array_equal(loaded[0], [[255, 0, 0], [0, 128, 0]])


def test_cmyk_becomes_rgb(tmp_path):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    loaded = _loaded(tmp_path, image, "c.tif", 3)
    np.testing.assert_array_equal(loaded[0, 0], [255, 0, 0])


def test_more_than_fits_in_memory_is_refused_from_the_headers(tmp_path):
    Image.new("1", (9000, 9000)).save(tmp_path / "0.png")
    for i in range(1, 12):
        os.link(tmp_path / "0.png", tmp_path / f"{i}.png")
    with pytest.raises(DatasetError, match="972 million pixels"):
        datasets.load(str(tmp_path), 3)


@pytest.mark.data
def test_every_local_set_is_complete_and_loads():
    for name in datasets.published_sets():
        files = datasets.local_files(name)
        assert files is not None, name
        assert [file.stem for file in files] == [file.cached.stem for file in datasets.published_sets()[name].files]
        with Image.open(files[0]) as image:
            assert min(image.size) >= 70


def test_more_than_fits_in_memory_is_refused_by_headers_alone(photographs, monkeypatch) -> None:
    """A set by its pixels, pairs by twice as many."""
    room = 4 * 200 * 200 * 3
    monkeypatch.setattr(decoding, "_MAX_DECODED_BYTES", room)
    assert len(datasets.load(str(photographs), 3)) == 4
    with pytest.raises(DatasetError, match="4 images of 0 million pixels in all do not fit"):
        load_pairs(photographs, sorted(photographs.iterdir()), 3)
    monkeypatch.setattr(decoding, "_MAX_DECODED_BYTES", room - 1)
    with pytest.raises(DatasetError, match="4 images of 0 million pixels in all do not fit"):
        datasets.load(str(photographs), 3)
