"""The protocol, with engines whose output is known, against scikit-image and Pillow."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from helpers.measuring import GREY, RGB, Broken, Identity, save
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from dncnn_tf.data.degradations import bicubic_down_up
from dncnn_tf.errors import OptionError
from dncnn_tf.evaluation.measuring import evaluate, evaluate_image
from dncnn_tf.evaluation.protocol import degraded_pair
from dncnn_tf.evaluation.results import EvaluationError, evaluation_json
from dncnn_tf.evaluation.settings import Setting


@pytest.fixture
def photo(tmp_path) -> Path:
    return save(tmp_path / "photo.png", GREY)


def noise_of(path: Path, sigma: float, **options: object) -> np.ndarray:
    clean, noisy = degraded_pair(path, 1, Setting("denoise", sigma, **options))
    return noisy - clean


def test_noise_has_the_level_asked_for_and_is_neither_clipped_nor_rounded(photo):
    clean, noisy = degraded_pair(photo, 1, Setting("denoise", 50))
    assert noisy.dtype == np.float32
    np.testing.assert_array_equal(clean[..., 0], GREY.astype(np.float32) / 255)
    assert np.std(noisy - clean) * 255 == pytest.approx(50, rel=0.02)
    assert abs(np.mean(noisy - clean) * 255) < 4 * 50 / np.sqrt(GREY.size)
    assert noisy.min() < 0
    levels = noisy * 255
    assert np.mean(np.abs(levels - levels.round()) < 0.01) < 0.05


def test_noise_depends_on_the_image_and_the_seed_alone(tmp_path, photo):
    other = save(tmp_path / "other.png", GREY)
    files = [photo, other]
    forward = evaluate(Identity(), files, Setting("denoise", 25))
    backward = evaluate(Identity(), files[::-1], Setting("denoise", 25))
    assert {image.name: image for image in forward.images} == {image.name: image for image in backward.images}
    np.testing.assert_array_equal(noise_of(photo, 25), noise_of(photo, 25))
    assert abs(np.corrcoef(noise_of(photo, 25).ravel(), noise_of(other, 25).ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(noise_of(photo, 25).ravel(), noise_of(photo, 25, seed=1).ravel())[0, 1]) < 0.05


def test_denoising_is_scored_on_clipped_8_bit_output(photo):
    score, restoration = evaluate_image(Identity(), photo, Setting("denoise", 25))
    levels = np.clip(restoration.degraded[..., 0] * 255, 0, 255).round()
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(GREY, levels.astype(np.uint8)), abs=1e-9)
    # 8-bit rounding and clipping are visible in the figure: the unclipped noise has 20.17 dB.
    assert score.psnr > 20 * np.log10(255 / 25) + 0.05


def test_colour_is_scored_over_all_channels(tmp_path):
    path = save(tmp_path / "photo.png", RGB)
    score, restoration = evaluate_image(Identity(3), path, Setting("denoise", 25))
    assert restoration.degraded.shape == (*RGB.shape[:2], 3)
    levels = np.clip(restoration.degraded * 255, 0, 255).round().astype(np.uint8)
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(RGB, levels), abs=1e-9)


def test_grey_model_sees_the_luma_of_a_colour_image(tmp_path):
    clean, _ = degraded_pair(save(tmp_path / "photo.png", RGB), 1, Setting("denoise", 0))
    np.testing.assert_allclose(clean[..., 0] * 255, RGB @ [0.299, 0.587, 0.114], atol=0.6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_is_scored_on_unrounded_luminance_without_border(tmp_path, scale):
    score, _ = evaluate_image(Identity(), save(tmp_path / "photo.png", RGB), Setting("super-resolution", scale))
    height, width = (side // scale * scale for side in RGB.shape[:2])
    clean = RGB[:height, :width]
    result = bicubic_down_up(clean.astype(np.float32) / 255, scale)
    inner = np.s_[scale:-scale, scale:-scale]
    reference, result = rgb2ycbcr(clean)[..., 0][inner], rgb2ycbcr(result)[..., 0][inner]
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(reference, result, data_range=255), abs=1e-4)


def test_super_resolution_keeps_grey_images_grey_and_in_8_bits(photo):
    clean, degraded = degraded_pair(photo, 1, Setting("super-resolution", 4))
    np.testing.assert_array_equal((clean[..., 0] * 255).round(), GREY[:88, :148])
    np.testing.assert_allclose(degraded * 255, (degraded * 255).round(), atol=1e-4)


def test_jpeg_is_made_of_rounded_luminance(tmp_path):
    score, restoration = evaluate_image(Identity(), save(tmp_path / "photo.png", RGB), Setting("jpeg", 10))
    reference = rgb2ycbcr(RGB)[..., 0].round().astype(np.uint8)
    np.testing.assert_array_equal((restoration.clean[..., 0] * 255).round(), reference)
    buffer = io.BytesIO()
    Image.fromarray(reference).save(buffer, "JPEG", quality=10)
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(reference, np.asarray(Image.open(buffer))), abs=1e-9)


def test_noisy_files_are_taken_as_they_are(tmp_path, photo):
    (tmp_path / "noisy").mkdir()
    noisy = np.random.default_rng(0).integers(0, 65536, GREY.shape).astype(np.uint16)
    save(tmp_path / "noisy/photo.tif", noisy)
    _, degraded = degraded_pair(photo, 1, Setting("denoise", None, noisy=str(tmp_path / "noisy")))
    np.testing.assert_allclose(degraded[..., 0], noisy / 65535, atol=1e-7)


def test_noisy_file_must_exist_once_and_fit(tmp_path, photo):
    folder = tmp_path / "noisy"
    folder.mkdir()
    setting = Setting("denoise", None, noisy=folder)
    with pytest.raises(EvaluationError, match=r"photo\.png: .*exactly one noisy image .* Received: none"):
        evaluate_image(Identity(), photo, setting)
    save(folder / "photo.png", GREY[1:])
    with pytest.raises(EvaluationError, match=r"same shape, \(90, 150, 1\)\. Received: \(89, 150, 1\)"):
        evaluate_image(Identity(), photo, setting)
    save(folder / "photo.bmp", GREY)
    with pytest.raises(EvaluationError, match=r"Received: photo\.bmp, photo\.png"):
        evaluate_image(Identity(), photo, setting)


def test_image_that_does_not_fit_is_named(tmp_path, photo):
    with pytest.raises(EvaluationError, match=r"photo\.png: a grey image, but the model is for colour"):
        evaluate_image(Identity(3), photo, Setting("denoise", 25))
    with pytest.raises(EvaluationError, match=r"photo\.png: jpeg is measured on luminance"):
        evaluate_image(Identity(3), save(tmp_path / "photo.png", RGB), Setting("jpeg", 10))
    with pytest.raises(EvaluationError, match=r"dot\.png: SSIM needs at least 11x11 pixels"):
        evaluate_image(Identity(), save(tmp_path / "dot.png", GREY[:1, :1]), Setting("denoise", 25))
    with pytest.raises(EvaluationError, match=r"dot\.png: .*4x4"):
        evaluate_image(Identity(), tmp_path / "dot.png", Setting("super-resolution", 4))
    with pytest.raises(EvaluationError, match=r"photo\.png: .*Received: NaN or infinity in \d+ of \d+ values"):
        evaluate_image(Broken(), save(tmp_path / "photo.png", GREY), Setting("denoise", 25))


def test_one_bad_file_does_not_stop_the_others(tmp_path, photo):
    bad = tmp_path / "bad.png"
    bad.write_text("text")
    failures = []
    result = evaluate(Identity(), [bad, photo], Setting("denoise", 25), on_failure=failures.append)
    assert [image.name for image in result.images] == ["photo"]
    assert str(failures[0]).startswith(f"{bad}: ")
    with pytest.raises(EvaluationError, match="no image could be evaluated"):
        evaluate(Identity(), [bad], Setting("denoise", 25), on_failure=failures.append)


def test_json_has_no_infinity_and_says_all_that_made_the_figures(photo):
    settings = Setting.each("denoise", sigma=[0, 25, 0], seed=3)
    assert [setting.degree for setting in settings] == [0, 25]
    content = evaluation_json([evaluate(Identity(), [photo], setting) for setting in settings])
    assert [result["level"] for result in content["results"]] == [0, 25]
    assert content["results"][0]["psnr"] is None
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["settings"] == {"model": "Identity", "precision": "float32", "seed": 3, "noisy": None}
    assert content["protocol"].keys() == {"denoise", "psnr", "ssim"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Setting("denoise", None), "`task` denoise needs `sigma`"),
        (lambda: Setting("denoise", 256), "`sigma` must be a number from 0 to 255. Received: 256"),
        (lambda: Setting("denoise", float("nan")), "`sigma` must be a number"),
        (lambda: Setting("super-resolution", 2.5), "`scale` must be a whole number"),
        (lambda: Setting("jpeg", 0), "`quality` must be a whole number from 1 to 100. Received: 0"),
        (lambda: Setting("blur", 1), "`task` must be one of denoise, super-resolution, jpeg. Received: blur"),
        (lambda: Setting("denoise", 25, noisy=Path("noisy")), "`noisy` brings its own noise"),
        (lambda: Setting("jpeg", None, noisy=Path("noisy")), "`noisy` brings its own noise"),
        (lambda: Setting.each("jpeg", sigma=[25]), "`sigma` does not belong to `task` jpeg; give `quality`"),
        (lambda: Setting.each("jpeg"), "`task` jpeg needs `quality`"),
    ],
)
def test_what_does_not_go_together_is_refused(make, message):
    with pytest.raises(OptionError) as refused:
        make()
    assert message in str(refused.value)


def test_a_colour_model_is_refused_for_luminance_before_any_image(photo):
    with pytest.raises(EvaluationError, match="a colour model, but jpeg is measured on luminance"):
        evaluate(Identity(3), [photo], Setting("jpeg", 10), on_failure=lambda failure: None)


def test_what_the_network_was_given_is_scored_as_what_it_made(photo):
    score, restoration = evaluate_image(Identity(), photo, Setting("denoise", 25))
    assert (score.input_psnr, score.input_ssim) == (score.psnr, score.ssim)

    class Halving(Identity):
        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            return noisy / 2

    halved, _ = evaluate_image(Halving(), photo, Setting("denoise", 25))
    levels = np.clip(restoration.degraded[..., 0] * 255, 0, 255).round().astype(np.uint8)
    assert halved.input_psnr == pytest.approx(peak_signal_noise_ratio(GREY, levels), abs=1e-9)
    assert halved.psnr < halved.input_psnr
