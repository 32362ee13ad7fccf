"""The simulated camera: what each of its steps must conserve, and what its noise looks like."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import fields

import numpy as np
import pytest
import skimage.data
from PIL import Image

from dncnn_tf.data.camera import coding, color_matrices, demosaicing, finishing, photographs, sensor, shots, tone
from dncnn_tf.data.camera.coding import Coding
from dncnn_tf.data.camera.film import without_grain
from dncnn_tf.data.camera.finishing import Finish, Left
from dncnn_tf.data.camera.grain import Grain
from dncnn_tf.data.camera.shots import draw_shot
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.images.arrays import from_float

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
PLAIN = Finish(luma=0.0, chroma=0.0, flat_luma=0.0, flat_chroma=0.0, edge=1.0, sharpening=0.0)
ALL = Left(luma=1.0, chroma=1.0, white=1.0)
FLAT = np.float32(0)
"""No edges anywhere."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [skimage.data.astronaut()[:192, 128:320], skimage.data.coffee()[100:292, 150:342]]


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """Light that changes slowly, brighter to the right, redder to the bottom: uint8 (128, 128, 3)."""
    y, x = np.mgrid[0:128, 0:128] / 128
    return np.rint(np.stack([40 + 120 * x + 60 * y, 40 + 150 * x, 60 + 120 * x], axis=-1)).astype(np.uint8)


def noiseless(**changes: object) -> shots.Shot:
    """A camera that adds nothing of its own."""
    plain = {
        "shot": 0.0,
        "read": 0.0,
        "finish": PLAIN,
        "left": ALL,
        "calm": 0.0,
        "scale": 1.0,
        "camera": None,
        "saved": None,
    }
    return dataclasses.replace(draw_shot(rng(3)), **plain | changes)


class TestTone:
    @pytest.mark.parametrize("strength", tone.STRENGTHS)
    def test_every_level_comes_back(self, strength: float) -> None:
        levels = np.arange(256, dtype=np.uint8)
        light = tone.light(levels, strength)
        assert (np.diff(light) > 0).all()
        np.testing.assert_allclose(tone.levels(light, strength) * 255, levels, atol=0.08)

    def test_without_a_contrast_curve_it_is_srgb(self) -> None:
        assert tone.light(np.uint8(118), 0.0) == pytest.approx(0.181, abs=1e-3)  # middle grey
        assert tone.levels(np.float32(0.0031308), 0.0) == pytest.approx(0.04045, abs=2e-4)


def test_a_camera_sees_grey_as_grey() -> None:
    for seed in range(5):
        matrix = color_matrices.draw_matrix(rng(seed))
        np.testing.assert_allclose(matrix @ np.ones(3), 1, atol=1e-6)
        assert np.linalg.cond(matrix) < 10


class TestDemosaicing:
    @pytest.mark.parametrize("phase", sensor.PHASES)
    @pytest.mark.parametrize("method", demosaicing.METHODS)
    def test_measured_colors_stay_and_planes_are_exact(self, method: str, phase: str) -> None:
        y, x = np.mgrid[0:32, 0:24].astype(np.float32) / 64
        plane = np.stack([0.2 + x, 0.1 + x + y / 2, 0.3 + x], axis=-1).astype(np.float32)
        raw = sensor.mosaic(plane, phase)
        image = demosaicing.METHODS[method](raw, phase)
        np.testing.assert_array_equal(sensor.mosaic(image, phase), raw)
        np.testing.assert_allclose(image[2:-2, 2:-2], plane[2:-2, 2:-2], atol=0.02 if method == "edge-aware" else 1e-6)

    def test_phases_are_shifts_of_each_other(self, pictures: list[np.ndarray]) -> None:
        image = pictures[0].astype(np.float32) / 255
        shifted = image[:, 1:-1]
        for method in demosaicing.METHODS.values():
            whole = method(sensor.mosaic(image, "rggb"), "rggb")
            part = method(sensor.mosaic(shifted, "grbg"), "grbg")
            np.testing.assert_allclose(part[:, 4:-4], whole[:, 5:-5], atol=1e-5)

    def test_the_better_methods_are_better(self, pictures: list[np.ndarray]) -> None:
        image = pictures[0].astype(np.float32) / 255
        errors = [
            np.square(f(sensor.mosaic(image, "gbrg"), "gbrg") - image).mean() for f in demosaicing.METHODS.values()
        ]
        bilinear, malvar, edge_aware = errors
        assert malvar < bilinear / 1.5
        assert edge_aware < bilinear / 1.5


