"""Tiles give what the whole image gives, and fit the memory."""

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import psutil
import pytest
import skimage
from helpers.models import untrained
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dncnn_tf import denoise
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.engines.opening import as_engine
from dncnn_tf.models.cards import shipped_models
from dncnn_tf.restoration.denoising import denoise_batch
from dncnn_tf.restoration.tiling import BYTES_PER_PIXEL, in_parts, memory_left, tile_side

COFFEE = Path(skimage.__file__).parent / "data/coffee.png"


def allowing(memory):
    """Bytes of this process that leave so many for feature maps."""
    return psutil.Process().memory_info().rss + memory


@pytest.fixture(scope="module")
def grey():
    return as_engine(untrained(1), precision="float32")


@settings(max_examples=60)
@given(
    height=st.integers(1, 45),
    width=st.integers(1, 45),
    tile=st.integers(1, 50),
    count=st.integers(1, 3),
    memory=st.sampled_from([0, 50_000, 10**9]),
)
def test_tiles_give_what_the_whole_image_gives(grey, height, width, tile, count, memory):
    noisy = np.random.default_rng(height * width).random((count, height, width, 1), np.float32)
    shares = []
    tiled = in_parts(
        grey, noisy, halo=grey.receptive_radius, tile=tile, max_memory=allowing(memory), progress=shares.append
    )
    np.testing.assert_allclose(tiled, grey(noisy), atol=1e-5)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_halo_smaller_than_the_receptive_radius_would_show(grey):
    halo = grey.receptive_radius - 2
    noisy = np.random.default_rng(0).random((1, 40, 40, 1), np.float32)
    difference = np.abs(in_parts(grey, noisy, halo=halo, tile=20) - grey(noisy))
    assert difference.max() > 1e-4


@pytest.mark.parametrize(
    ("height", "width", "tile"), [(70, 131, 32), (61, 40, 7), (33, 200, 1), (20, 19, 5), (300, 700, 140)]
)
def test_all_tiles_have_one_size(height, width, tile):
    """Of which engines prepare for each anew; and no tile reads more than `tile` and a halo on both sides."""
    halo, sizes = 10, []

    def seen(piece):
        sizes.append(piece.shape[1:3])
        return piece

    noisy = np.random.default_rng(0).random((1, height, width, 1), np.float32)
    np.testing.assert_array_equal(in_parts(seen, noisy, halo=halo, tile=tile), noisy)
    assert len(set(sizes)) == 1
    assert tile < 128 or sizes[0][1] % 16 == 0
    assert all(read <= tile + 2 * halo for read, side in zip(sizes[0], (height, width), strict=True) if side > 2 * halo)


@pytest.mark.parametrize("tile", [0, 17, 64, 200, "auto"])
def test_tiles_at_full_depth(tile):
    engine = as_engine(untrained(3, depth=17), precision="float32")
    noisy = np.random.default_rng(0).random((1, 101, 77, 3), np.float32)
    tiled = denoise_batch(noisy, engine, tile=tile, max_memory=allowing(BYTES_PER_PIXEL * 70**2))
    np.testing.assert_allclose(tiled, engine(noisy), atol=1e-5)


@pytest.mark.parametrize("name", shipped_models())
def test_tiles_of_what_is_shipped_do_not_show(name):
    """On a photograph with noise; the smallest tiles lie all in each other's halos."""
    engine = as_engine(name, precision="float32")
    clean = np.asarray(Image.open(COFFEE))[100:173, 200:281, : engine.channels] / np.float32(255)
    noisy = add_gaussian_noise(clean, 15, np.random.default_rng(0))[None]
    whole = denoise_batch(noisy, engine, tile=0)
    for tile in (19, 32, 50):
        np.testing.assert_allclose(denoise_batch(noisy, engine, tile=tile), whole, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (3000, 4000), (40_000, 50), (1, 10**7)])
@pytest.mark.parametrize("memory", [10**8, 10**9])
def test_automatic_tiles_fit_the_memory(height, width, memory):
    halo = 20
    side = tile_side(height, width, halo, memory)
    pixels = height * width if side == 0 else (side + 2 * halo) ** 2
    assert pixels * BYTES_PER_PIXEL <= memory


def test_memory_is_the_process_s(monkeypatch) -> None:
    gib = 2**30
    assert memory_left(3 * gib, 1000, resident=gib) == 2 * gib - 3 * 1000  # the result, and what its coding takes
    assert memory_left(gib, 0, resident=2 * gib) == 0
    assert memory_left(None, 0, resident=gib // 2) == 3 * gib // 2  # of 2 GiB where nothing is said
    assert memory_left(None, 0, resident=5 * gib) == gib  # a large process gets some more
    monkeypatch.setattr(psutil.Process, "memory_info", lambda self: SimpleNamespace(rss=3 * gib))
    assert memory_left(4 * gib, 0) == gib


def test_less_memory_makes_smaller_tiles_and_the_same_image(grey) -> None:
    coffee = np.asarray(Image.open(COFFEE))[100:163, 200:277]

    class Counted:
        channels, receptive_radius = 1, grey.receptive_radius
        sides: ClassVar = []

        def __call__(self, noisy):
            self.sides.append(noisy.shape[1])
            return grey(noisy)

    large, small = (denoise(coffee / 255, Counted(), max_memory=memory) for memory in (None, 1))
    np.testing.assert_allclose(large, small, atol=1e-5)
    assert max(Counted.sides) == len(coffee)
    assert min(Counted.sides) < 32 + 2 * grey.receptive_radius
