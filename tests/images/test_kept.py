"""What is easily lost without a word: multiplied colours, orientation, profiles, codings, pictures beneath others."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from helpers.encoded import PROFILE, chelsea, saved, sixteen_bit, tiff_of
from PIL import ExifTags, Image, ImageOps

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import coded_anew, encode, losses


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def turned() -> bytes:
    """EXIF data of a picture that is seen upright when it is turned by 90 degrees."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif.tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colours_that_were_multiplied_by_their_alpha_are_divided_again(dtype: type) -> None:
    """As Pillow does with 8 bits: 0.4 with half of the light is 0.8."""
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    array = np.zeros((5, 7, 4), dtype)
    array[..., :3], array[..., 3] = np.array([0.4 * white, 0.5 * white]).astype(dtype)
    array[0] = 0
    picture = read(tiff_of(array, photometric="rgb", extrasamples=["assocalpha"]))
    np.testing.assert_allclose(picture.pixels[1:], 0.8, atol=0.005)
    assert not picture.levels[0].any()
    np.testing.assert_array_equal(picture.alpha, array[..., 3])
    np.testing.assert_array_equal(read(encode(picture)).levels, picture.levels)


def test_dividing_by_alpha_neither_leaves_the_range_nor_loses_light_without_alpha() -> None:
    array = np.full((3, 4, 4), 0.5, np.float32)
    array[0, 0], array[0, 1] = (0.01, 0.01, 0.01, 0.001), (0.2, 0.2, 0.2, 0)
    levels = read(tiff_of(array, photometric="rgb", extrasamples=["assocalpha"])).levels
    np.testing.assert_allclose(levels[0, :2], [[1] * 3, [0.2] * 3], atol=1e-6)
    np.testing.assert_allclose(levels[1:], 1)


def without_photometric(content: bytes) -> bytes:
    """A little-endian TIFF of one page without that tag: an unknown one is in its place."""
    start = struct.unpack_from("<L", content, 4)[0]
    for at in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", content, start)[0], 12):
        if struct.unpack_from("<H", content, at)[0] == 262:
            return content[:at] + struct.pack("<H", 261) + content[at + 2 :]
    raise AssertionError("no photometric")


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_that_do_not_say_what_they_mean_are_taken_by_their_number(channels: int) -> None:
    array = np.random.default_rng(0).random((5, 7, channels), np.float32).squeeze()
    kind = {"photometric": "rgb" if channels == 3 else "minisblack", "byteorder": "<"}
    picture = read(without_photometric(tiff_of(array, **kind)))
    np.testing.assert_array_equal(picture.levels.squeeze(), array)


def test_a_second_channel_that_is_not_said_to_be_alpha_is_not_taken_for_it() -> None:
    with pytest.raises(ImageError, match="unknown kind"):
        read(tiff_of(sixteen_bit(9, 11, 2), photometric="minisblack", planarconfig="contig"))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_numbers_that_mean_something_else_are_no_levels(dtype: type) -> None:
    array = np.full((5, 7, 4), 0.5, dtype)
    with pytest.raises(ImageError, match=r"CMYK|numbers that mean separated; grey and RGB can be read"):
        read(tiff_of(array, photometric="separated"))
    if dtype == np.float32:
        with pytest.raises(ImageError, match="numbers that mean miniswhite"):
            read(tiff_of(array[..., 0], photometric="miniswhite"))


def test_grey_of_16_bits_with_alpha_goes_from_png_to_tiff_and_on() -> None:
    array = sixteen_bit(9, 11, 2)
    as_tiff = encode(read(imagecodecs.png_encode(array)), "TIFF")
    again = read(as_tiff)
    np.testing.assert_array_equal(np.dstack([again.levels, again.alpha]), array)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(encode(again))), array)


def raw_like(*, reduced: bool, first: np.ndarray | None = None) -> bytes:
    """A page with a larger one beneath it, after another page or not."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        if first is not None:
            writer.write(first, photometric="rgb", metadata=None)
        small = sixteen_bit(12, 16, 3).astype(np.uint8)
        writer.write(small, photometric="rgb", subifds=1, subfiletype=int(reduced), metadata=None)
        writer.write(sixteen_bit(120, 160, 1)[..., 0], photometric="minisblack", metadata=None)
    return buffer.getvalue()


def test_a_preview_is_not_taken_for_the_picture_beneath_it() -> None:
    with pytest.raises(ImageError, match="a preview, with the picture itself beneath it"):
        read(raw_like(reduced=True))
    picture = read(raw_like(reduced=False))
    assert picture.levels.shape == (12, 16, 3)
    assert any("beneath its pages" in note for note in picture.notes)
    assert not read(tiff_of(sixteen_bit(9, 9, 3), photometric="rgb", subfiletype=1)).notes  # nothing lies beneath
    assert len(read(raw_like(reduced=True, first=sixteen_bit(9, 9, 3))).pages) == 1  # the picture is another page


@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "PPM", "TGA", "JPEG2000"])
@pytest.mark.parametrize("source", ["WEBP", "JPEG", "PNG"])
def test_a_turned_picture_is_seen_the_same_way_up_in_any_format(source: str, target: str) -> None:
    content = saved(chelsea(), source, exif=turned(), dpi=(300, 150))
    seen, after = (
        np.asarray(ImageOps.exif_transpose(opened(file)), float)
        for file in (content, encode(read(content), target, 95 if target in ("JPEG", "WEBP", "AVIF") else None))
    )
    assert after.shape == seen.shape == (81, 63, 3)
    if (source, target) == ("JPEG", "BMP"):
        assert opened(encode(read(content), target)).info["dpi"] == pytest.approx((150, 300), abs=0.1)
    assert np.abs(after - seen).mean() < 4
    assert any("EXIF" in line for line in losses(read(content), target)) == (
        target in ("BMP", "PPM", "TGA", "JPEG2000")
    )


@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "PPM", "TGA", "JPEG2000"])
def test_a_profile_is_kept_or_its_loss_is_said(target: str) -> None:
    picture = read(saved(chelsea(), "PNG", icc_profile=PROFILE))
    kept = opened(encode(picture, target)).info.get("icc_profile") == PROFILE
    assert kept != any("profile" in line for line in losses(picture, target))


@pytest.mark.parametrize("options", [{}, {"icc_profile": PROFILE}, {"exif": turned()}, {"xmp": b"<x/>" * 101}])
def test_webp_without_loss_stays_so_whatever_stands_before_the_picture(options: dict) -> None:
    content = saved(chelsea(), "WEBP", lossless=True, **options)
    np.testing.assert_array_equal(np.asarray(opened(encode(read(content)))), np.asarray(chelsea()))
    assert "lossless" not in read(saved(chelsea(), "WEBP", **options)).coding


def test_jpeg_in_a_tiff_is_coded_finely_or_as_asked() -> None:
    content = saved(chelsea(), "TIFF", compression="jpeg", quality=98)
    picture = read(content)

    def error(quality: int | None) -> float:
        again = opened(encode(coded_anew(picture), quality=quality))
        assert again.info["compression"] == "jpeg"
        return float(np.abs(np.asarray(again, float) - picture.levels).mean())

    assert error(100) < error(None) < error(75) < error(20)
    assert error(None) < 2
