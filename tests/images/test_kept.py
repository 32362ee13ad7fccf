"""What is easily lost without a word: multiplied colours, orientation, profiles, codings, pictures beneath others."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from helpers.encoded import chelsea, saved, sixteen_bit, tiff_of
from PIL import ExifTags, Image, ImageCms, ImageOps

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import coded_anew, encode, losses

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


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


def raw_like(*, reduced: bool) -> bytes:
    """A page with a larger one beneath it."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
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


@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "PPM", "TGA", "JPEG2000"])
@pytest.mark.parametrize("source", ["WEBP", "JPEG", "PNG"])
def test_a_turned_picture_is_seen_the_same_way_up_in_any_format(source: str, target: str) -> None:
    content = saved(chelsea(), source, exif=turned())
    seen, after = (
        np.asarray(ImageOps.exif_transpose(opened(file)), float)
        for file in (content, encode(read(content), target, 95 if target in ("JPEG", "WEBP", "AVIF") else None))
    )
    assert after.shape == seen.shape == (81, 63, 3)
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
