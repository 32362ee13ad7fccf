"""A page in one file: `denoise --compare html`."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from helpers.encoded import PROFILE
from PIL import ExifTags, Image, ImageOps

from dncnn_tf.images.orientation import as_stored, upright

PHOTO = skimage.data.coffee()[100:160, 200:280]
NAMES = ("photo", "photo_denoised")


def pictures(page: str) -> dict[str, Image.Image]:
    """The pictures of a page with one entry, by what they are called."""
    (entry,) = json.loads(re.search(r'id="entries">(.*)</script>', page)[1])
    files = dict(re.findall(r'<script type="text/plain" id="(\w+)">([^<]+)</script>', page))
    return {kind: Image.open(io.BytesIO(base64.b64decode(files[id]))) for kind, id in entry["files"].items()}


def test_a_comparison_holds_both_as_they_are_seen_and_asks_for_nothing(tmp_path: Path, dncnn_tf) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(PHOTO).save(tmp_path / "photo.png", exif=exif.tobytes())
    done = dncnn_tf("denoise", "photo.png", "--compare", "html", "--model", "cdncnn-b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "photo_denoised_compare.html").read_text(encoding="utf-8")
    shown = pictures(page)
    for kind, file in (("before", "photo.png"), ("after", "photo_denoised.png")):
        with Image.open(tmp_path / file) as stored:
            np.testing.assert_array_equal(np.asarray(shown[kind]), np.asarray(ImageOps.exif_transpose(stored)))
    assert not re.search(r"https?://|\bimport\b.*\bfrom\b", page)


def test_compare_alone_is_side_by_side_and_takes_no_input_for_its_value(tmp_path: Path, dncnn_tf) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    for arguments in (("--compare", "photo.png"), ("photo.png", "--compare"), ("photo.png", "--compare", "png")):
        done = dncnn_tf("denoise", *arguments, "--model", "cdncnn-b", "--overwrite", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert Image.open(tmp_path / "photo_denoised_compare.png").size == (160, 60)
        (tmp_path / "photo_denoised_compare.png").unlink()
    assert dncnn_tf("denoise", "photo.png", "--compare=gif", cwd=tmp_path).returncode == 2


def test_pictures_beside_the_result_are_as_they_are_seen_and_have_its_colours(tmp_path: Path, dncnn_tf) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(PHOTO).save(tmp_path / "photo.png", exif=exif.tobytes(), icc_profile=PROFILE)
    done = dncnn_tf("denoise", "photo.png", "--compare", "--save-noise", "--model", "cdncnn-b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seen = [np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / f"{name}.png"))) for name in NAMES]
    with Image.open(tmp_path / "photo_denoised_compare.png") as compare:
        np.testing.assert_array_equal(np.asarray(compare), np.hstack(seen))
        assert compare.info["icc_profile"] == PROFILE
    noise = np.asarray(Image.open(tmp_path / "photo_denoised_noise.png"), float)
    assert np.abs(noise - 127.5 - (seen[0].astype(float) - seen[1])).max() <= 1.5


@pytest.mark.parametrize("number", range(1, 9))
def test_upright_is_as_viewers_have_it_and_can_be_undone(number: int) -> None:
    image = Image.fromarray(PHOTO)
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = number
    seen = upright(PHOTO, number)
    np.testing.assert_array_equal(seen, np.asarray(ImageOps.exif_transpose(image)))
    np.testing.assert_array_equal(as_stored(seen, number), PHOTO)
