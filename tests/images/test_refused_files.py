"""What is no image, or one that cannot be kept as it is, is refused in one line."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from helpers.encoded import chelsea, saved, sixteen_bit, tiff_of
from PIL import Image

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode


def bad_files(image):
    rgb = saved(image, "PNG")
    cmyk = saved(image.convert("CMYK"), "TIFF")
    signed = io.BytesIO()
    tifffile.imwrite(signed, np.zeros((4, 4), np.int16), metadata=None)
    two = {"save_all": True, "append_images": [image.rotate(90)]}
    return {
        "text": (b"This is a text file.\n", "not an image"),
        "nothing": (b"", "empty"),
        "cut PNG": (rgb[: len(rgb) // 2], "damaged or cut short"),
        "cut header": (rgb[:20], "not an image|damaged"),
        "cut JPEG": (saved(image, "JPEG")[:900], "damaged or cut short"),
        "cut TIFF": (saved(image, "TIFF")[:900], "damaged or cut short|not an image"),
        "cut 16-bit PNG": (imagecodecs.png_encode(sixteen_bit(50, 50, 3))[:5000], "damaged or cut short"),
        "animated GIF": (saved(image, "GIF", **two), "animated"),
        "animated PNG": (saved(image, "PNG", **two), "animated"),
        "animated WebP": (saved(image, "WEBP", **two), "animated"),
        "CMYK": (cmyk, "CMYK"),
        "signed": (signed.getvalue(), "signed"),
        "float beyond white": (tiff_of(np.full((4, 4), 200, np.float32)), "from 200 to 200; scale it first"),
        "not a number": (tiff_of(np.full((4, 4), np.nan, np.float32)), "without NaN"),
        "infinity": (tiff_of(np.array([[0.5, np.inf]], np.float32)), "from 0.5 to inf; scale it first"),
        "a stack": (tiff_of(np.zeros((3, 4, 5, 6, 7), np.float32), photometric="minisblack", volumetric=True), "order"),
    }


@pytest.mark.parametrize("kind", bad_files(Image.new("RGB", (64, 64))))
def test_bad_files_are_refused_in_one_line(tmp_path, kind):
    content, message = bad_files(chelsea())[kind]
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_decompression_bomb_is_refused():
    with pytest.raises(ImageError, match=r"too large, more than 0\.001 million pixels"):
        read(saved(chelsea(), "PNG"), max_pixels=1000)


def test_a_folder_is_no_image(tmp_path):
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ImageError, match="a folder"):
        read(tmp_path / "x.png")


def test_what_a_format_cannot_hold_is_refused():
    transparent = chelsea()
    transparent.putalpha(128)
    with pytest.raises(ImageError, match="transparency"):
        encode(read(saved(transparent, "PNG")), "JPEG")
    with pytest.raises(ImageError, match="256 colours"):
        encode(read(saved(chelsea(), "GIF")))
