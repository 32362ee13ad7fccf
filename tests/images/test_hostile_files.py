"""Files made to stop whoever reads them: each is done or refused in one line, in time and memory that fit its size."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import command
from helpers.encoded import saved
from helpers.hostile import LONG, PIXELS, SHORT, at_most, chained, grey_page, hostile_files, jpeg_of_scans, stack
from PIL import Image

from dncnn_tf.data.decoding import DatasetError, decode
from dncnn_tf.evaluation.measuring import evaluate_image
from dncnn_tf.evaluation.results import EvaluationError
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.images.jpeg import scan_count
from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read

CIRCLE = chained([grey_page(8, 8)] * 2, PIXELS, lambda starts: starts[0])


def test_each_is_read_or_refused_at_once() -> None:
    for name, content in hostile_files():
        with at_most(20):
            assert "\n" not in outcome(content), name


def outcome(content: bytes) -> str:
    """Size of a file's picture, or why it has none."""
    try:
        return str(read(content).levels.shape)
    except ImageError as error:
        return str(error)


@pytest.mark.parametrize("large", [False, True], ids=["classic", "of 64 bits"])
@pytest.mark.parametrize("back_to", [0, 1, 2])
def test_pages_that_go_round_are_named(back_to, large) -> None:
    pages = chained([grey_page(8, 8 + 8 * large)] * 3, PIXELS, lambda starts: starts[back_to], big=large)
    with at_most(5), pytest.raises(ImageError, match="damaged, its pages go round in a circle; get a whole copy"):
        read(pages)
    sound = chained([grey_page(8, 8 + 8 * large)] * 3, PIXELS, big=large)
    assert [page.levels.shape for page in (read(sound), *read(sound).pages)] == [(8, 8, 1)] * 3


