"""PNG files: written without a search for repetitions, no larger for it, and never refused for their shape."""

import io
import zlib

import numpy as np
import pytest
import skimage.data
from PIL import Image

from dncnn_tf.images.picture import Picture
from dncnn_tf.images.png import LONGEST_SIDE, encode
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode as encode_picture


@pytest.fixture(scope="module")
def coffee():
    return Image.fromarray(skimage.data.coffee()[100:340, 100:420])


def rows(content, width):
    """What a decoder makes lines of: a byte for the kind of prediction, then `width` bytes."""
    packed, position = b"", 8
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        if content[position + 4 : position + 8] == b"IDAT":
            packed += content[position + 8 : position + 8 + length]
        position += 12 + length
    return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(-1, 1 + width)


def test_every_row_is_predicted_alike(coffee):
    levels = np.asarray(coffee)
    content = encode_picture(Picture(levels, None, "PNG"))
    np.testing.assert_array_equal(rows(content, levels[0].size)[:, 0], 4)  # Paeth


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_photographs_take_no_more_room_than_with_a_search(coffee, mode):
    image = coffee.convert(mode)
    levels, searched = np.asarray(image), io.BytesIO()
    image.save(searched, "PNG")
    assert len(encode(levels if levels.ndim == 3 else levels[..., None])) < 1.03 * len(searched.getvalue())


def test_sides_that_libpng_refuses_are_written():
    levels = np.zeros((1, LONGEST_SIDE + 1, 1), np.uint8)
    np.testing.assert_array_equal(read(encode_picture(Picture(levels, None, "PNG"))).levels, levels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(100_000, 1, 1), (100_000, 1, 3), (1, 100_000, 1), (300, 200, 3)], ids=str)
def test_noise_that_nothing_packs_has_room(shape, dtype):
    levels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    np.testing.assert_array_equal(read(encode(levels)).levels, levels)
