"""What a run learns from and is measured on: images, and the `tf.data` pipelines of their batches.

Every training batch is a function of the seed and the step alone. So batches do not depend on how many threads make
them, and a resumed run gets the ones it would have had.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..config import TrainConfig
from ..data import datasets
from ..data.camera import training_pairs as camera
from ..data.decoding import DatasetError
from ..data.degradations import add_gaussian_noise
from ..data.pairs import load_pairs
from ..images.arrays import from_float
from . import mixture
from .patches import PatchSource, rescaled

_VALIDATION_SIDE = 176
_VALIDATION_PAIRS = 6


class TrainingData:
    """The images of a run, or those that one of several workers needs of them.

    Args:
        training: uint8 (H, W, C) images with C of the model; pairs as `load_pairs` gives them.
        validation: the same. Where they are few, each comes several times, spoiled differently.
        config: decides what becomes of them.
        shards: of the groups that the training images are dealt out to one by one, those that are wanted; None for
            all.

    Raises:
        DatasetError: the images are too few, or smaller than a patch.
    """

    def __init__(
        self,
        training: Sequence[np.ndarray],
        validation: Sequence[np.ndarray],
        config: TrainConfig,
        shards: Iterable[int] | None = None,
    ) -> None:
        if len(training) < config.shards:
            raise DatasetError(
                f"each shard needs an image to train on. Received: {len(training)} images for {config.shards} shards"
            )
        scales = config.scales if config.task != "pairs" else (1.0,)  # real noise, resized, is another noise
        self._images = {
            shard: rescaled(training[shard :: config.shards], scales, minimum=_cut_size(config))
            for shard in (range(config.shards) if shards is None else shards)
        }
        self._validation = validation
        self.config = config

    @classmethod
    def load(cls, config: TrainConfig, shards: Iterable[int] | None = None) -> TrainingData:
        """Read a run's images; without a validation set, one image in twenty is held out (12 at most).

        Raises:
            DatasetError: they cannot be had, or are too few or too small.
        """
        channels = config.model.channels
        if config.noisy_data is not None:
            images = load_pairs(Path(config.noisy_data), datasets.resolve(config.data), channels)
        else:
            sets = (config.data, config.validation_data)
            images, *validation = (datasets.load(each, channels) for each in sets if each is not None)
            if config.task == "photo" and not any(map(_has_color, images)):
                raise DatasetError(f"{config.data}: all images are grey, but photographs are noisy in color")
            if validation:
                return cls(images, validation[0], config, shards)
        if len(images) == 1:
            raise DatasetError("without validation data, training needs at least 2 images. Received: 1 image")
        held_out = max(1, min(12, len(images) // 20))
        return cls(images[:-held_out], images[-held_out:], config, shards)

    @functools.cached_property
    def _sources(self) -> dict[int, PatchSource]:
        """Made late, as nothing may run in TensorFlow before workers have met; from then on the only copy."""
        return {shard: PatchSource(self._images.pop(shard)) for shard in list(self._images)}

    def batches(self, first_step: int = 0) -> tf.data.Dataset:
        """Endless batches of (degraded, clean) patches, as far as these shards make them.

        Args:
            first_step: where to start; a run resumed at step k passes k.

        Returns:
            A dataset of pairs of float32 (rows, patch, patch, C), where rows are the share of the batch that falls to
            these shards; clean in [0, 1], degraded not clipped.
        """
        config, sources = self.config, self._sources
        degrade = {"denoise": _gaussian, "general": _general, "pairs": _as_photographed, "photo": _photo}[config.task]
        candidates = mixture.CANDIDATES if config.task == "general" else 1
        part = dataclasses.replace(config, batch_size=config.batch_size // config.shards, shards=1)

        def rows(shard: int, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seed = tf.stack([tf.constant(config.seed, tf.int64), step])
            if shard:
                seed = tf.random.fold_in(seed, shard)
            seeds = tf.random.split(seed, 2)
            clean = sources[shard].sample(candidates * part.batch_size, _cut_size(config), seeds[0])
            return degrade(tf.cast(clean, tf.float32) / 255, part, seeds[1])

        def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            degraded, clean = zip(*(rows(shard, step) for shard in sources), strict=True)
            return tf.concat(degraded, axis=0), tf.concat(clean, axis=0)

        steps = tf.data.Dataset.counter(start=first_step)
        return steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)

    def validation(self, replicas: int = 1) -> tf.data.Dataset:
        """The same (degraded, clean) crops each time; a range of σ is gone through in even steps.

        Args:
            replicas: devices that share a batch, which has one crop for each; all batches are full.

        Returns:
            A finite dataset of pairs of float32 (replicas, side, side, C), cut from the middle of each image.

        Raises:
            DatasetError: an image is too small.
        """
        images, config = self._validation, self.config
        shortest = min(length for image in images for length in image.shape[:2])
        smallest = camera.region_size(mixture.GRID) if config.task == "photo" else mixture.GRID
        if shortest < smallest:
            raise DatasetError(
                f"validation images must be at least {smallest} pixels wide and high. Received: {shortest} pixels"
            )
        side = min(_VALIDATION_SIDE, shortest)
        side -= side % {"general": mixture.GRID, "photo": 2}.get(config.task, 1)
        rng = np.random.default_rng(config.seed)
        count = max(len(images), _VALIDATION_PAIRS)
        count += -count % replicas
        low, high = config.sigma
        pairs = []
        for i in range(count):
            image = images[i % len(images)]
            top, left = ((length - side) // 2 for length in image.shape[:2])
            clean = image[top : top + side, left : left + side].astype(np.float32) / 255
            sigma = low + (high - low) * (i + 0.5) / count
            if config.task == "pairs":
                degraded, clean = np.split(clean, 2, axis=-1)
            elif config.task == "photo":
                patch_size = side - camera.region_size(0)
                degraded, clean = camera.spoiled_patch(from_float(clean, np.uint8), patch_size, config.sigma, rng)
            elif config.task == "general":
                degraded = mixture.degradation(i % 3, sigma, rng)(clean[..., 0])[..., None]
            else:
                degraded = add_gaussian_noise(clean, sigma, rng)
            pairs.append((degraded, clean))
        degraded, clean = (np.stack(part) for part in zip(*pairs, strict=True))
        return tf.data.Dataset.from_tensor_slices((degraded, clean)).batch(replicas)


def _has_color(image: np.ndarray) -> bool:
    """Whether the channels of a uint8 (H, W, 3) image differ."""
    return bool((image != image[..., :1]).any())


def _cut_size(config: TrainConfig) -> int:
    """Side of what is cut from an image for one training patch."""
    regions = {"general": mixture.region_size, "photo": camera.region_size}
    return regions[config.task](config.patch_size) if config.task in regions else config.patch_size


def _gaussian(clean: tf.Tensor, config: TrainConfig, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """σ fixed, or uniform in its range and drawn anew for each patch (DnCNN-B)."""
    seeds = tf.random.split(seed, 2)
    low, high = config.sigma
    sigma = tf.random.stateless_uniform([config.batch_size, 1, 1, 1], seeds[0], low, high)
    noise = tf.random.stateless_normal(tf.shape(clean), seeds[1]) * sigma / 255
    return clean + noise, clean


def _as_photographed(pair: tf.Tensor, config: TrainConfig, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Noisy and clean halves of the channels of a pair."""
    degraded, clean = tf.split(pair, 2, axis=-1)
    return degraded, clean


def _photo(clean: tf.Tensor, config: TrainConfig, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As a simulated camera writes it; camera, light and file are drawn anew for each patch."""

    def spoil(regions: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(np.abs(seed))
        return camera.spoiled_patches(from_float(regions, np.uint8), config.patch_size, config.sigma, rng)

    return _spoiled(spoil, clean, config, seed)


def _general(clean: tf.Tensor, config: TrainConfig, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Noise, super-resolution or JPEG, drawn anew for each patch (DnCNN-3)."""

    def spoil(regions: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(np.abs(seed))
        return mixture.spoiled_patches(regions, config.patch_size, config.sigma, rng)

    return _spoiled(spoil, clean, config, seed)


def _spoiled(
    spoil: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    clean: tf.Tensor,
    config: TrainConfig,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Patches that NumPy spoils: a function of regions and seed."""
    degraded, patches = tf.numpy_function(spoil, [clean, seed], (tf.float32, tf.float32), stateful=False)
    shape = (config.batch_size, config.patch_size, config.patch_size, config.model.channels)
    return tf.ensure_shape(degraded, shape), tf.ensure_shape(patches, shape)
