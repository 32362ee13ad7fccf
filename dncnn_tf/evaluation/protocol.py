"""How one image is spoiled and scored, as for the paper's Tables II, III and V."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.degradations import add_gaussian_noise, bicubic_down_up, jpeg
from ..data.pairs import counterpart
from ..images.arrays import from_float
from ..images.color import luminance
from ..images.reading import read
from .metrics import psnr, ssim
from .settings import EvaluationTask, Setting

PROTOCOL = {
    "denoise": {
        "reference": "8-bit image; grey for a grey model (a colour image's full-range luma), RGB for a colour model",
        "input": "image/255 + N(0, σ/255) in float32, neither clipped nor rounded; one generator per image, seeded "
        "by the seed and the file's name",
        "output": "clipped to [0, 1], rounded to 8 bits",
        "border": "none",
    },
    "super-resolution": {
        "reference": "height and width cropped to multiples of the scale; studio-swing Y of YCbCr, not rounded",
        "input": "bicubic as MATLAB's imresize down by the scale to 8 bits, up in float, then Y; up in 8 bits for "
        "grey files, as the paper's code does",
        "output": "neither clipped nor rounded",
        "border": "as many pixels as the scale removed on each side",
    },
    "jpeg": {
        "reference": "studio-swing Y of YCbCr, rounded to 8 bits; grey images as they are",
        "input": "the reference as a grey JPEG of that quality (libjpeg)",
        "output": "clipped to [0, 1], rounded to 8 bits",
        "border": "none",
    },
    "psnr": "10·log10(255²/MSE) over all pixels and channels, averaged over images",
    "ssim": "11×11 Gaussian window, σ 1.5, K = (0.01, 0.03), L = 255, population covariance, whole windows only",
}


def degraded_pair(path: Path, channels: int, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Read a clean image and spoil it.

    Args:
        path: the clean image.
        channels: 1 for a grey model, 3 for a colour model.
        setting: task, degree and seed.

    Returns:
        Clean and degraded, both float32 (H, W, channels); clean in [0, 1].

    Raises:
        ImageError: the image or its noisy counterpart cannot be read.
        ValueError: the image does not fit the model, or its noisy counterpart does not fit the image.
    """
    clean = _read_8bit(path, channels, setting.task).astype(np.float32) / 255
    if setting.task == "denoise":
        return clean, _noisy(clean, path, setting)
    if channels == 3:
        raise ValueError(f"{setting.task} is measured on luminance; take a grey model")
    if setting.task == "jpeg":
        return clean, jpeg(clean[..., 0], setting.factor)[..., None]
    return _super_resolution_pair(clean, setting.factor)


def _read_8bit(path: Path, channels: int, task: EvaluationTask) -> np.ndarray:
    """The reference, uint8 (H, W, C); for super-resolution still with the file's own channels."""
    image = from_float(read(path).pixels, np.uint8)
    if image.shape[-1] < channels:
        raise ValueError("a grey image, but the model is for colour; take a grey model or colour images")
    if image.shape[-1] == channels or task == "super-resolution":
        return image
    if task == "jpeg":
        return from_float(luminance(image / 255), np.uint8)[..., None]
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def _super_resolution_pair(clean: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = (side - side % scale for side in clean.shape[:2])
    clean = clean[:height, :width]
    if not clean.size:
        raise ValueError(f"smaller than {scale}x{scale} pixels")
    if clean.shape[-1] == 1:
        return clean, bicubic_down_up(clean, scale, enlarge_in_8_bits=True)
    return luminance(clean)[..., None], luminance(bicubic_down_up(clean, scale))[..., None]


def _noisy(clean: np.ndarray, path: Path, setting: Setting) -> np.ndarray:
    if setting.noisy is not None:
        noisy = read(counterpart(path, Path(setting.noisy))).pixels
        if noisy.shape != clean.shape:
            raise ValueError(f"its noisy image must have the same shape, {clean.shape}. Received: {noisy.shape}")
        return noisy
    assert setting.degree is not None
    rng = np.random.default_rng([setting.seed, zlib.crc32(path.stem.encode(errors="surrogateescape"))])
    return add_gaussian_noise(clean, setting.degree, rng)


def score(clean: np.ndarray, restored: np.ndarray, setting: Setting) -> tuple[float, float]:
    """PSNR in decibels, and SSIM, both on the 0–255 scale.

    Args:
        clean: float32 (H, W, C) in [0, 1].
        restored: the same, as the network gave it.
        setting: its task decides rounding and border.
    """
    if setting.task == "super-resolution":
        border = setting.factor
        inner = np.s_[border:-border, border:-border]
        clean, restored = clean[inner] * np.float64(255), restored[inner] * np.float64(255)
    else:
        clean, restored = from_float(clean, np.uint8), from_float(restored, np.uint8)
    return psnr(clean, restored), ssim(clean, restored)
