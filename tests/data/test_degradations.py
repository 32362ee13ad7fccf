"""Bicubic resizing against MATLAB's `imresize`, written out as matrices."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from dncnn_tf.data.degradations import bicubic_down_up
from dncnn_tf.images.color import luminance, studio_swing


def keys(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic with a = -0.5."""
    x = np.abs(distance)
    return np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


def resize_matrix(size: int, factor: float) -> np.ndarray:
    """Row i holds the weight of every input pixel in output pixel i; beyond the border the image is mirrored."""
    width = min(factor, 1.0)  # the kernel is stretched when shrinking
    matrix = np.zeros((round(size * factor), size))
    mirrored = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    for i, row in enumerate(matrix):
        center = (i + 0.5) / factor - 0.5
        pixels = np.arange(np.floor(center - 2 / width), np.ceil(center + 2 / width) + 1).astype(int)
        weights = keys((center - pixels) * width)
        np.add.at(row, mirrored[pixels % (2 * size)], weights / weights.sum())
    return matrix


def imresize(levels: np.ndarray, factor: float, *, to_8_bits: bool) -> np.ndarray:
    """Rows, then columns; each rounded, halves up, for 8-bit images."""

    def rounded(values: np.ndarray) -> np.ndarray:
        return np.floor(np.clip(values, 0, 255).round(9) + 0.5) if to_8_bits else values

    rows, columns = (resize_matrix(side, factor) for side in levels.shape)
    return rounded(rounded(rows @ levels) @ columns.T)


@pytest.mark.parametrize("enlarge_in_8_bits", [False, True])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(48, 60), (12, 12), (60, 24)])
def test_bicubic_is_matlabs_imresize(size, scale, enlarge_in_8_bits):
    levels = skimage.data.camera()[180 : 180 + size[0], 230 : 230 + size[1]].astype(np.float64)
    small = imresize(levels, 1 / scale, to_8_bits=True)
    expected = imresize(small, scale, to_8_bits=enlarge_in_8_bits)
    clean = (levels / 255).astype(np.float32)
    result = bicubic_down_up(clean, scale, enlarge_in_8_bits=enlarge_in_8_bits)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result * 255, expected, atol=1e-3)


def test_channels_are_resized_one_by_one():
    clean = skimage.data.astronaut()[100:148, 200:236].astype(np.float32) / 255
    together = bicubic_down_up(clean, 3)
    for i in range(3):
        np.testing.assert_array_equal(together[..., i], bicubic_down_up(clean[..., i], 3))


def test_studio_swing_is_the_luminance_of_grey() -> None:
    grey = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    np.testing.assert_allclose(studio_swing(grey), luminance(np.repeat(grey[..., None], 3, axis=-1)), atol=1e-6)
