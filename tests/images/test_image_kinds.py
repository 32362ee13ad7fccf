"""Kinds of image files beyond 8-bit PNG and JPEG: several pages, floating-point numbers, 16-bit PPM, and others."""

from __future__ import annotations

import io

import imagecodecs
import netpbmfile
import numpy as np
import pytest
import tifffile
from helpers import encoded
from helpers.encoded import PROFILE, saved, tiff_of
from PIL import Image

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode, losses

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def chelsea() -> Image.Image:
    return encoded.chelsea()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"compression": "lzw"}, {"compression": "adobe_deflate", "predictor": True}]
)
def test_floating_point_tiff_comes_back_bit_by_bit(dtype, channels, options) -> None:
    array = RNG.uniform(-0.2, 1.3, (13, 17, channels)).astype(dtype).squeeze()
    kind = {"photometric": "rgb" if channels > 1 else "minisblack", "iccprofile": PROFILE, "resolution": (300, 300)}
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    picture = read(tiff_of(array, **kind, **extra, **options))
    assert (picture.levels.dtype, picture.channels, picture.alpha is not None) == (
        dtype,
        min(channels, 3),
        channels == 4,
    )
    with tifffile.TiffFile(io.BytesIO(encode(picture))) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray(), array)
        assert page.iccprofile == PROFILE
        assert page.get_resolution() == (300, 300)
        assert (page.compression == 1) == ("compression" not in options)


def test_floating_point_tiff_whose_alpha_is_no_number_is_refused() -> None:
    array = RNG.random((5, 7, 4), np.float32)
    array[2, 3, 3] = np.nan
    with pytest.raises(ImageError, match="alpha of float images must be finite"):
        read(tiff_of(array, photometric="rgb", extrasamples=["unassalpha"]))


def test_pillow_reads_the_floating_point_tiff_that_is_written() -> None:
    array = RNG.random((13, 17), np.float32)
    content = encode(read(saved(Image.fromarray(array), "TIFF", description="night")))
    image = Image.open(io.BytesIO(content))
    np.testing.assert_array_equal(np.asarray(image), array)
    assert image.tag_v2[270] == "night"


def test_floats_go_nowhere_but_into_tiff() -> None:
    picture = read(tiff_of(RNG.random((5, 5), np.float32)))
    for format in ("PNG", "JPEG", "BMP"):
        with pytest.raises(ImageError, match=f"{format} does not keep floating-point numbers"):
            encode(picture, format)


def test_every_page_of_a_tiff_is_kept(chelsea) -> None:
    """Of several sizes, modes and depths, each with its own compression, written by Pillow and by tifffile."""
    grey, deep = chelsea.convert("L").crop((0, 0, 30, 20)), RNG.integers(0, 65536, (9, 11, 3), np.uint16)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(np.asarray(chelsea), photometric="rgb", compression="lzw", metadata=None)
        writer.write(np.asarray(grey), photometric="minisblack", metadata=None)
        writer.write(deep, photometric="rgb", compression="adobe_deflate", metadata=None, subfiletype=2)
    picture = read(buffer.getvalue())
    assert [page.levels.dtype for page in (picture, *picture.pages)] == [np.uint8, np.uint8, np.uint16]
    with tifffile.TiffFile(io.BytesIO(encode(picture))) as file:
        for page, expected in zip(file.pages, (np.asarray(chelsea), np.asarray(grey), deep), strict=True):
            np.testing.assert_array_equal(page.asarray(), expected)
        assert [page.compression.name for page in file.pages] == ["LZW", "NONE", "ADOBE_DEFLATE"]
        assert file.pages[2].subfiletype == 2
    again = read(encode(read(saved(chelsea, "TIFF", save_all=True, append_images=[grey, chelsea.rotate(180)]))))
    assert [page.levels.shape for page in (again, *again.pages)] == [(63, 81, 3), (20, 30, 1), (63, 81, 3)]
    np.testing.assert_array_equal(again.pages[1].levels, np.asarray(chelsea.rotate(180)))


def test_pages_go_nowhere_but_into_tiff(chelsea) -> None:
    picture = read(saved(chelsea, "TIFF", save_all=True, append_images=[chelsea]))
    with pytest.raises(ImageError, match=r"PNG does not keep 2 pages; choose another `format`, such as tiff"):
        encode(picture, "PNG")


