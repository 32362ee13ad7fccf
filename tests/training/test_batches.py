"""Training data: patches come from the images, the noise is the noise asked for, the seed decides everything."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from dncnn_tf.config import RECIPES, ModelConfig, TrainConfig
from dncnn_tf.data.degradations import add_gaussian_noise, bicubic_down_up, jpeg
from dncnn_tf.images.arrays import from_float
from dncnn_tf.images.color import luminance
from dncnn_tf.training.batches import TrainingData
from dncnn_tf.training.patches import PatchSource, rescaled

CONFIG = TrainConfig(patch_size=24, batch_size=16)
GENERAL = dataclasses.replace(RECIPES["dncnn-3"], patch_size=24, batch_size=48)


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    return [skimage.data.camera()[:200, :150, None], skimage.data.moon()[:90, :160, None]]


def first(dataset: tf.data.Dataset, count: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(degraded.numpy(), clean.numpy()) for degraded, clean in dataset.take(count)]


def batches(images: list[np.ndarray], config: TrainConfig, **options: int) -> tf.data.Dataset:
    return TrainingData(images, images, config).batches(**options)


class TestPatches:
    def test_every_patch_is_one_of_the_eight_views_of_a_place_in_an_image(self) -> None:
        image = np.arange(40 * 30, dtype=np.int64).reshape(40, 30)
        low, high = (image % 256).astype(np.uint8), (image // 256).astype(np.uint8)
        source = PatchSource([np.stack([low, high, low], axis=-1)])  # the value tells the place
        patches = source.sample(400, 5, tf.constant([1, 2], tf.int64)).numpy().astype(np.int64)
        seen = set()
        for patch in patches[..., 0] + 256 * patches[..., 1]:
            top, left = np.unravel_index(patch.min(), image.shape)
            window = image[top : top + 5, left : left + 5]
            views = [np.rot90(side, turns) for side in (window, window.T) for turns in range(4)]
            seen.add(next(i for i, view in enumerate(views) if np.array_equal(view, patch)))
        assert seen == set(range(8))

    def test_all_images_and_their_edges_are_reached(self, photographs: list[np.ndarray]) -> None:
        tagged = [np.full((9, 12, 1), 0, np.uint8), np.full((12, 9, 1), 100, np.uint8)]
        tagged[0][0, 0], tagged[0][-1, -1], tagged[1][0, -1], tagged[1][-1, 0] = 1, 2, 101, 102
        patches = PatchSource(tagged).sample(2000, 8, tf.constant([0, 0], tf.int64)).numpy()
        assert {0, 1, 2, 100, 101, 102} == set(np.unique(patches))

    def test_scales(self, photographs: list[np.ndarray]) -> None:
        sizes = [image.shape for image in rescaled(photographs, (1.0, 0.5), minimum=60)]
        assert sizes == [(200, 150, 1), (100, 75, 1), (90, 160, 1)]  # 45x80 is too small

    def test_images_that_are_too_small_are_refused(self, photographs: list[np.ndarray]) -> None:
        with pytest.raises(ValueError, match="shorter side is 150 at most"):
            rescaled(photographs, (1.0,), minimum=300)


class TestBatches:
    def test_shapes_and_ranges(self, photographs: list[np.ndarray]) -> None:
        [(noisy, clean)] = first(batches(photographs, CONFIG))
        assert noisy.shape == clean.shape == (16, 24, 24, 1)
        assert noisy.dtype == clean.dtype == np.float32
        levels = clean * 255
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
        assert 0 <= clean.min() < clean.max() <= 1

    def test_the_noise_is_gaussian_of_the_level_asked_for(self, photographs: list[np.ndarray]) -> None:
        pairs = first(batches(photographs, CONFIG), 12)
        noise = np.concatenate([noisy - clean for noisy, clean in pairs]).ravel() * 255
        assert noise.mean() == pytest.approx(0, abs=0.3)
        assert noise.std() == pytest.approx(25, rel=0.01)
        within = np.mean(np.abs(noise) < 25)
        assert within == pytest.approx(0.6827, abs=0.01)
        assert min(noisy.min() for noisy, _ in pairs) < 0  # not clipped

    def test_blind_noise_covers_its_range_evenly(self, photographs: list[np.ndarray]) -> None:
        config = dataclasses.replace(CONFIG, sigma=(0.0, 55.0))
        pairs = first(batches(photographs, config), 30)
        sigmas = np.concatenate([(noisy - clean).std(axis=(1, 2, 3)) * 255 for noisy, clean in pairs])
        counts, _ = np.histogram(sigmas, bins=5, range=(0, 57))
        assert counts.min() > 0.6 * len(sigmas) / 5

    def test_a_seed_and_a_step_decide_a_batch(self, photographs: list[np.ndarray]) -> None:
        six = first(batches(photographs, CONFIG), 6)
        later = first(batches(photographs, CONFIG, first_step=4), 2)
        other = first(batches(photographs, dataclasses.replace(CONFIG, seed=1)))
        for expected, received in zip(six[4:], later, strict=True):
            np.testing.assert_array_equal(expected, received)
        assert not np.array_equal(six[0][1], other[0][1])
        assert not np.array_equal(six[0][1], six[1][1])

    def test_colour(self) -> None:
        config = dataclasses.replace(CONFIG, model=ModelConfig(depth=20, channels=3))
        [(noisy, clean)] = first(batches([skimage.data.astronaut()], config))
        assert noisy.shape == (16, 24, 24, 3)
        noise = (noisy - clean).reshape(-1, 3)
        assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.05  # independent in the channels

    def test_the_general_task_mixes_all_three_degradations(self, photographs: list[np.ndarray]) -> None:
        one, again = (first(batches(photographs, GENERAL), 2) for _ in range(2))
        for expected, received in zip(one, again, strict=True):
            np.testing.assert_array_equal(expected, received)
        assert all(side.shape == (48, 24, 24, 1) for side in one[0])
        drawn = first(batches(photographs, GENERAL), 10)
        degraded, clean = (np.concatenate(sides) for sides in zip(*drawn, strict=True))
        on_levels = np.abs(degraded * 255 - np.rint(degraded * 255)).max(axis=(1, 2, 3)) < 1e-3
        left_range = (degraded.min(axis=(1, 2, 3)) < -0.02) | (degraded.max(axis=(1, 2, 3)) > 1.02)
        coded, noisy = on_levels.mean(), left_range.mean()
        assert 0.14 < coded < 0.26  # JPEG, a fifth of them, alone gives whole levels
        assert noisy > 0.03
        assert (degraded != clean).any(axis=(1, 2, 3)).mean() > 0.95

    def test_upscaling_is_learned_where_there_is_something_to_restore(self) -> None:
        """A picture half of which is plain: of two places drawn, upscaling takes the one that loses more."""
        picture = skimage.data.gravel()[:400, :400, None]
        picture = np.concatenate([picture, np.full_like(picture, 128)], axis=1)
        drawn = first(batches([picture], dataclasses.replace(GENERAL, scales=(1.0,))), 10)
        detailed = np.concatenate([clean.std(axis=(1, 2, 3)) > 0 for _, clean in drawn])
        assert detailed.mean() > 0.6  # 0.5 and a little by chance; 0.75 of the three fifths that are upscaling

    def test_patches_are_luminance_or_grey_files(self) -> None:
        """Whole black and white: as luminance they are 16 and 235 of 255."""
        stripes = np.repeat(np.array([0, 255], np.uint8), 60)[None, :, None].repeat(120, axis=0)
        ((_, clean),) = first(batches([stripes], dataclasses.replace(GENERAL, scales=(1.0,))))
        levels = (clean * 255).round(3)
        assert set(np.unique(levels)) == {0, 16, 235, 255}
        assert 0.25 < np.isin(levels[:, 0, 0, 0], (16, 235)).mean() < 0.75


def test_validation_pairs_are_fixed_and_go_through_the_levels(photographs: list[np.ndarray]) -> None:
    config = dataclasses.replace(CONFIG, sigma=(0.0, 60.0))
    once, again = (first(TrainingData(photographs, photographs, config).validation(), 100) for _ in range(2))
    for expected, received in zip(once, again, strict=True):
        np.testing.assert_array_equal(expected, received)
    sigmas = [(noisy - clean).std() * 255 for noisy, clean in once]
    assert sigmas == pytest.approx([5, 15, 25, 35, 45, 55], rel=0.05)


@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_validation_batches_are_full_on_every_device(photographs: list[np.ndarray], replicas: int) -> None:
    batches = first(TrainingData(photographs, photographs, GENERAL).validation(replicas), 100)
    assert {len(noisy) for noisy, _ in batches} == {replicas}
    assert all((noisy != clean).any() for noisy, clean in batches)


class TestDegradations:
    def test_noise_is_reproducible_and_unclipped(self) -> None:
        clean = np.zeros((100, 100), np.float32)
        noisy, again = (add_gaussian_noise(clean, 50, np.random.default_rng(7)) for _ in range(2))
        np.testing.assert_array_equal(noisy, again)
        assert noisy.dtype == np.float32
        assert noisy.std() * 255 == pytest.approx(50, rel=0.02)
        assert noisy.min() < 0

    @pytest.mark.parametrize("scale", [2, 3, 4])
    def test_bicubic_keeps_what_is_smooth_and_blurs_what_is_not(self, scale: int) -> None:
        ramp = np.tile(np.linspace(0.1, 0.9, 48, dtype=np.float32), (48, 1))
        inside = np.s_[12:-12, 12:-12]
        np.testing.assert_allclose(bicubic_down_up(ramp, scale)[inside], ramp[inside], atol=1.5 / 255)
        photograph = skimage.data.camera()[:480, :480].astype(np.float32) / 255
        blurred = bicubic_down_up(photograph, scale)
        assert np.abs(np.diff(blurred)).mean() < 0.8 * np.abs(np.diff(photograph)).mean()
        assert blurred.mean() == pytest.approx(photograph.mean(), abs=1e-3)

    def test_bicubic_is_keys_kernel_with_antialiasing(self) -> None:
        """One bright pixel spreads by the weights of Keys' cubic, a = -0.5, stretched by the factor."""
        dot = np.zeros((48, 48), np.float32)
        dot[24, 24] = 1
        small = np.rint(255 * np.outer(weights := _keys_weights(24, 24, 2), weights)).clip(0, 255)
        expected = Image.fromarray((small / 255).astype(np.float32)).resize((48, 48), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(bicubic_down_up(dot, 2), np.asarray(expected), atol=1.1 / 255)

    def test_bicubic_refuses_sizes_that_do_not_divide(self) -> None:
        with pytest.raises(ValueError, match="multiples of the scale 3"):
            bicubic_down_up(np.zeros((10, 9), np.float32), 3)

    def test_jpeg_is_the_coding_of_an_image_file(self) -> None:
        photograph = skimage.data.camera()[:64, :72]
        buffer = io.BytesIO()
        Image.fromarray(photograph).save(buffer, "JPEG", quality=10)
        np.testing.assert_array_equal(from_float(jpeg(photograph / 255, 10), np.uint8), np.asarray(Image.open(buffer)))

    def test_lower_quality_loses_more(self) -> None:
        photograph = skimage.data.camera()[:128, :128].astype(np.float32) / 255
        errors = [np.square(jpeg(photograph, quality) - photograph).mean() for quality in (10, 40, 90)]
        assert errors == sorted(errors, reverse=True)


def _keys_weights(place: int, count: int, scale: int) -> np.ndarray:
    """Weight of source pixel `place` in each of `count` pixels shrunk by `scale`."""
    distance = np.abs((np.arange(count) + 0.5) * scale - (place + 0.5)) / scale
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0)) / scale