class TestSensor:
    def test_variance_grows_with_light_as_set(self) -> None:
        for light in (0.0, 0.05, 0.3, 0.6):
            raw = np.full((400, 400), light, np.float32)
            noise = sensor.add_noise(raw, 2e-3, 1e-4, rng()) - raw
            assert noise.var() == pytest.approx(2e-3 * light + 1e-4, rel=0.02)

    def test_levels_follow_brooks_et_al(self) -> None:
        drawn = np.log([sensor.draw_noise_levels(rng(seed)) for seed in range(2000)])
        assert np.log(7e-4) <= drawn[:, 0].min() < np.log(7.7e-4)
        assert np.log(1.15e-2) < drawn[:, 0].max() <= np.log(1.2e-2)
        assert np.median(drawn[:, 0]) == pytest.approx(np.log(np.sqrt(7e-4 * 1.2e-2)), abs=0.15)  # light as often
        slope, offset = np.polyfit(drawn[:, 0], drawn[:, 1], 1)
        assert (slope, offset) == (pytest.approx(2.18, abs=0.02), pytest.approx(1.2, abs=0.15))


class TestFinishing:
    def test_grey_stays_grey_and_the_mean_stays(self, pictures: list[np.ndarray]) -> None:
        grey = np.repeat(pictures[0][..., 1:2], 3, axis=-1).astype(np.float32) / 255
        image = finishing.finished(
            grey, Finish(luma=0.7, chroma=2, flat_luma=1, flat_chroma=2, edge=5, sharpening=0.5), FLAT
        )
        np.testing.assert_allclose(image, np.repeat(image[..., 1:2], 3, axis=-1), atol=1e-5)
        assert image.mean() == pytest.approx(grey.mean(), abs=2e-3)

    def test_nothing_asked_for_is_nothing_done(self, pictures: list[np.ndarray]) -> None:
        image = pictures[1].astype(np.float32) / 255
        np.testing.assert_allclose(finishing.finished(image, PLAIN, FLAT), image, atol=1e-5)

    def test_chroma_alone_becomes_coarse(self) -> None:
        noise = rng().standard_normal((256, 256, 3), np.float32)
        smoothed = finishing.finished(noise, dataclasses.replace(PLAIN, chroma=2.0), FLAT)
        np.testing.assert_allclose(smoothed @ LUMA, noise @ LUMA, atol=1e-4)
        red_difference = (smoothed - (smoothed @ LUMA)[..., None])[..., 0]
        assert np.corrcoef(red_difference[:, 2:].ravel(), red_difference[:, :-2].ravel())[0, 1] > 0.7

    def test_the_denoiser_leaves_most_at_edges_and_least_in_bright_flat_places(self) -> None:
        picture = np.full((128, 192, 3), 0.2, np.float32)
        picture[:, 64:] = 0.4
        picture[:, 128:] = 0.8
        noise = rng().standard_normal(picture.shape, np.float32)
        finish = dataclasses.replace(PLAIN, flat_luma=0.5, edge=2.0)
        edges = finishing.edges(picture, finish)
        left = finishing.denoised(noise, picture, finish, edges, Left(luma=0.4, chroma=0.4, white=0.5)) @ LUMA
        dark, edge, grey, white = (left[:, i : i + 2].std() for i in (20, 63, 94, 170))
        assert edge > 2.5 * grey
        assert dark > 1.07 * grey > 1.15 * white
        np.testing.assert_allclose(finishing.denoised(noise, picture, PLAIN, edges, ALL), noise, atol=1e-5)


def test_grain_goes_and_edges_stay() -> None:
    picture = np.full((64, 64, 3), 80.0)
    picture[:, 32:] = 160
    grainy = from_float((picture + rng().normal(0, 2, picture.shape)).astype(np.float32) / 255, np.uint8)
    smooth = without_grain(grainy, 6.0, 4).astype(float)
    assert smooth[:, 8:20].std() < 0.5 * grainy[:, 8:20].std()
    assert (smooth[:, 32] - smooth[:, 31]).mean() > 70