@pytest.mark.parametrize("text", [False, True])
def test_deep_colour_ppm_keeps_all_16_bits(text) -> None:
    array = RNG.integers(0, 65536, (19, 23, 3), np.uint16)
    buffer = io.BytesIO()
    netpbmfile.imwrite(buffer, array)
    content = buffer.getvalue()
    if text:
        content = b"P3\n# by hand\n23 19\n65535\n" + b"\n".join(b"%d" % value for value in array.ravel()) + b"\n"
    picture = read(content)
    assert (picture.format, picture.bits) == ("PPM", 16)
    result = encode(picture)
    assert result.startswith(b"P6")
    np.testing.assert_array_equal(np.frombuffer(result[-array.nbytes :], ">u2").reshape(array.shape), array)


def test_a_ppm_s_own_white_becomes_white() -> None:
    buffer = io.BytesIO()
    netpbmfile.imwrite(buffer, np.array([[[0, 500, 1000]]], np.uint16), maxval=1000)
    np.testing.assert_array_equal(read(buffer.getvalue()).levels, [[[0, 32768, 65535]]])


@pytest.mark.parametrize(("format", "mode"), [("TGA", "RGB"), ("TGA", "RGBA"), ("TGA", "L"), ("JPEG2000", "RGB")])
def test_other_lossless_formats_come_back_pixel_by_pixel(chelsea, format, mode) -> None:
    image = chelsea.convert(mode)
    result = Image.open(io.BytesIO(encode(read(saved(image, format)))))
    assert (result.format, result.mode) == (format, mode)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(image))


def test_avif_stays_avif_and_says_what_is_read(chelsea) -> None:
    picture = read(saved(chelsea, "AVIF", quality=90))
    assert any("AVIF is read with 8 bits" in remark for remark in picture.notes)
    result = Image.open(io.BytesIO(encode(picture)))
    assert result.format == "AVIF"
    assert np.abs(np.asarray(result).astype(int) - picture.levels).mean() < 3


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_quality_overrides_how_coarsely_a_file_was_coded(chelsea, format) -> None:
    picture = read(saved(chelsea, format, quality=60))
    sizes = [len(encode(picture, quality=quality)) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.8 * sizes[-1]
    png = read(saved(chelsea, "PNG"))
    assert len(encode(png, format, 10)) < len(encode(png, format, 95))
    assert encode(png, quality=10) == encode(png)


def test_jpeg_quality_is_the_one_asked_for(chelsea) -> None:
    result = Image.open(io.BytesIO(encode(read(saved(chelsea, "JPEG", quality=60, comment=b"said")), quality=83)))
    assert result.quantization == Image.open(io.BytesIO(saved(chelsea, "JPEG", quality=83))).quantization
    assert result.info["comment"] == b"said"


def test_a_ramp_keeps_its_65536_levels() -> None:
    ramp = np.repeat(np.arange(65536, dtype=np.uint16).reshape(256, 256, 1), 3, axis=-1)
    for content in (imagecodecs.png_encode(ramp), tiff_of(ramp, photometric="rgb")):
        result = encode(read(content))
        again = tifffile.imread(io.BytesIO(result)) if result[:2] in (b"II", b"MM") else imagecodecs.png_decode(result)
        np.testing.assert_array_equal(again, ramp)


def test_what_tga_loses_is_said(chelsea) -> None:
    picture = read(saved(chelsea, "PNG", icc_profile=PROFILE))
    assert any("TGA is written without the colour profile" in line for line in losses(picture, "TGA"))


def test_strength_0_changes_no_level_of_a_lossless_file(dncnn_tf, chelsea, tmp_path) -> None:
    """Through the command, written and read by libraries that keep all bits."""
    deep = RNG.integers(0, 65536, (31, 37, 3), np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    (tmp_path / "deep.tif").write_bytes(tiff_of(deep, photometric="rgb"))
    netpbmfile.imwrite(tmp_path / "deep.ppm", deep)
    (tmp_path / "float.tif").write_bytes(tiff_of(RNG.random((31, 37), np.float32)))
    (tmp_path / "double.tif").write_bytes(tiff_of(RNG.random((31, 37, 3)), photometric="rgb"))
    for name, options in (("a.png", {}), ("a.bmp", {}), ("a.tga", {}), ("a.webp", {"lossless": True}), ("a.jp2", {})):
        chelsea.save(tmp_path / name, **options)
    done = dncnn_tf("denoise", tmp_path, "-o", tmp_path / "out", "--suffix", "", "--strength", 0, "--model", "cdncnn-b")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 10
    readers = {".png": imagecodecs.imread, ".tif": tifffile.imread, ".ppm": netpbmfile.imread}
    for result in (tmp_path / "out").iterdir():
        reader = readers.get(result.suffix, lambda path: np.asarray(Image.open(path)))
        before = reader(tmp_path / result.name)
        assert reader(result).dtype == before.dtype
        np.testing.assert_array_equal(reader(result), before, err_msg=result.name)
