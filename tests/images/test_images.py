"""Image files keep everything but their noise."""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from helpers import encoded
from helpers.encoded import PROFILE, saved, sixteen_bit
from helpers.hostile import chained, grey_page
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, PngImagePlugin

from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode, write


@pytest.fixture(scope="module")
def chelsea() -> Image.Image:
    return encoded.chelsea()


def camera_exif():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera maker"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.FNumber: 2.5, ExifTags.Base.ISOSpeedRatings: 3200})
    return exif


LOSSLESS = [
    ("PNG", "L"),
    ("PNG", "RGB"),
    ("PNG", "RGBA"),
    ("PNG", "LA"),
    ("PNG", "I;16"),
    ("BMP", "L"),
    ("BMP", "RGB"),
    ("TIFF", "L"),
    ("TIFF", "RGB"),
    ("TIFF", "RGBA"),
    ("TIFF", "I;16"),
    ("PPM", "L"),
    ("PPM", "RGB"),
    ("PPM", "I;16"),
]


@pytest.mark.parametrize(("format", "mode"), LOSSLESS)
def test_lossless_formats_come_back_pixel_by_pixel_in_their_mode(chelsea, format, mode):
    original = Image.fromarray(sixteen_bit(41, 53, 1)[..., 0]) if mode == "I;16" else chelsea.convert(mode)
    if "A" in mode:
        original.putalpha(Image.fromarray(sixteen_bit(63, 81, 1, seed=1)[..., 0].astype(np.uint8)))
    content = saved(original, format)
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(encode(read(content))))
    assert (after.format, after.mode, after.size) == (before.format, before.mode, before.size)
    np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png_colour_keeps_all_16_bits(channels):
    array = sixteen_bit(19, 23, channels)
    picture = read(imagecodecs.png_encode(array))
    assert (picture.bits, picture.pixels.shape[-1]) == (16, 1 if channels == 2 else 3)
    np.testing.assert_array_equal(imagecodecs.png_decode(encode(picture)), array)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"planarconfig": "separate"}, {"byteorder": ">"}])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_colour_keeps_all_16_bits(channels, options):
    array = sixteen_bit(19, 23, channels)
    buffer = io.BytesIO()
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    alpha = ["unassalpha"] if channels == 4 else None
    tifffile.imwrite(buffer, stored, photometric="rgb", extrasamples=alpha, metadata=None, **options)
    result = encode(read(buffer.getvalue()))
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(result)), array)


@settings(max_examples=40)
@given(st.data())
def test_any_size_and_depth_survives(data):
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    channels, bits = data.draw(st.sampled_from([1, 2, 3, 4])), data.draw(st.sampled_from([8, 16]))
    array = sixteen_bit(height, width, channels, data.draw(st.integers(0, 999)))
    array = array if bits == 16 else (array >> 8).astype(np.uint8)
    content = imagecodecs.png_encode(array)
    again = imagecodecs.png_decode(encode(read(content)))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again.reshape(array.shape), array)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_profile_exif_and_resolution_survive(chelsea, format):
    resolution = {} if format == "WEBP" else {"dpi": (240, 240)}
    content = saved(chelsea, format, icc_profile=PROFILE, exif=camera_exif().tobytes(), **resolution)
    after = Image.open(io.BytesIO(encode(read(content))))
    after.load()
    assert after.info["icc_profile"] == PROFILE
    assert after.getexif()[ExifTags.Base.Make] == "Camera maker"
    assert after.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 3200
    if resolution:
        assert after.info["dpi"] == pytest.approx((240, 240), abs=0.1)


@pytest.mark.parametrize("content", ["PNG", "JPEG", "WEBP", "TIFF", "16-bit TIFF"])
def test_a_turned_picture_is_shown_the_same_way_up(chelsea, content):
    if content == "16-bit TIFF":
        buffer = io.BytesIO()
        orientation = (ExifTags.Base.Orientation, 3, 1, 6, True)
        tifffile.imwrite(buffer, sixteen_bit(9, 15, 3), photometric="rgb", extratags=[orientation], metadata=None)
        content = buffer.getvalue()
    else:
        options = {"lossless": True} if content == "WEBP" else {}
        content = saved(chelsea, content, exif=camera_exif().tobytes(), **options)
    before, after = (
        np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))), float)
        for file in (content, encode(read(content)))
    )
    assert before.shape == after.shape
    assert before.shape[0] > before.shape[1]  # it is turned
    assert np.abs(before - after).mean() < 0.5


@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("target", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_profile_and_exif_survive_a_change_of_format(chelsea, source, target):
    content = saved(chelsea, source, icc_profile=PROFILE, exif=camera_exif().tobytes())
    after = Image.open(io.BytesIO(encode(read(content), target)))
    after.load()
    assert after.format == target
    assert after.info["icc_profile"] == PROFILE
    assert after.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 3200


def test_png_text_gamma_and_exact_resolution_survive(chelsea):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "cat")
    text.add_itxt("Comment", "Kätzchen", zip=True)
    text.add(b"gAMA", struct.pack(">I", 45455))
    before = Image.open(io.BytesIO(saved(chelsea, "PNG", pnginfo=text, dpi=(72, 144))))
    after = Image.open(io.BytesIO(encode(read(saved(chelsea, "PNG", pnginfo=text, dpi=(72, 144))))))
    assert after.text == before.text == {"Title": "cat", "Comment": "Kätzchen"}
    assert after.info["gamma"] == before.info["gamma"]
    assert after.info["dpi"] == before.info["dpi"]


