"""Denoising whole images: any type comes back as it was, and what is no image is refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
import skimage
from helpers.models import untrained
from PIL import Image

from dncnn_tf import deblock, denoise, upscale
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.engines.opening import as_engine
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.images.arrays import from_float
from dncnn_tf.models.cards import ModelError

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def grey():
    return as_engine(untrained(1), precision="float32")


@pytest.fixture(scope="module")
def color():
    return as_engine(untrained(3), precision="float32")


@pytest.fixture(scope="module")
def coffee():
    return np.asarray(Image.open(PHOTOGRAPHS / "coffee.png"))[100:163, 200:277]


ARRAYS = [
    ((31, 37), np.uint8),
    ((31, 37, 1), np.uint8),
    ((31, 37, 3), np.uint8),
    ((31, 37, 4), np.uint8),
    ((31, 37, 2), np.uint16),
    ((31, 37, 3), np.uint16),
    ((31, 37), np.float32),
    ((31, 37, 3), np.float64),
    ((31, 37, 3), np.float16),
    ((2, 31, 37, 1), np.uint8),
    ((3, 31, 37, 3), np.float32),
    ((1, 1), np.uint8),
    ((1, 1, 1, 3), np.uint16),
]


def random_array(shape, dtype):
    values = np.random.default_rng(3).random(shape)
    return (values * np.iinfo(dtype).max).astype(dtype) if np.issubdtype(dtype, np.integer) else values.astype(dtype)


@pytest.mark.parametrize("network", ["grey", "color"])
@pytest.mark.parametrize(("shape", "dtype"), ARRAYS)
def test_arrays_keep_shape_type_and_range(request, network, shape, dtype):
    image = random_array(shape, dtype)
    before = image.copy()
    result = denoise(image, request.getfixturevalue(network))
    assert (result.shape, result.dtype) == (image.shape, image.dtype)
    np.testing.assert_array_equal(image, before)
    if np.issubdtype(dtype, np.floating):
        assert 0 <= result.min() <= result.max() <= 1
    if len(shape) > 2 and shape[-1] in (2, 4):
        np.testing.assert_array_equal(result[..., -1], image[..., -1])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_images_keep_mode_and_size(grey, coffee, mode):
    image = Image.fromarray(random_array((20, 30), np.uint16)) if mode == "I;16" else Image.fromarray(coffee)
    image = image if mode == "I;16" else image.convert(mode)
    result = denoise(image, grey)
    assert (result.mode, result.size) == (mode, image.size)
    np.testing.assert_array_equal(np.asarray(result), denoise(np.asarray(image), grey))


def test_all_types_of_one_image_give_one_result(color, coffee):
    expected = denoise(coffee, color)
    wide = denoise(coffee.astype(np.uint16) * 257, color)
    assert np.abs(wide / 257 - expected).max() <= 0.51
    assert np.abs(denoise(coffee / 255, color) * 255 - expected).max() <= 0.51
    assert np.abs(denoise(coffee[None], color)[0].astype(int) - expected).max() <= 1


def test_grey_model_takes_colour_channel_by_channel(grey, coffee):
    together = denoise(coffee / 255, grey)
    apart = np.stack([denoise(coffee[..., i] / 255, grey) for i in range(3)], axis=-1)
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_colour_model_takes_grey_as_three_equal_channels(color, coffee):
    plane = coffee[..., 1] / 255
    expected = color(np.repeat(plane[None, ..., None], 3, axis=-1).astype(np.float32))[0].mean(axis=-1)
    np.testing.assert_allclose(denoise(plane, color), expected.clip(0, 1), atol=1e-5)


def test_strength_goes_from_the_image_itself_to_the_full_result(grey):
    noisy = np.random.default_rng(0).random((20, 30))
    full = denoise(noisy, grey)
    for strength in (0.25, 0.5, 1.0):
        expected = noisy - strength * (noisy - full)
        np.testing.assert_allclose(denoise(noisy, grey, strength=strength), expected, atol=1e-6)
    outside = noisy * 1.4 - 0.2
    untouched = denoise(outside, grey, strength=0)
    np.testing.assert_array_equal(untouched, outside)
    assert untouched is not outside


def test_models_by_path_keras_model_and_engine_agree(tmp_path, coffee):
    model = untrained(3)
    model.save(tmp_path / "small.keras")
    expected = denoise(coffee, as_engine(model, precision="float32"))
    for given_model in (model, tmp_path / "small.keras", str(tmp_path / "small.keras")):
        np.testing.assert_array_equal(denoise(coffee, given_model, precision="float32"), expected)


def test_bfloat16_is_near_float32(tmp_path, coffee):
    untrained(3).save(tmp_path / "small.keras")
    exact, fast = (denoise(coffee / 255, tmp_path / "small.keras", precision=p) for p in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - fast).max() < 0.05


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), "shaped"),
        (np.zeros((4,), np.uint8), "shaped"),
        (np.zeros((0, 4), np.uint8), "at least one pixel"),
        (np.zeros((4, 4), np.int32), "uint8, uint16 or float"),
        (np.zeros((4, 4), bool), "uint8, uint16 or float"),
        (np.full((4, 4), 128.0), "divide by 255"),
        (np.full((4, 4), np.nan), "without NaN"),
        (np.array([[0.5, np.inf]]), "from 0.5 to inf"),
    ],
)
def test_wrong_arrays_are_refused(grey, image, message):
    with pytest.raises(ValueError, match=message):
        denoise(image, grey)


@pytest.mark.parametrize(
    "image",
    [[[1, 2]], "photo.png", Image.new("CMYK", (4, 4)), np.ma.masked_less(np.ones((4, 4)), 0), np.ma.ones((4, 4, 3))],
)
def test_wrong_types_are_refused(grey, image):
    """A masked array among them, whose mask would be lost."""
    with pytest.raises(TypeError, match=r"must (be a NumPy array|have mode|have a value)"):
        denoise(image, grey)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_alpha_that_is_no_number_is_refused(grey, channels, value):
    """Where the picture itself is sound; an alpha of any size is the caller's."""
    image = np.full((4, 5, channels), 0.5, np.float32)
    image[..., -1] = 255
    np.testing.assert_array_equal(denoise(image, grey)[..., -1], 255)
    image[1, 2, -1] = value
    for task in (denoise, deblock, lambda image, model: upscale(image, 2, model)):
        with pytest.raises(ValueError, match=r"alpha of float images must be finite\. Received: NaN or infinity"):
            task(image, grey)


