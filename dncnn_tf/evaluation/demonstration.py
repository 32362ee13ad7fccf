"""The main job on what comes with the package: noise on a photograph, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.datasets import resolve
from ..data.degradations import add_gaussian_noise
from ..images.arrays import from_float
from ..images.picture import Picture
from ..images.reading import read
from ..images.writing import write
from ..restoration.denoising import denoise
from .metrics import psnr

_PICTURES = ("noisy", "denoised", "clean", "comparison")


@dataclass(frozen=True)
class Demonstration:
    """What was shown.

    Attributes:
        sigma: of the noise, on the 0–255 scale.
        model: the one that removed it.
        noisy: PSNR in dB before.
        denoised: and after.
        comparison: the file that has the pictures side by side.
    """

    sigma: float
    model: str
    noisy: float
    denoised: float
    comparison: Path


def demonstrate(
    output: str | Path, *, model: str = "dncnn-s-25", sigma: float = 25.0, overwrite: bool = False
) -> Demonstration:
    """Add noise to scikit-image's photograph “camera” and remove it.

    Args:
        output: the folder for noisy.png, denoised.png, clean.png and the three side by side, comparison.png.
        model: a grey one.
        sigma: of the noise, on the 0–255 scale.
        overwrite: replace pictures that exist.

    Raises:
        FileExistsError: there are pictures already; nothing was done.
    """
    output = Path(output)
    targets = {name: output / f"{name}.png" for name in _PICTURES}
    taken = [target for target in targets.values() if target.exists()]
    if taken and not overwrite:
        raise FileExistsError(f"{taken[0]}: exists already; give `overwrite` to replace it, or another `output`")
    photograph = next(path for path in resolve("sample") if path.stem == "camera")
    clean = read(photograph).pixels
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(0))
    denoised = denoise(noisy, model, sigma, precision="float32")
    shown = [noisy, denoised, clean]
    output.mkdir(parents=True, exist_ok=True)
    for target, pixels in zip(targets.values(), [*shown, np.concatenate(shown, axis=1)], strict=True):
        write(Picture(from_float(pixels, np.uint8), None, "PNG"), target, overwrite=overwrite)
    return Demonstration(
        sigma,
        model,
        psnr(clean, noisy, peak=1),
        psnr(clean, np.rint(denoised * 255) / 255, peak=1),
        targets["comparison"],
    )
