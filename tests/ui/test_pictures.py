"""What is shown of pictures: tiles, parts before the whole, and whose turn it is with the network."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from helpers.waiting import HANGS, wait_for
from PIL import ExifTags, Image

from dncnn_tf import denoise_files
from dncnn_tf.ui import work
from dncnn_tf.ui.kept_engine import CancelledError, KeptEngine
from dncnn_tf.ui.network_turns import Turns
from dncnn_tf.ui.pictures import UploadedPicture, new_file
from dncnn_tf.ui.settings import Settings
from dncnn_tf.ui.tiles import SIDE, tile
from dncnn_tf.ui.work import Workshop

PHOTO = skimage.data.coffee()
MOST = 10**8


def pixels(content: bytes) -> np.ndarray:
    array = np.asarray(Image.open(io.BytesIO(content)))
    return array.reshape(*array.shape[:2], -1)


def uploaded(folder: Path, array: np.ndarray, orientation: int = 1) -> UploadedPicture:
    file = new_file(folder, "photo.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(array).save(file, exif=exif.tobytes())
    return UploadedPicture.read(file, MOST)


def test_tiles_in_full_size_are_the_picture() -> None:
    found = np.vstack([np.hstack([pixels(tile(PHOTO, x, y, icc=None)) for x in (0, 1)]) for y in (0,)])
    np.testing.assert_array_equal(found, PHOTO)
    with pytest.raises(IndexError):
        tile(PHOTO, 2, 0, icc=None)


def test_tiles_of_16_bits_and_with_alpha_are_shown_with_8() -> None:
    deep = np.dstack([PHOTO.astype(np.uint16) * 257, np.full((400, 600), 65535, np.uint16)])[:50, :60]
    found = pixels(tile(deep, 0, 0, icc=b"profile"))
    np.testing.assert_array_equal(found[..., :3], PHOTO[:50, :60])
    assert (found[..., 3] == 255).all()


@pytest.mark.parametrize("level", [1, 2])
def test_smaller_tiles_are_the_shrunken_picture(level: int) -> None:
    large = np.tile(PHOTO, (3, 2, 1))  # 1200×1200
    whole = Image.fromarray(large).resize((1200 // 2**level,) * 2, Image.Resampling.BICUBIC)
    found = pixels(tile(large, 0, 0, level=level, icc=None))
    expected = np.asarray(whole)[:SIDE, :SIDE]
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1.5  # by `reducing_gap`


def test_enlarged_tiles_are_the_bicubically_enlarged_picture() -> None:
    whole = np.asarray(Image.fromarray(PHOTO).resize((1800, 1200), Image.Resampling.BICUBIC))
    for x, y in ((0, 0), (1, 1), (3, 2)):
        found = pixels(tile(PHOTO, x, y, enlargement=3, icc=None))
        expected = whole[SIDE * y :, SIDE * x :][:SIDE, :SIDE]
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_is_that_part_of_the_whole_whichever_way_up(tmp_path: Path, orientation: int) -> None:
    picture = uploaded(tmp_path, PHOTO[100:180, 200:300], orientation)
    with Image.open(picture.file) as stored:
        from PIL import ImageOps

        np.testing.assert_array_equal(picture.shown, np.asarray(ImageOps.exif_transpose(stored)))
    workshop = Workshop(MOST)
    for settings in (Settings(sigma=20, model="cdncnn-b"), Settings("upscale", scale=2)):
        whole = workshop.result(picture, settings, lambda _: None, lambda: False).pixels
        part = pixels(workshop.preview(picture, settings, 31, 20, 24, 16))
        scale = settings.enlargement
        np.testing.assert_array_equal(part, whole[20 * scale : 36 * scale, 31 * scale : 55 * scale])


def test_another_strength_takes_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = uploaded(tmp_path, PHOTO[:64, :64])
    workshop = Workshop(MOST)
    workshop.result(picture, Settings(), lambda _: None, lambda: False)
    monkeypatch.setattr(Turns, "turn", None)  # which a network needs
    monkeypatch.setattr(workshop, "_engine", lambda *_: _Radius())
    files = {}
    for strength in (0.3, 1.0):
        file, failure = workshop.file(picture, Settings(strength=strength), lambda _: None, lambda: False)
        assert not failure
        files[strength] = file.read_bytes()
    assert files[0.3] != files[1.0]


def test_a_large_picture_is_done_in_parts_with_the_commands_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_WHOLE", 1000)
    monkeypatch.setattr(work, "_TILE", 48)
    picture, workshop, shares = uploaded(tmp_path, PHOTO[:150, :170]), Workshop(MOST), []
    workshop.result(picture, Settings(), shares.append, lambda: False)
    assert len(shares) == 9
    file, _ = workshop.file(picture, Settings(strength=0.5), lambda _: None, lambda: False)
    denoise_files(picture.file, tmp_path / "whole.png", strength=0.5)
    assert file.read_bytes() == (tmp_path / "whole.png").read_bytes()
    gone = []
    with pytest.raises(CancelledError):
        workshop.result(picture, Settings("deblock"), gone.append, lambda: len(gone) > 2)
    assert len(gone) == 3


class _Radius:
    channels, receptive_radius = 3, 20


def test_what_is_urgent_goes_before_what_waits() -> None:
    turns, order = Turns(), []
    with turns.turn():
        threads = [threading.Thread(target=take_turn, args=(turns, order, i, i == 2)) for i in range(4)]
        for i, thread in enumerate(threads):
            thread.start()
            wait_for(lambda i=i: len(turns._waiting) > i)
    for thread in threads:
        thread.join(HANGS)
    assert order == [2, 0, 1, 3]


def take_turn(turns: Turns, order: list[int], number: int, urgent: bool) -> None:
    with turns.turn(urgent=urgent):
        order.append(number)


def test_an_output_is_kept_for_this_very_input_alone(tmp_path: Path) -> None:
    calls = []

    class Counting(_Radius):
        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            calls.append(noisy.shape)
            return noisy + 1

    engine = KeptEngine(Counting(), Turns(), lambda: False, tmp_path)
    first = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    for given in (first, first.copy(), first.reshape(1, 4, 1, 3), first * 2, first):
        np.testing.assert_array_equal(engine(given), given + 1)
    assert calls == [(1, 2, 2, 3), (1, 4, 1, 3), (1, 2, 2, 3)]


@pytest.mark.parametrize(
    ("settings", "names", "line"),
    [
        (Settings(), ["a b.png"], "dncnn-tf denoise 'a b.png'"),
        (Settings(strength=0.35, sigma=12.5), ["-x.png"], "dncnn-tf denoise ./-x.png --sigma 12.5 --strength 0.35"),
        (Settings("deblock", "dncnn-b", 3, 0.1), ["a", "b"], "dncnn-tf deblock a b --max-pixels 7"),
        (Settings("upscale", scale=4), ["$(rm).png"], "dncnn-tf upscale '$(rm).png' --scale 4"),
    ],
)
def test_the_command_that_is_shown(settings: Settings, names: list[str], line: str) -> None:
    shown = settings.command(names, 7 if "--max-pixels" in line else 179_000_000)
    assert shown == line