def test_one_pointer_of_a_photograph_changed(tmp_path) -> None:
    """As Pillow writes pages, the last one named as the next of itself."""
    photograph = Image.effect_noise((60, 40), 50)
    content = bytearray(saved(photograph, "TIFF", save_all=True, append_images=[photograph], compression="tiff_lzw"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        last = file.pages[1].offset
        end = last + 2 + 12 * len(file.pages[1].tags)
    assert len(read(bytes(content)).pages) == 1
    content[end : end + 4] = last.to_bytes(4, "little")
    with at_most(5), pytest.raises(ImageError, match="go round in a circle"):
        read(bytes(content))


@pytest.mark.parametrize(("dtype", "shape"), [(np.uint16, (8, 8, 3)), (np.uint8, (8, 8)), (np.float32, (8, 8))])
def test_pages_take_time_by_their_number_alone(dtype, shape) -> None:
    """Of 2,000 pages and 50 MB that belong to none: to copy the file for each page would move 100 GB."""
    content = stack(2_000, dtype, shape)
    with at_most(20):
        first, *others = (lambda picture: (picture, *picture.pages))(read(content + bytes(50_000_000)))
    levels = np.stack([page.levels for page in (first, *others)])
    np.testing.assert_array_equal(levels, tifffile.imread(io.BytesIO(content), key=slice(None)).reshape(levels.shape))


def test_how_many_pages_there_may_be_depends_on_the_limit() -> None:
    content = chained([grey_page(8, 8)] * 1_001, PIXELS)
    assert len(read(content).pages) == 1_000
    with pytest.raises(ImageError, match=r"more than 1,000 pages; split it, or .* give a higher `max_pixels`"):
        read(content, max_pixels=10_000_000)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("tile", [None, (64, 64)])
def test_the_limit_is_of_pixels_however_they_are_stored(dtype, planar, tile) -> None:
    buffer = io.BytesIO()
    shape = (3, 50, 60) if planar == "separate" else (50, 60, 3)
    tifffile.imwrite(buffer, np.zeros(shape, dtype), photometric="rgb", planarconfig=planar, tile=tile, metadata=None)
    stored = 64 * 64 if tile else 50 * 60
    assert read(buffer.getvalue(), max_pixels=stored).levels.shape == (50, 60, 3)
    with pytest.raises(ImageError, match="too large"):
        read(buffer.getvalue(), max_pixels=stored - 1)


def test_a_picture_inside_a_page_cannot_be_larger_than_the_page() -> None:
    """JPEG 2000 within TIFF says a size of its own, by which its unpacker goes."""
    page = [*grey_page(8, 8), (339, SHORT, 1, 3)]
    changed = {258: 32, 259: 34712, 279: 64}
    page = [(tag, kind, count, changed.get(tag, value)) for tag, kind, count, value in page]
    with pytest.raises(ImageError, match=r"compressed as jpeg2000; .* can be read: convert it first"):
        read(chained([page], PIXELS))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_page_that_names_but_one_of_its_strips_is_not_filled_up_with_black(dtype, compression) -> None:
    buffer = io.BytesIO()
    levels = np.full((8, 8, 3), 1, dtype)
    options = {"photometric": "rgb", "rowsperstrip": 2, "compression": compression, "metadata": None}
    tifffile.imwrite(buffer, levels, **options)
    content = bytearray(buffer.getvalue())
    np.testing.assert_array_equal(read(bytes(content)).levels, levels)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        for tag in (file.pages.first.tags[code] for code in (273, 279)):
            struct.pack_into("<HLL", content, tag.offset + 2, LONG, 1, tag.value[0])
    with pytest.raises(ImageError, match="damaged or cut short"):
        read(bytes(content))


def test_scans_of_a_jpeg_file_are_counted_and_few() -> None:
    photograph = Image.effect_noise((300, 200), 50).convert("RGB")
    usual = saved(photograph, "JPEG", progressive=True, exif=b"Exif\0\0" + 500 * b"\xff\xda\0\2")
    assert scan_count(usual) == 10
    assert scan_count(saved(photograph, "JPEG", restart_marker_rows=1)) == 1
    assert scan_count(usual + jpeg_of_scans(8, 500)) == 10
    assert read(usual).levels.shape == (200, 300, 3)
    assert read(jpeg_of_scans(8, 50)).levels.shape == (8, 8, 1)
    with pytest.raises(ImageError, match="a JPEG of 206 scans, where a dozen would do"):
        read(jpeg_of_scans(8, 200))


def test_files_without_an_end_are_read_no_further_than_needed(tmp_path) -> None:
    """6 GB that take no room on the disk, and a device that never ends, of nothing and behind a picture."""
    for name, content in (("nothing.png", b""), ("sound at first.png", saved(Image.effect_noise((9, 9), 50), "PNG"))):
        (tmp_path / name).write_bytes(content)
        with (tmp_path / name).open("r+b") as file:
            file.truncate(6 * 10**9)
    with pytest.raises(ImageError, match=r"nothing\.png: not an image"):
        read(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match=r"sound at first\.png: too large a file, more than 268 MB for its pixels"):
        read(tmp_path / "sound at first.png")
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(command("denoise", "-"), stdin=endless, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert done.stderr.startswith(b"error: standard input: not an image")


def test_one_such_file_stops_neither_a_folder_nor_any_command(dncnn_tf, model, tmp_path) -> None:
    (tmp_path / "circle.tif").write_bytes(CIRCLE)
    Image.effect_noise((30, 30), 50).save(tmp_path / "sound.png")
    for name in ("denoise", "inspect"):
        options = ("--model", model) if name == "denoise" else ()
        done = dncnn_tf(name, tmp_path, *options, timeout=60)
        assert (done.returncode, done.stderr.count("error: ")) == (1, 1)
        assert f"error: {tmp_path}/circle.tif: damaged, its pages go round in a circle" in done.stderr
        assert "sound" in done.stdout
    done = subprocess.run(command("denoise", "-", "--model", model), input=CIRCLE, capture_output=True, timeout=60)
    assert b"error: standard input: damaged, its pages go round in a circle" in done.stderr


def test_such_a_file_is_no_image_for_measuring_and_one_page_for_training(tmp_path) -> None:
    (tmp_path / "circle.tif").write_bytes(CIRCLE)

    class Engine:
        channels, receptive_radius = 1, 3

        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            return noisy

    with at_most(5):
        with pytest.raises(EvaluationError, match=r"circle\.tif: damaged, its pages go round in a circle"):
            evaluate_image(Engine(), tmp_path / "circle.tif", Setting("denoise", 25))
        assert decode(tmp_path / "circle.tif", 1).shape == (8, 8, 1)


def test_training_opens_no_programs(tmp_path) -> None:
    """PostScript under a picture's name, for which Pillow would call an interpreter."""
    (tmp_path / "page.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with pytest.raises(DatasetError, match="cannot be read"):
        decode(tmp_path / "page.png", 1)
