"""Model × data set × level → PSNR and SSIM, measured as in the paper's Tables II, III and V."""

from __future__ import annotations

import importlib.metadata
import platform
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from PIL import Image

from .arrays import from_float
from .color import luminance
from .data.datasets import noisy_folder, resolve
from .data.degradations import add_gaussian_noise, bicubic_down_up, jpeg
from .data.pairs import counterpart
from .images import read
from .inference import ModelLike, as_runtime, denoise_batch
from .metrics import psnr, ssim
from .picture import ImageError
from .runtimes import Runtime

Task = Literal["denoise", "super-resolution", "jpeg"]

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


class EvaluationError(Exception):
    """An image cannot be evaluated; the message says which, why and what to do."""


@dataclass(frozen=True)
class Setting:
    """What happens to the clean images.

    Attributes:
        task: "denoise", "super-resolution" or "jpeg".
        level: σ on the 0–255 scale, the scale factor, or the JPEG quality; None with `noisy` and for a set of pairs.
        seed: decides the noise, together with each image's name.
        noisy: a folder of images that are noisy already, with the clean images' names; only for "denoise".
    """

    task: Task
    level: float | None
    seed: int = 0
    noisy: Path | None = None


@dataclass(frozen=True)
class ImageScore:
    """One image's figures."""

    name: str
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Restoration:
    """One image before and after the network, each float32 (H, W, C) in [0, 1], none of them clipped."""

    clean: np.ndarray
    degraded: np.ndarray
    restored: np.ndarray


@dataclass(frozen=True)
class Result:
    """A model's figures on a set at one level."""

    images: tuple[ImageScore, ...]

    @property
    def psnr(self) -> float:
        """Average in decibels."""
        return float(np.mean([image.psnr for image in self.images]))

    @property
    def ssim(self) -> float:
        """Average."""
        return float(np.mean([image.ssim for image in self.images]))


def evaluate(
    model: ModelLike,
    data: str | Sequence[Path],
    setting: Setting,
    *,
    on_image: Callable[[ImageScore, Restoration], None] | None = None,
    on_failure: Callable[[EvaluationError], None] | None = None,
) -> Result:
    """Degrade, restore and score images, one after another.

    Args:
        model: a name, a path, a Keras model or a runtime.
        data: clean images: a published set's name, a folder, or files.
        setting: task, level and seed.
        on_image: called after each image.
        on_failure: called instead of raising when one image cannot be evaluated; the others go on.

    Raises:
        EvaluationError: an image cannot be evaluated, or none of them.
        ModelError: the model cannot be loaded.
        DatasetError: there are no images.
    """
    runtime = as_runtime(model)
    scores = []
    for path in resolve(data) if isinstance(data, str) else data:
        try:
            score, restoration = evaluate_image(runtime, path, setting)
        except EvaluationError as error:
            if on_failure is None:
                raise
            on_failure(error)
            continue
        scores.append(score)
        if on_image is not None:
            on_image(score, restoration)
    if not scores:
        raise EvaluationError("no image could be evaluated")
    return Result(tuple(scores))


def evaluate_image(runtime: Runtime, path: Path, setting: Setting) -> tuple[ImageScore, Restoration]:
    """Degrade, restore and score one image.

    Raises:
        EvaluationError: it cannot be read, is too small, or has other channels than the model.
    """
    try:
        clean, degraded = degraded_pair(path, runtime.channels, setting)
        restored = denoise_batch(degraded[None], runtime)[0]
        if not np.isfinite(restored).all():
            raise ValueError("the model's output is not finite; its weights are damaged, or it was trained badly")
        return ImageScore(path.stem, *score(clean, restored, setting)), Restoration(clean, degraded, restored)
    except ImageError as error:
        raise EvaluationError(str(error)) from error
    except (ValueError, OSError) as error:
        raise EvaluationError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def degraded_pair(path: Path, channels: int, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Read a clean image and spoil it.

    Args:
        path: the clean image.
        channels: 1 for a grey model, 3 for a colour model.
        setting: task, level and seed.

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
        return clean, jpeg(clean[..., 0], int(setting.level))[..., None]
    return _super_resolution_pair(clean, int(setting.level))


def _read_8bit(path: Path, channels: int, task: Task) -> np.ndarray:
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
    if setting.noisy is not None or setting.level is None:
        noisy = read(counterpart(path, setting.noisy or noisy_folder(path))).pixels
        if noisy.shape != clean.shape:
            raise ValueError(f"its noisy image must have the same shape, {clean.shape}. Received: {noisy.shape}")
        return noisy
    rng = np.random.default_rng([setting.seed, zlib.crc32(path.stem.encode())])
    return add_gaussian_noise(clean, setting.level, rng)


def score(clean: np.ndarray, restored: np.ndarray, setting: Setting) -> tuple[float, float]:
    """PSNR in decibels, and SSIM, both on the 0–255 scale.

    Args:
        clean: float32 (H, W, C) in [0, 1].
        restored: the same, as the network gave it.
        setting: its task decides rounding and border.
    """
    if setting.task == "super-resolution":
        border = int(setting.level)
        inner = np.s_[border:-border, border:-border]
        clean, restored = clean[inner] * np.float64(255), restored[inner] * np.float64(255)
    else:
        clean, restored = from_float(clean, np.uint8), from_float(restored, np.uint8)
    return psnr(clean, restored), ssim(clean, restored)


def versions() -> dict[str, str]:
    """Versions of everything that a figure depends on."""
    backend = keras.backend.backend()
    names = ("keras", backend, f"{backend}-cpu", "numpy", "pillow", "scikit-image")
    found = {name: importlib.metadata.version(name) for name in names if _installed(name)}
    return {"python": platform.python_version(), **found}


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False  # TensorFlow's distribution has several names
    return True
