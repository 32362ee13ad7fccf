"""Random training patches: any image, any place, one of the eight flips and rotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from ..data.decoding import DatasetError


def rescaled(images: Sequence[np.ndarray], scales: Sequence[float], minimum: int) -> list[np.ndarray]:
    """Every image at every scale (bicubic), as far as both sides keep at least `minimum` pixels.

    Args:
        images: uint8 (H, W, C), C = 1 or 3.
        scales: factors such as (1, 0.9, 0.8, 0.7).
        minimum: shortest side that is of use, in pixels.

    Raises:
        DatasetError: no image is large enough at any scale.
    """
    kept = []
    for image in images:
        height, width, channels = image.shape
        for scale in scales:
            size = round(width * scale), round(height * scale)
            if min(size) < minimum:
                continue
            if scale == 1:
                kept.append(image)
                continue
            resized = Image.fromarray(image.squeeze()).resize(size, Image.Resampling.BICUBIC)
            kept.append(np.asarray(resized).reshape(size[1], size[0], channels))
    if not kept:
        largest = max(min(image.shape[:2]) for image in images)
        raise DatasetError(
            f"patches of {minimum}x{minimum} pixels need images at least as large. "
            f"Received: {len(images)} images whose shorter side is {largest} at most; take a smaller patch size"
        )
    return kept


class PatchSource:
    """All training images in one flat tensor, from which patches are gathered.

    Args:
        images: uint8 (H, W, C), all with the same C; each side at least the patch size used later.
    """

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        sizes = np.array([image.shape[:2] for image in images], np.int64)
        self.channels = images[0].shape[-1]
        self.heights = tf.constant(sizes[:, 0])
        self.widths = tf.constant(sizes[:, 1])
        pixels = sizes.prod(axis=1)
        self.offsets = tf.constant(np.concatenate([[0], np.cumsum(pixels)[:-1]]))
        # A patch is drawn from an image as often as the image has pixels to offer.
        self.cumulative = tf.constant(np.cumsum(pixels) / pixels.sum())
        self.pixels = tf.constant(np.concatenate([image.reshape(-1, self.channels) for image in images]))

    def sample(self, count: int, size: int, seed: tf.Tensor) -> tf.Tensor:
        """Draw patches; the same seed draws the same ones.

        Args:
            count: N.
            size: side in pixels.
            seed: int64 (2,).

        Returns:
            uint8 (N, size, size, C).
        """
        seeds = tf.random.split(seed, 4)
        image = tf.searchsorted(self.cumulative, _uniform(count, seeds[0]))  # (N,)
        top = _below(tf.gather(self.heights, image) - size + 1, _uniform(count, seeds[1]))
        left = _below(tf.gather(self.widths, image) - size + 1, _uniform(count, seeds[2]))
        rows, columns = _eight_ways(count, size, seeds[3])  # (N, size, size) each
        width = tf.gather(self.widths, image)
        start = tf.gather(self.offsets, image) + top * width + left
        indices = start[:, None, None] + rows * width[:, None, None] + columns
        return tf.gather(self.pixels, indices)


def _uniform(count: int, seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform([count], seed, dtype=tf.float64)


def _below(limit: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Whole numbers in [0, limit), from uniform numbers in [0, 1)."""
    return tf.cast(uniform * tf.cast(limit, tf.float64), tf.int64)


def _eight_ways(count: int, size: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Row and column of the source pixel for each pixel of N patches, flipped and rotated at random.

    The symmetries of the square are: mirror the rows or not, mirror the columns or not, swap the two or not.
    """
    choice = tf.random.stateless_uniform([3, count, 1, 1], seed, 0, 2, dtype=tf.int64)
    steps = tf.range(size, dtype=tf.int64)
    i, j = steps[None, :, None], steps[None, None, :]
    i, j = tf.where(choice[0] == 1, size - 1 - i, i), tf.where(choice[1] == 1, size - 1 - j, j)
    swap = choice[2] == 1
    return tf.where(swap, j, i), tf.where(swap, i, j)