def test_luminance_matches_scikit_image() -> None:
    from skimage.color import rgb2ycbcr

    image = skimage.data.astronaut()[:50, :60]
    np.testing.assert_allclose(luminance(image / 255) * 255, rgb2ycbcr(image)[..., 0], atol=1e-3)


class TestPairs:
    CONFIG = dataclasses.replace(CONFIG, task="pairs", data="clean", noisy_data="noisy")

    def test_both_halves_show_the_same_place_the_same_way_up(self) -> None:
        camera = skimage.data.camera()[:100, :120]
        pair = np.stack([255 - camera, camera], axis=-1)
        for degraded, clean in first(batches([pair], self.CONFIG), 3):
            assert degraded.shape == clean.shape == (16, 24, 24, 1)
            np.testing.assert_allclose(degraded, 1 - clean, atol=1e-6)
        degraded, clean = first(TrainingData([pair], [pair], self.CONFIG).validation())[0]
        np.testing.assert_allclose(degraded, 1 - clean, atol=1e-6)

    def test_they_are_never_resized(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (60, 60, 2), np.uint8)
        degraded, _ = first(batches([noise], self.CONFIG))[0]
        assert set(np.unique(np.rint(degraded * 255))) <= set(range(256))
        assert degraded.std() == pytest.approx(noise[..., 0].std() / 255, rel=0.05)

    @pytest.mark.parametrize(
        "values", [{"task": "pairs"}, {"noisy_data": "a"}, {"task": "pairs", "noisy_data": "a", "validation_data": "b"}]
    )
    def test_configurations_that_contradict_themselves(self, values: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="pairs"):
            TrainConfig(**values)
