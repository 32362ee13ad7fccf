"""Names of published image sets, and folders, to files and arrays."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from ..color import luminance
from .degradations import from_float

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

_LOCAL = {
    "train400": "train/train400",
    "t91": "train/t91",
    "cbsd432": "train/cbsd432",
    "bsd68": "test/bsd68",
    "set12": "test/set12",
    "set5": "test/set5",
    "set14": "test/set14",
    "classic5": "test/classic5",
    "live1": "test/live1",
    "cbsd68": "test/cbsd68",
    "bsd100": "test/bsd100",
    "urban100": "test/urban100",
}

_SAMPLE = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "motorcycle_left.png", "rocket.jpg")


def resolve(data: str) -> list[Path]:
    """Image files of a published set ("train400"), of the embedded "sample", or of a folder, in order of name.

    Raises:
        FileNotFoundError: no such set or folder, or no image in it.
    """
    if data == "sample":
        import skimage

        return [Path(skimage.__file__).parent / "data" / name for name in _SAMPLE]
    folder = Path(data)
    if data in _LOCAL:
        folder = Path(os.environ["DNCNN_TF_DATA"]) / _LOCAL[data]
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no images in {folder}")
    return files


def load(data: str, channels: int, *, luma: bool = False) -> list[np.ndarray]:
    """Read a set as 8-bit images.

    Args:
        data: as for `resolve`.
        channels: 1 for grey, 3 for RGB.
        luma: grey is the Y of studio-swing YCbCr (`color.luminance`) instead of full-range luma.

    Returns:
        uint8 (H, W, channels), in the order of the files.
    """
    images = []
    for path in resolve(data):
        with Image.open(path) as file:
            grey = channels == 1 and (not luma or file.mode == "L")
            image = np.asarray(file.convert("L" if grey else "RGB"))
            if luma and not grey:
                image = from_float(luminance(image / 255))
            images.append(image.reshape(file.height, file.width, channels))
    return images