def test_deep_colour_keeps_profile_and_description_too():
    array = sixteen_bit(9, 11, 3)
    png = read(imagecodecs.png_encode(array))
    described = replace(png, icc=PROFILE, exif=camera_exif().tobytes(), dpi=(300.0, 300.0))
    for format in ("PNG", "TIFF"):
        after = Image.open(io.BytesIO(encode(described, format)))
        assert after.info["icc_profile"] == PROFILE
        assert after.getexif()[ExifTags.Base.Make] == "Camera maker"
        assert after.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_its_quantisation_and_sampling(chelsea, subsampling, progressive):
    options = {"quality": 83, "subsampling": subsampling, "progressive": progressive, "comment": b"hello"}
    content = saved(chelsea, "JPEG", **options)
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(encode(read(content))))
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == subsampling
    assert ("progressive" in after.info) == progressive
    assert after.info["comment"] == b"hello"
    # Coded again with the same tables, a JPEG hardly changes.
    assert np.abs(np.asarray(after, float) - np.asarray(before, float)).mean() < 0.5


def test_grey_jpeg_stays_grey(chelsea):
    assert Image.open(io.BytesIO(encode(read(saved(chelsea.convert("L"), "JPEG"))))).mode == "L"


def test_webp_stays_lossless_or_lossy(chelsea):
    lossless, lossy = saved(chelsea, "WEBP", lossless=True), saved(chelsea, "WEBP", quality=60)
    again = np.asarray(Image.open(io.BytesIO(encode(read(lossless)))))
    np.testing.assert_array_equal(again, np.asarray(chelsea))
    assert b"VP8L" not in encode(read(lossy))[:64]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_keeps_its_compression(chelsea, compression):
    content = saved(chelsea, "TIFF", compression=compression)
    assert Image.open(io.BytesIO(encode(read(content)))).info["compression"] == compression


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_with_white_as_zero_is_not_turned_into_its_negative(dtype):
    ink = np.arange(12, dtype=dtype).reshape(3, 4)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, ink, photometric="miniswhite", metadata=None)
    after = np.asarray(Image.open(io.BytesIO(encode(read(buffer.getvalue())))))
    np.testing.assert_array_equal(after, np.iinfo(dtype).max - ink)


def test_palette_becomes_colour_and_says_so(chelsea):
    palette = chelsea.quantize(32)
    picture = read(saved(palette, "PNG"))
    assert any("palette" in remark for remark in picture.notes)
    np.testing.assert_array_equal(picture.levels, np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_transparent_colour_becomes_alpha(chelsea, mode):
    image = chelsea.quantize(8) if mode == "P" else chelsea.convert(mode)
    key = image.getpixel((5, 5))
    picture = read(saved(image, "PNG", transparency=key))
    expected = np.asarray(Image.open(io.BytesIO(saved(image, "PNG", transparency=key))).convert("RGBA"))[..., 3]
    assert 0 < (expected == 0).sum() < expected.size
    np.testing.assert_array_equal(picture.alpha, expected)


def test_black_and_white_becomes_grey_and_says_so(chelsea):
    for format in ("PNG", "TIFF"):
        picture = read(saved(chelsea.convert("1"), format))
        assert set(np.unique(picture.levels)) == {0, 255}
        assert any("black-and-white" in remark for remark in picture.notes)
        assert Image.open(io.BytesIO(encode(picture))).mode == "L"


def test_first_picture_of_a_phone_s_pair_is_read(chelsea):
    content = saved(chelsea, "MPO", save_all=True, append_images=[chelsea.rotate(90)])
    picture = read(content)
    assert any("several pictures" in remark for remark in picture.notes)
    assert Image.open(io.BytesIO(encode(picture))).format == "JPEG"


def test_16_bits_round_to_the_nearest_8_bit_level():
    picture = read(imagecodecs.png_encode(np.array([[0, 128, 129, 65535, 385, 386]], np.uint16)))
    after = np.asarray(Image.open(io.BytesIO(encode(picture, "BMP"))))
    np.testing.assert_array_equal(after, [[0, 0, 1, 255, 1, 2]])


def test_writing_is_all_or_nothing(chelsea, tmp_path, monkeypatch):
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    picture = read(saved(chelsea, "PNG"))

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            write(picture, target)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert target.read_bytes() == b"old"
    write(picture, target)
    np.testing.assert_array_equal(np.asarray(Image.open(target)), np.asarray(chelsea))


def test_damaged_exif_of_a_png_file_is_not_kept_when_that_is_said() -> None:
    image, exif = Image.effect_noise((9, 9), 50), Image.Exif()
    exif[271] = "Camera maker"
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    content = buffer.getvalue()
    assert Image.open(io.BytesIO(encode(read(content)))).getexif()[271] == "Camera maker"
    at = content.index(b"eXIf") + 4
    length = int.from_bytes(content[at - 8 : at - 4])
    damaged = b"\0" * length
    content = content[:at] + damaged + zlib.crc32(b"eXIf" + damaged).to_bytes(4) + content[at + length + 4 :]
    picture = read(content)
    assert picture.notes == ("its EXIF data is damaged; the result does not keep it",)
    assert b"eXIf" not in encode(picture)


def test_tags_of_a_tiff_that_are_no_numbers_of_their_kind_are_left_out() -> None:
    """A kind of page and a resolution as fractions, of which one is by zero."""
    fractions = struct.pack("<4L", 2, 1, 72, 0)
    tags = [(254, 5, 1, 8), *grey_page(8, 24), (282, 5, 1, 8), (283, 5, 1, 16)]
    picture = read(chained([tags], fractions + bytes(64)))
    assert (picture.dpi, "subfiletype" in picture.coding) == (None, False)
    for format in ("TIFF", "PNG", "JPEG"):
        assert read(encode(picture, format)).levels.shape == (8, 8, 1)
    assert read(encode(replace(picture, pages=(picture,)), "TIFF")).pages