class TestCoding:
    @pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
    def test_chroma_has_the_resolution_asked_for(self, subsampling: str, pictures: list[np.ndarray]) -> None:
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[:, ::2] = (255, 0, 0)
        stripes[:, 1::2] = (0, 130, 0)  # about as bright
        columns = coding.coded(stripes, Coding(100, subsampling))
        rows = coding.coded(np.swapaxes(stripes, 0, 1).copy(), Coding(100, subsampling))
        kept = [psnr(stripes, columns) > 30, psnr(np.swapaxes(stripes, 0, 1), rows) > 30]
        assert kept == {"4:4:4": [True, True], "4:2:2": [False, True], "4:2:0": [False, False]}[subsampling]

    def test_it_is_the_file_that_others_write(self, pictures: list[np.ndarray]) -> None:
        buffer = io.BytesIO()
        Image.fromarray(pictures[0]).save(buffer, "JPEG", quality=80, subsampling=2)
        np.testing.assert_array_equal(coding.coded(pictures[0], Coding(80, "4:2:0")), np.asarray(Image.open(buffer)))
        assert coding.coded(pictures[0], None) is pictures[0]


class TestPhotographs:
    @pytest.mark.parametrize("method", demosaicing.METHODS)
    def test_without_noise_the_picture_comes_back(self, method: str, smooth: np.ndarray) -> None:
        for seed, phase in enumerate(sensor.PHASES):
            shot = noiseless(method=method, phase=phase, matrix=color_matrices.draw_matrix(rng(seed)))
            noisy, clean = photographs.photograph(smooth, shot, rng())
            np.testing.assert_array_equal(noisy, clean)
            assert psnr(clean, smooth) > 45

    def test_on_real_pictures_within_the_error_of_demosaicing(self, pictures: list[np.ndarray]) -> None:
        """Which the camera's matrix and tone curve amplify, by some decibels."""
        for picture in pictures:
            shot = noiseless(method="malvar", tone=0.0)
            _, clean = photographs.photograph(picture, shot, rng())
            raw = sensor.mosaic(picture.astype(np.float32) / 255, shot.phase)
            demosaiced = from_float(demosaicing.malvar(raw, shot.phase), np.uint8)
            assert psnr(clean, picture) > psnr(demosaiced, picture) - 6

    def test_brighter_places_are_noisier_in_the_light(self, smooth: np.ndarray) -> None:
        clean, noisy = photographs.developed(smooth, noiseless(tone=0.0, shot=1e-3, method="bilinear"), rng())
        light = [tone.light(np.clip(np.rint(side * 255), 0, 255).astype(np.uint8), 0.0) for side in (clean, noisy)]
        variance = np.square(light[1] - light[0])[..., 1]
        assert variance[:, 96:].mean() > 3 * variance[:, :32].mean()

    def test_a_seed_repeats_it(self, pictures: list[np.ndarray]) -> None:
        for seed in range(6):
            first, again = (photographs.photograph(pictures[0], draw_shot(rng(seed)), rng(seed)) for _ in range(2))
            np.testing.assert_array_equal(first, again)
            assert first[0].shape == first[1].shape == pictures[0].shape
            assert first[0].dtype == first[1].dtype == np.uint8
        other, _ = photographs.photograph(pictures[0], draw_shot(rng(6)), rng(7))
        assert (other != first[0]).any()

    def test_the_noise_looks_like_that_of_cameras(self, pictures: list[np.ndarray]) -> None:
        """Where it is as strong as theirs: `benchmarks/quality/camera.md`, widened, for these are few and small."""
        generator = rng(1)
        grains = [
            Grain.of(*photographs.photograph(picture, draw_shot(generator), generator))
            for picture in pictures
            for _ in range(25)
        ]
        alike = [grain for grain in grains if 2 < grain.deviation[1] < 6]
        assert len(alike) > len(grains) / 4
        means = Grain(*(np.mean([getattr(grain, field.name) for grain in alike], axis=0) for field in fields(Grain)))
        assert (np.abs(means.flat - np.array([0.6, 0.25, 0.1])) < 0.2).all()
        assert (np.abs(means.green - np.array([0.6, 0.25, 0.1])) < 0.12).all()
        assert (np.abs(means.cr - np.array([0.9, 0.75, 0.5])) < 0.25).all()
        assert 0.4 < means.red_green < 0.8
        assert 1.8 < means.edges < 4
