"""Upscaling and deblocking: what the network sees, what stays, and that the commands keep the rules for files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import skimage
from helpers.models import trained_like
from PIL import Image
from skimage.color import rgb2ycbcr

from dncnn_tf import ModelConfig, build_dncnn, deblock, upscale
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.weights import save_weights

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return np.asarray(Image.open(PHOTOGRAPHS / "coffee.png").crop((100, 100, 171, 153)))


@pytest.fixture(scope="module")
def identity() -> Engine:
    """A network that removes nothing: its last convolution is 0."""
    return open_engine(build_dncnn(ModelConfig(depth=3, filters=4), initialization="identity"), precision="float32")


@pytest.fixture(scope="module")
def network() -> Engine:
    return open_engine(trained_like(), precision="float32")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_a_network_enlarging_is_bicubic(coffee, identity, scale) -> None:
    enlarged = upscale(coffee, scale, identity)
    height, width = coffee.shape[:2]
    assert enlarged.shape == (height * scale, width * scale, 3)
    reference = np.asarray(Image.fromarray(coffee).resize((width * scale, height * scale), Image.Resampling.BICUBIC))
    inner = np.s_[4 * scale : -4 * scale, 4 * scale : -4 * scale]  # Pillow's borders are others
    assert np.abs(enlarged[inner].astype(int) - reference[inner]).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 1), (7, 5, 2), (7, 5, 3), (7, 5, 4), (2, 7, 5, 3), (1, 1)])
def test_shape_and_type_stay(network, kind, shape) -> None:
    highest = 1 if np.issubdtype(kind, np.floating) else np.iinfo(kind).max
    image = (np.random.default_rng(0).random(shape) * highest).astype(kind)
    for result, factor in ((upscale(image, 3, network), 3), (deblock(image, network), 1)):
        assert result.dtype == kind
        height, width = (1, 2) if len(shape) == 4 else (0, 1)
        assert result.shape == tuple(n * factor if i in (height, width) else n for i, n in enumerate(shape))
        assert result.min() >= 0
        assert result.max() <= highest


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images_stay_pil_images(coffee, network, mode) -> None:
    image = Image.fromarray(coffee).convert(mode)
    enlarged = upscale(image, 2, network)
    assert (enlarged.mode, enlarged.size) == (mode, (2 * image.width, 2 * image.height))


def test_grey_goes_through_the_network_as_it_is(coffee, network) -> None:
    grey = np.asarray(Image.fromarray(coffee).convert("L"), np.float32) / 255
    np.testing.assert_array_equal(deblock(grey, network), np.clip(network(grey[None, ..., None]), 0, 1)[0, ..., 0])


def test_of_colour_the_luminance_alone_changes(coffee, network) -> None:
    before, after = coffee / 255, deblock(coffee / 255, network)
    inside = np.all((after > 0) & (after < 1), axis=-1)  # clipping shifts colours
    assert inside.mean() > 0.8
    changes = rgb2ycbcr(after)[inside] - rgb2ycbcr(before)[inside]
    assert np.abs(changes[:, 0]).max() > 10
    assert np.abs(changes[:, 1:]).max() < 1e-3
    y = (rgb2ycbcr(before)[..., :1] / 255).astype(np.float32)
    np.testing.assert_allclose(rgb2ycbcr(after)[inside][:, :1] / 255, network(y[None])[0][inside], atol=1e-5)


def test_transparency_is_enlarged_without_the_network(coffee, network) -> None:
    alpha = np.zeros(coffee.shape[:2], np.uint8)
    alpha[:, 35:] = 255
    enlarged = upscale(np.dstack([coffee, alpha]), 2, network)[..., 3]
    assert not enlarged[:, :66].any()
    assert (enlarged[:, 74:] == 255).all()
    np.testing.assert_array_equal(deblock(np.dstack([coffee, alpha]), network)[..., 3], alpha)


def test_tiles_do_not_show(coffee, network) -> None:
    image = coffee.astype(np.float32) / 255
    np.testing.assert_allclose(upscale(image, 2, network, tile=32), upscale(image, 2, network, tile=0), atol=1e-5)


@pytest.mark.parametrize("scale", [1, 5, 2.5])
def test_other_scales_are_refused(coffee, network, scale) -> None:
    with pytest.raises(ValueError, match=r"`scale` must be 2, 3 or 4\. Received: "):
        upscale(coffee, scale, network)


def test_a_colour_model_is_refused(coffee) -> None:
    with pytest.raises(ValueError, match=r"a grey model\. Received: a colour model"):
        deblock(coffee, open_engine(trained_like(channels=3)))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.weights.h5"
    save_weights(trained_like(), path, {"name": "small"})
    return path


def test_upscale_command(dncnn_tf, coffee, model, tmp_path) -> None:
    alpha = np.random.default_rng(0).integers(0, 256, coffee.shape[:2], np.uint8)
    Image.fromarray(np.dstack([coffee, alpha])).save(tmp_path / "layer.png", dpi=(300, 300))
    Image.fromarray(coffee).convert("L").save(tmp_path / "grey.tif", compression="tiff_lzw")
    (tmp_path / "bad.png").write_text("no picture")
    done = dncnn_tf("upscale", tmp_path, "--scale", 3, "--model", model, "--precision", "float32")
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1
    assert f"{tmp_path / 'bad.png'}: not an image" in done.stderr
    layer, grey = (Image.open(tmp_path / name) for name in ("layer_upscaled.png", "grey_upscaled.tif"))
    assert (layer.mode, layer.size, grey.mode, grey.size) == ("RGBA", (213, 159), "L", (213, 159))
    assert layer.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    expected = upscale(np.dstack([coffee, alpha]), 3, model, precision="float32")
    assert np.abs(np.asarray(layer).astype(int) - expected).max() <= 1
    again = dncnn_tf("upscale", tmp_path / "layer.png", "--scale", 2, "--model", model)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    assert layer.size == Image.open(tmp_path / "layer_upscaled.png").size


def test_deblock_command_does_not_put_the_blocks_back(dncnn_tf, coffee, model, tmp_path) -> None:
    Image.fromarray(coffee).save(tmp_path / "coarse.jpg", quality=10, comment=b"said", dpi=(72, 72))
    done = dncnn_tf("deblock", tmp_path / "coarse.jpg", "--model", model, "--precision", "float32")
    assert done.returncode == 0, done.stderr
    result = Image.open(tmp_path / "coarse_deblocked.jpg")
    fine = io.BytesIO()
    Image.fromarray(coffee).save(fine, "JPEG", quality=95, subsampling=0)
    assert result.quantization == Image.open(fine).quantization
    assert result.info["comment"] == b"said"
    expected = deblock(np.asarray(Image.open(tmp_path / "coarse.jpg")), model, precision="float32")
    assert np.abs(np.asarray(result).astype(float) - expected).mean() < 2


def test_a_scale_is_asked_for(dncnn_tf, tmp_path) -> None:
    done = dncnn_tf("upscale", tmp_path)
    assert done.returncode == 2
    assert "--scale" in done.stderr