@pytest.mark.parametrize("task", [deblock, lambda image, model, **options: upscale(image, 2, model, **options)])
@pytest.mark.parametrize("options", [{"tile": -1}, {"tile": 2.5}, {"max_memory": -1}, {"max_memory": 2e9}])
def test_other_tasks_have_the_same_rules(grey, task, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        task(np.zeros((4, 4), np.uint8), grey, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"sigma": -1},
        {"sigma": 256},
        {"sigma": float("nan")},
        {"strength": 1.1},
        {"strength": float("nan")},
        {"strength": "0.5"},
        {"strength": None},
        {"strength": np.array([0.1, 0.2])},
        {"luma": 1j},
        {"sigma": "25"},
        {"max_memory": -1},
        {"max_memory": 0},
        {"max_memory": 2e9},
        {"max_memory": "2G"},
        {"tile": -1},
        {"tile": "big"},
        {"tile": 2.5},
    ],
)
def test_wrong_options_are_refused(grey, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        denoise(np.zeros((4, 4), np.uint8), grey, **options)


def test_a_missing_model_is_named(coffee, tmp_path):
    with pytest.raises(ModelError, match=r"none\.keras"):
        denoise(coffee, tmp_path / "none.keras")


@pytest.mark.parametrize("name", ["camera.png", "coins.png", "coffee.png"])
def test_the_shipped_model_removes_noise_from_photographs(name):
    clean = np.asarray(Image.open(PHOTOGRAPHS / name))[50:242, 60:252]
    noisy = add_gaussian_noise(clean.astype(np.float32) / 255, 25, np.random.default_rng(1))
    before, after = psnr(clean, noisy * 255), psnr(clean, from_float(denoise(noisy, "dncnn-s-25"), np.uint8))
    assert before == pytest.approx(20.17, abs=0.1)
    assert after > before + 6.5


def test_a_keras_model_that_is_no_dncnn_is_refused():
    inputs = keras.Input((None, None, 1))
    with pytest.raises(ValueError, match="expected a DnCNN"):
        denoise(np.zeros((4, 4), np.uint8), keras.Model(inputs, keras.layers.ReLU()(inputs)))
