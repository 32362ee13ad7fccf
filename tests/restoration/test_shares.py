"""Luma's and chroma's share of the noise: what each leaves alone, and that both at 1 change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.data import astronaut

from dncnn_tf import DnCNNError, FileRules, ModelConfig, OptionError, build_dncnn, denoise, denoise_files, request_files
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import as_engine
from dncnn_tf.restoration.denoising import blend
from dncnn_tf.restoration.shares import Shares

LUMA = np.array([0.299, 0.587, 0.114])
share = st.floats(0, 1)


@pytest.fixture(scope="module", params=[1, 3])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Untrained, for grey or for colour: what it takes for noise has any luma and chroma."""
    return as_engine(build_dncnn(ModelConfig(depth=4, filters=8, channels=request.param), seed=7), precision="float32")


@pytest.fixture(scope="module")
def noisy() -> np.ndarray:
    """Far enough from black and white that nothing is clipped but by the network."""
    return 0.3 + 0.4 * np.random.default_rng(0).random((31, 37, 3), np.float32)


def chroma(image: np.ndarray) -> np.ndarray:
    """Cb and Cr, by scikit-image: an independent measure, blind to what is alike in R, G and B."""
    return np.asarray(rgb2ycbcr(image.astype(float)))[..., 1:] / 255


def test_luma_alone_leaves_chroma_as_it_is(engine: Engine, noisy: np.ndarray) -> None:
    full, grain = denoise(noisy, engine), denoise(noisy, engine, chroma=0)
    np.testing.assert_allclose(grain @ LUMA, full @ LUMA, atol=1e-6)
    np.testing.assert_allclose(chroma(grain), chroma(noisy), atol=1e-5)
    assert np.abs(chroma(full) - chroma(noisy)).max() > 1e-3


def test_chroma_alone_leaves_luma_as_it_is(engine: Engine, noisy: np.ndarray) -> None:
    full, blotches = denoise(noisy, engine), denoise(noisy, engine, luma=0)
    np.testing.assert_allclose(blotches @ LUMA, noisy @ LUMA, atol=1e-6)
    np.testing.assert_allclose(chroma(blotches), chroma(full), atol=1e-5)


@settings(max_examples=30)
@given(strength=share, luma=share, chroma=share)
def test_shares_are_linear(strength: float, luma: float, chroma: float) -> None:
    rng = np.random.default_rng(1)
    noisy, clean = rng.random((2, 1, 5, 7, 3), np.float32)
    residual = noisy - clean
    grain = (residual @ LUMA)[..., None] * np.ones(3)
    expected = noisy - strength * (luma * grain + chroma * (residual - grain))
    np.testing.assert_allclose(blend(noisy, clean, Shares(strength, luma, chroma)), expected, atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, 0.7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_both_at_1_change_nothing(engine: Engine, noisy: np.ndarray, dtype: type, strength: float) -> None:
    image = noisy if dtype == np.float32 else (noisy * np.iinfo(dtype).max).astype(dtype)
    given = denoise(image, engine, strength=strength, luma=1, chroma=1)
    np.testing.assert_array_equal(given, denoise(image, engine, strength=strength))
    half = denoise(image, engine, strength=strength, luma=0.5, chroma=0.5)
    np.testing.assert_array_equal(half, denoise(image, engine, strength=strength / 2))


@pytest.mark.parametrize("shares", [{"strength": 0}, {"luma": 0, "chroma": 0}, {"strength": 0, "luma": 0.5}])
def test_nothing_subtracted_is_the_picture_itself(engine: Engine, noisy: np.ndarray, shares: dict[str, float]) -> None:
    outside = noisy * 4 - 1.5
    np.testing.assert_array_equal(denoise(outside, engine, **shares), outside)


def test_a_grey_picture_has_no_chroma(engine: Engine, noisy: np.ndarray) -> None:
    grey = noisy[..., 0]
    np.testing.assert_array_equal(denoise(grey, engine, chroma=0), denoise(grey, engine))
    np.testing.assert_array_equal(denoise(grey, engine, luma=0, chroma=1), grey)
    np.testing.assert_array_equal(denoise(grey, engine, luma=0.4), denoise(grey, engine, strength=0.4))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_and_depth_are_kept(engine: Engine, dtype: type) -> None:
    image = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (20, 30, 4), dtype, endpoint=True)
    result = denoise(image, engine, luma=0.3, tile=12)
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    whole = denoise(image, engine, luma=0.3, tile=0)
    assert np.abs(result.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("name", ["strength", "luma", "chroma"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_share_is_refused_in_one_line(name: str, value: float) -> None:
    options = {name: value}
    for call in (
        lambda: denoise(np.zeros((4, 4, 3), np.uint8), **options),
        lambda: denoise_files("a.png", **options),
        lambda: request_files("a.png", **options),
    ):
        with pytest.raises(OptionError, match=f"`{name}` must be from 0 to 1") as caught:
            call()
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, DnCNNError)


def test_command_and_library_write_the_same_bytes(dncnn_tf, model: Path, tmp_path: Path) -> None:
    Image.fromarray(astronaut()[:60, :80]).save(tmp_path / "a.png")
    arguments = ("--luma", 0.25, "--chroma", 0.75, "--model", model, "--precision", "float32")
    run = dncnn_tf("denoise", tmp_path / "a.png", *arguments)
    assert run.returncode == 0, run.stderr
    rules = FileRules(suffix="_library")
    denoise_files(tmp_path / "a.png", rules=rules, model=model, luma=0.25, chroma=0.75, precision="float32")
    assert (tmp_path / "a_denoised.png").read_bytes() == (tmp_path / "a_library.png").read_bytes()
    expected = denoise(astronaut()[:60, :80], model, luma=0.25, chroma=0.75, precision="float32")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a_library.png")), expected)


@pytest.mark.parametrize("command", ["denoise", "request"])
def test_the_command_refuses_what_is_no_share(dncnn_tf, command: str, tmp_path: Path) -> None:
    for option, value in (("--luma", "1.5"), ("--chroma", "nan")):
        run = dncnn_tf(command, "a.png", option, value, cwd=tmp_path)
        assert run.returncode == 2
        assert option in run.stderr
