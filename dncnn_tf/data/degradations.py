"""What spoils an image in the paper's three tasks: Gaussian noise, bicubic down- and upscaling, JPEG coding.

Training and evaluation use these same functions. All take and return float32 in [0, 1] (noise may leave it).
σ is on the 0–255 scale, and is divided by 255 here and nowhere else.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ..images.arrays import from_float
from ..images.resizing import enlarge_axis, shrink_axis


def add_gaussian_noise(clean: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add white Gaussian noise, y = x + v (section I); neither clipped nor rounded.

    Args:
        clean: float32, any shape, [0, 1].
        sigma: standard deviation on the 0–255 scale.
        rng: source of the noise.
    """
    noisy: np.ndarray = clean + rng.standard_normal(clean.shape, np.float32) * np.float32(sigma / 255)
    return noisy


def bicubic_down_up(clean: np.ndarray, scale: int, *, enlarge_in_8_bits: bool = False) -> np.ndarray:
    """Shrink by `scale` to 8 bits and enlarge again in float: the input of super-resolution.

    As MATLAB's `imresize` does both, which the paper's figures depend on in the second digit: Keys' kernel
    (a = -0.5), anti-aliased when shrinking, mirrored borders, rows before columns, and 8-bit images rounded after
    each of the two.

    Args:
        clean: float32 (H, W) or (H, W, C), [0, 1]; H and W multiples of `scale`.
        scale: 2, 3 or 4.
        enlarge_in_8_bits: round while enlarging too, as the paper's code does with grey files.

    Returns:
        float32 of the same shape; ringing may leave [0, 1] slightly, except in 8 bits.

    Raises:
        ValueError: H or W is not a multiple of `scale`.
    """
    height, width = clean.shape[:2]
    if height % scale or width % scale:
        raise ValueError(f"height and width must be multiples of the scale {scale}. Received: {height}x{width}")
    planes = clean.reshape(height, width, -1)
    restored = [_down_up_plane(planes[..., i], scale, enlarge_in_8_bits) for i in range(planes.shape[-1])]
    return np.stack(restored, axis=-1).reshape(clean.shape)


def _down_up_plane(plane: np.ndarray, scale: int, enlarge_in_8_bits: bool) -> np.ndarray:
    for axis in (0, 1):
        plane = _round_8bit(shrink_axis(plane, axis, scale))
    for axis in (0, 1):
        plane = enlarge_axis(plane, axis, scale)
        plane = _round_8bit(plane) if enlarge_in_8_bits else plane
    return plane


def _round_8bit(plane: np.ndarray) -> np.ndarray:
    """MATLAB rounds halves up. At ×2 one value in thirty is a half, but for the last digits of float32."""
    levels: np.ndarray = np.floor(np.clip(plane, 0, 1) * 255 + np.float32(0.5 + 1e-4))
    return levels / np.float32(255)


def jpeg(clean: np.ndarray, quality: int) -> np.ndarray:
    """Round to 8 bits, save as a grey JPEG and read it back: the input of JPEG deblocking.

    Args:
        clean: float32 (H, W) luminance in [0, 1].
        quality: 1 to 100, the scale of libjpeg.
    """
    buffer = io.BytesIO()
    Image.fromarray(from_float(clean, np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.float32) / 255
