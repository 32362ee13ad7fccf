"""Image files of any kind to the 8-bit grey or RGB arrays that training and evaluation start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import DnCNNError
from ..images.formats import READABLE

_GREY_MODES = ("1", "L", "LA", "La")

# 8 GiB for training, which keeps each image at four sizes (2.9 times the pixels).
_MAX_DECODED_BYTES = 8 * 2**30 // 3


class DatasetError(DnCNNError, ValueError):
    """Images cannot be had or used; the message says which, why and what to do."""


def pixels(path: Path) -> int:
    """How many an image file has, by its header alone.

    Raises:
        DatasetError: it is no image, or damaged.
    """
    size: tuple[int, int] = _header(path, "size")
    return size[0] * size[1]


def require_room(data: object, files: Sequence[Path], channels: int) -> None:
    """Check by their headers that images fit in memory when they are decoded.

    Args:
        data: what to call them.
        files: the images.
        channels: how many each pixel takes.

    Raises:
        DatasetError: they do not, or one is no image, or damaged.
    """
    total = sum(pixels(path) for path in files)
    if total * channels > _MAX_DECODED_BYTES:
        raise DatasetError(
            f"{data}: {len(files)} images of {total / 1e6:,.0f} million pixels in all do not fit in the 8 GiB that "
            f"images may take; use at most {_MAX_DECODED_BYTES / channels / 1e6:,.0f} million pixels"
        )


def is_color(path: Path) -> bool:
    """Whether an image file has colour channels, by its header alone.

    Raises:
        DatasetError: it is no image, or damaged.
    """
    mode: str = _header(path, "mode")
    return mode[0] not in "IF" and mode not in _GREY_MODES


def _header(path: Path, field: str) -> Any:
    try:
        with Image.open(path, formats=READABLE) as file:
            return getattr(file, field)
    except Exception as error:  # Pillow's readers fail in many ways on files that are not what their names say
        raise DatasetError(f"{path}: not an image, or damaged; remove it or replace it") from error


def decode(path: Path, channels: int) -> np.ndarray:
    """Read one image file, as `datasets.load` does: uint8 (H, W, channels).

    Raises:
        DatasetError: it is no image, or damaged.
    """
    try:
        with Image.open(path, formats=READABLE) as file:
            return to_8bit(file, channels)
    except Exception as error:
        raise DatasetError(f"{path}: cannot be read ({error}); remove it or replace it") from error


def to_8bit(file: Image.Image, channels: int) -> np.ndarray:
    """Decode an opened image; of several frames the first, alpha left out.

    Args:
        file: as `PIL.Image.open` returns it.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 (H, W, channels). 16 bits of grey are scaled to 8 and rounded; of colour, Pillow keeps the upper 8.

    Raises:
        ValueError: the image has no pixels, or values whose range is unknown.
        OSError: the file is damaged.
    """
    if not file.width or not file.height:
        raise ValueError(f"an image needs at least 1x1 pixels. Received: {file.width}x{file.height}")
    if file.mode[0] in "IF":
        file = _from_high_bit_depth(file)
    image = np.asarray(file.convert("L" if channels == 1 else "RGB"))
    return image.reshape(file.height, file.width, channels)


def _from_high_bit_depth(file: Image.Image) -> Image.Image:
    """16-bit grey (Pillow's I;16…; I in some formats) to 8 bits; Pillow's own conversion clips instead of scaling."""
    values = np.asarray(file)
    if file.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit values have no fixed range; save it with 8 or 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))
