"""Which model is taken: by what the noise is, the same in the library, in `denoise` and in `inspect`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy.ndimage import gaussian_filter

import dncnn_tf.restoration.denoising as denoising
from dncnn_tf import RECIPES, denoise, denoise_files, inspect_files
from dncnn_tf.bulk import denoiser
from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import draw_shot
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.images.arrays import from_float
from dncnn_tf.models import cards
from dncnn_tf.restoration.choice import choose_model, misfits
from dncnn_tf.restoration.noise import Noise, estimate_noise

PICTURES = ("astronaut", "coffee", "chelsea", "rocket")
CAMERA, WHITE = Noise(4, 0.6, 1.3), Noise(20, 0.02, 1.3)


def pictures() -> Iterator[np.ndarray]:
    """Photographs, uint8 (H, W, 3) with even sides."""
    for name in PICTURES:
        picture = getattr(skimage.data, name)()
        yield picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all models were in the box."""
    monkeypatch.setattr(cards, "shipped_models", lambda: list(RECIPES))


def shot() -> np.ndarray:
    """A photograph with a simulated camera's noise, well visible."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        noisy, clean = photograph(next(pictures()), draw_shot(rng), rng)
        if np.std(noisy.astype(float) - clean) > 6:
            return noisy
    raise AssertionError("no visible noise")


def grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).convert("L"))


def test_visible_noise_of_simulated_cameras_is_found_to_be_that() -> None:
    found = []
    for i, picture in enumerate(pictures()):
        for seed in range(6):
            rng = np.random.default_rng([i, seed])
            noisy, clean = photograph(picture, draw_shot(rng), rng)
            if np.std(noisy.astype(float) - clean) > 3:
                found += [estimate_noise(noisy).of_camera, estimate_noise(grey(noisy)).of_camera]
    assert len(found) >= 20
    assert np.mean(found) >= 0.8  # where a camera left next to none in flat places, nothing tells


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_white_noise_is_never_taken_for_a_camera_s(sigma: float) -> None:
    for seed, picture in enumerate(pictures()):
        noisy = add_gaussian_noise(picture.astype(np.float32) / 255, sigma, np.random.default_rng(seed))
        levels = from_float(noisy, np.uint8)
        assert not estimate_noise(noisy).of_camera
        assert not estimate_noise(levels).of_camera
        assert not estimate_noise(grey(levels)).of_camera


@pytest.mark.parametrize("sigma", [5, 15, 25])
def test_white_noise_whose_chroma_jpeg_has_smoothed_is(sigma: float) -> None:
    for seed, picture in enumerate(pictures()):
        noisy = add_gaussian_noise(picture.astype(np.float32) / 255, sigma, np.random.default_rng(seed))
        file = io.BytesIO()
        Image.fromarray(from_float(noisy, np.uint8)).save(file, "JPEG", quality=90)
        noise = estimate_noise(np.asarray(Image.open(file)))
        assert noise.of_camera
        assert noise.chroma_correlation > 0.3
    assert noise.correlation < 0.3  # luma's alone would not tell


def test_chroma_s_correlation_is_that_of_red_less_green() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((256, 256, 3), 0.5, np.float32)
    luma = rng.standard_normal((256, 256, 1)) * 0.05
    smooth = gaussian_filter(rng.standard_normal((256, 256)), 1.0)[..., None] * (0.2, -0.1, 0.05)
    white = rng.standard_normal((256, 256, 1)) * (0.05, -0.05, 0.05)
    assert estimate_noise(flat + luma + smooth).chroma_correlation > 0.5
    assert estimate_noise(flat + luma + white).chroma_correlation == pytest.approx(0, abs=0.1)
    assert estimate_noise(flat + luma).chroma_correlation == pytest.approx(0, abs=0.1)
    assert estimate_noise((flat + luma)[..., 0]).chroma_correlation is None


def test_an_image_too_small_to_tell_has_no_camera_s_noise() -> None:
    assert not Noise(30).of_camera
    assert Noise(4, 0.6, 1.3, 0.7).camera_sign == "neighbours correlate by 0.6"
    assert Noise(4, -0.04, 1.3, 0.7).camera_sign == "neighbours' colours correlate by 0.7"  # as of noise saved as JPEG
    assert Noise(50, 0, 1.2, 0.65).of_camera  # however strong
    assert not Noise(4, -0.04, 1.3, 0.2).of_camera
    assert Noise(0.3, 0.55, 2.5).of_camera  # a camera's flat, dark parts hardly have any
    assert not Noise(0.1, 0.55, 2.5).of_camera
    assert Noise(1.5, 0.4, 1.3).of_camera
    assert not Noise(1.5, 0.4, 2.0).of_camera  # texture is uneven
    assert not estimate_noise(skimage.data.astronaut()[:40, :40]).of_camera


@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_for_photographs_is_taken_once_it_is_in_the_box(
    monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    blind = {1: "dncnn-b", 3: "cdncnn-b"}[channels]
    monkeypatch.setattr(cards, "shipped_models", lambda: [name for name in RECIPES if name != "dncnn-photo"])
    assert choose_model(channels, None, CAMERA) == choose_model(channels, None, WHITE) == blind
    monkeypatch.setattr(cards, "shipped_models", lambda: list(RECIPES))
    assert choose_model(channels, None, CAMERA) == "dncnn-photo"
    assert choose_model(channels, None, WHITE) == blind
    assert choose_model(channels, 25.0, Noise(25.0)) != "dncnn-photo"  # a σ that is given is white noise's


def test_the_model_for_photographs_suits_a_camera_s_noise_and_the_others_do_not() -> None:
    assert misfits("dncnn-photo", CAMERA) == []
    (remark,) = misfits("cdncnn-b", CAMERA)
    assert "dncnn-photo" in remark


def test_library_command_and_inspect_choose_alike(
    shipped: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class OpenedError(Exception):
        """Says which model was asked for, in place of opening it."""

    def opened(model: str, **_: object) -> None:
        raise OpenedError(model)

    monkeypatch.setattr(denoising, "as_engine", opened)
    monkeypatch.setattr(denoiser.Denoiser, "open", opened)
    picture = next(pictures())
    white = from_float(add_gaussian_noise(picture.astype(np.float32) / 255, 20, np.random.default_rng(0)), np.uint8)
    for name, levels in (("dncnn-photo", shot()), ("cdncnn-b", white), ("dncnn-b", grey(white))):
        Image.fromarray(levels).save(tmp_path / "photo.png")
        with pytest.raises(OpenedError, match=name):
            denoise(levels)
        (inspection,) = inspect_files(tmp_path / "photo.png").inspections.values()
        assert inspection.model == name


def test_it_says_so_and_model_overrules(shipped: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Image.fromarray(shot()).save(tmp_path / "photo.png")
    asked: list[str] = []

    class Idle:
        """Finds no noise."""

        channels, receptive_radius = 3, 1

        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            return noisy

    monkeypatch.setattr(denoiser.Denoiser, "open", lambda self, model: asked.append(model) or Idle())
    notes: list[str] = []
    denoise_files(tmp_path / "photo.png", note=notes.append)
    sign = estimate_noise(shot()).camera_sign
    assert notes == [f"{tmp_path}/photo.png: camera noise ({sign}), dncnn-photo"]
    denoise_files(tmp_path / "photo.png", tmp_path / "other.png", model="cdncnn-b", note=notes.append)
    assert asked == ["dncnn-photo", "cdncnn-b"]
    assert notes[1].endswith("cdncnn-b")


@pytest.mark.parametrize(
    ("channels", "sigma", "expected"),
    [
        (3, None, "cdncnn-b"),
        (3, 25.0, "cdncnn-b"),
        (1, None, "dncnn-b"),
        (1, 25.0, "dncnn-s-25"),
        (1, 24.0, "dncnn-s-25"),
        (1, 23.9, "dncnn-b"),
        (1, 15.5, "dncnn-s-15"),
        (1, 51.0, "dncnn-s-50"),
        (1, 0.0, "dncnn-b"),
    ],
)
def test_model_choice(channels: int, sigma: float | None, expected: str) -> None:
    assert choose_model(channels, sigma, Noise(10 if sigma is None else sigma)) == expected


def test_misfits_are_said() -> None:
    def said(name: str, *noise: float) -> str:
        return " / ".join(misfits(name, Noise(*noise)))

    assert said("dncnn-s-25", 25) == said("dncnn-s-25", 28) == said("dncnn-b", 0) == said("dncnn-b", 55) == ""
    assert "`strength`" in said("dncnn-s-25", 10)
    assert "leave noise" in said("dncnn-s-25", 50)
    assert "finetune" in said("dncnn-b", 90)
    assert "not white" not in said("dncnn-b", 10, 0.05, 1.1)
    assert "not white" in said("dncnn-b", 10, 0.5, 1.1)
    assert "finetune" in said("dncnn-b", 10, 0.5, 1.1)
