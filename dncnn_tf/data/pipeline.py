"""The `tf.data` pipeline of training batches: every batch is a function of the seed and the step alone.

So batches do not depend on how many threads make them, and a resumed run gets the ones it would have had.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ..arrays import from_float
from ..color import studio_swing
from ..config import TrainConfig
from .camera.training_pairs import region_size, spoiled_patch, spoiled_patches
from .degradations import add_gaussian_noise, bicubic_down_up, jpeg
from .patches import PatchSource, rescaled

# DnCNN-3's patches are cut from the middle of a spoiled region, so that they look as if cut from a whole spoiled
# image: no resizing border in sight, JPEG's 8×8 grid at any place.
_REGION_MARGIN = 16
# Upscaling takes longest to learn, ×3 and ×4 above all.
_TASKS = (0, 1, 1, 1, 2)  # noise, super-resolution, JPEG
_SCALES = (2, 3, 3, 4, 4)
_CANDIDATES = 2  # places, of which super-resolution takes the one that lost more: from a patch of sky it learns nothing
_GRID = 12  # a multiple of ×2, ×3 and ×4
_LOWEST_QUALITY, _HIGHEST_QUALITY = 5, 99

# Luminance ends at 16 and 235 of 255, grey files do not. A network that has seen luminance alone lifts their black.
_LUMINANCE_SHARE = 0.5

_VALIDATION_SIDE = 176
_VALIDATION_PAIRS = 6


def patch_sources(
    images: Sequence[np.ndarray], config: TrainConfig, shards: Iterable[int] | None = None
) -> dict[int, PatchSource]:
    """Where a run's patches come from: its images at all scales, dealt out to the shards one by one.

    Args:
        images: uint8 (H, W, C) training images with C of the model; pairs as `load_pairs` gives them.
        config: scales, patch size, shards and task.
        shards: those that are wanted, None for all.

    Raises:
        ValueError: the images are too few, or smaller than a patch.
    """
    if len(images) < config.shards:
        raise ValueError(
            f"each shard needs an image to train on. Received: {len(images)} images for {config.shards} shards"
        )
    scales = config.scales if config.task != "pairs" else (1.0,)  # real noise, resized, is another noise
    return {
        shard: PatchSource(rescaled(images[shard :: config.shards], scales, minimum=_cut_size(config)))
        for shard in (range(config.shards) if shards is None else shards)
    }


def _cut_size(config: TrainConfig) -> int:
    """Side of what is cut from an image for one training patch."""
    if config.task == "photo":
        return region_size(config.patch_size)
    if config.task != "general":
        return config.patch_size
    region = config.patch_size + 2 * _REGION_MARGIN
    return region + -region % _GRID


def training_batches(
    sources: Mapping[int, PatchSource], config: TrainConfig, *, first_step: int = 0
) -> tf.data.Dataset:
    """Endless batches of (degraded, clean) patches, as far as these shards make them.

    Args:
        sources: as `patch_sources` makes them for the same configuration.
        config: patch and batch size, task, σ and seed.
        first_step: where to start; a run resumed at step k passes k.

    Returns:
        A dataset of pairs of float32 (rows, patch, patch, C), where rows are the share of the batch that falls to
        these shards; clean in [0, 1], degraded not clipped.
    """
    degrade = {"denoise": _gaussian, "general": _general, "pairs": _as_photographed, "photo": _photo}[config.task]
    candidates = _CANDIDATES if config.task == "general" else 1
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
    """As a simulated camera writes it, camera, light and file drawn anew for each patch."""

    def spoil(regions: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(np.abs(seed))
        return spoiled_patches(from_float(regions, np.uint8), config.patch_size, config.sigma, rng)

    degraded, patches = tf.numpy_function(spoil, [clean, seed], (tf.float32, tf.float32), stateful=False)
    shape = (config.batch_size, config.patch_size, config.patch_size, 3)
    return tf.ensure_shape(degraded, shape), tf.ensure_shape(patches, shape)


def _general(clean: tf.Tensor, config: TrainConfig, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Noise, super-resolution or JPEG, drawn anew for each patch (DnCNN-3), by the code that evaluation uses."""

    def spoil(regions: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(np.abs(seed))
        places = np.split(regions[..., 0], config.batch_size)
        pairs = [_spoil_one_of(candidates, config, rng) for candidates in places]
        degraded, clean = (np.stack(side)[..., None] for side in zip(*pairs, strict=True))
        return degraded, clean

    degraded, patches = tf.numpy_function(spoil, [clean, seed], (tf.float32, tf.float32), stateful=False)
    shape = (config.batch_size, config.patch_size, config.patch_size, 1)
    return tf.ensure_shape(degraded, shape), tf.ensure_shape(patches, shape)


def _spoil_one_of(
    candidates: np.ndarray, config: TrainConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A (degraded, clean) patch from one of the regions (N, side, side)."""
    if rng.random() < _LUMINANCE_SHARE:
        candidates = studio_swing(candidates)
    task = int(rng.choice(_TASKS))
    degrade = _degradation(task, rng.uniform(*config.sigma), rng)
    last = candidates.shape[1] - config.patch_size - _REGION_MARGIN
    top, left = rng.integers(_REGION_MARGIN, last + 1, 2)
    window = np.s_[top : top + config.patch_size, left : left + config.patch_size]
    regions = candidates if task == 1 else candidates[:1]
    pairs = [(degrade(region)[window], region[window]) for region in regions]
    return max(pairs, key=lambda pair: np.square(pair[0] - pair[1]).sum())


def _degradation(task: int, sigma: float, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One of DnCNN-3's three, its strength drawn, for images (H, W): 0 noise, 1 super-resolution, 2 JPEG."""
    if task == 0:
        return lambda clean: add_gaussian_noise(clean, sigma, rng)
    if task == 1:
        scale = int(rng.choice(_SCALES))
        return lambda clean: bicubic_down_up(clean, scale)
    # Even in the logarithm: from quality 5 to 10 a picture changes as much as from 50 to 99.
    quality = round(np.exp(rng.uniform(np.log(_LOWEST_QUALITY), np.log(_HIGHEST_QUALITY))))
    return lambda clean: jpeg(clean, quality)


def validation_batches(images: Sequence[np.ndarray], config: TrainConfig, *, replicas: int = 1) -> tf.data.Dataset:
    """The same (degraded, clean) crops each time, one per device a batch.

    Args:
        images: uint8 (H, W, C); where they are few, each comes several times, spoiled differently. Pairs as
            `load_pairs` gives them.
        config: task, σ and seed; a range of σ is gone through in even steps, the general task's three in turn.
        replicas: devices that share a batch; all batches are full.

    Returns:
        A finite dataset of pairs of float32 (replicas, side, side, C), cut from the middle of each image.

    Raises:
        ValueError: an image is too small.
    """
    shortest = min(length for image in images for length in image.shape[:2])
    smallest = region_size(_GRID) if config.task == "photo" else _GRID
    if shortest < smallest:
        raise ValueError(
            f"validation images must be at least {smallest} pixels wide and high. Received: {shortest} pixels"
        )
    side = min(_VALIDATION_SIDE, shortest)
    side -= side % {"general": _GRID, "photo": 2}.get(config.task, 1)
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
            patch_size = side - region_size(0)
            degraded, clean = spoiled_patch(from_float(clean, np.uint8), patch_size, config.sigma, rng)
        elif config.task == "general":
            degraded = _degradation(i % 3, sigma, rng)(clean[..., 0])[..., None]
        else:
            degraded = add_gaussian_noise(clean, sigma, rng)
        pairs.append((degraded, clean))
    degraded, clean = (np.stack(part) for part in zip(*pairs, strict=True))
    return tf.data.Dataset.from_tensor_slices((degraded, clean)).batch(replicas)
