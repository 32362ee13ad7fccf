"""Image files of any kind to the 8-bit grey or RGB arrays that training and evaluation start from."""

from __future__ import annotations

import numpy as np
from PIL import Image

GREY_MODES = ("1", "L", "LA", "La")


def to_8bit(file: Image.Image, channels: int) -> np.ndarray:
    """Decode an opened image; of several frames the first, alpha left out.

    Args:
        file: as `PIL.Image.open` returns it.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 (H, W, channels); 16 bits are scaled to 8 and rounded.

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
