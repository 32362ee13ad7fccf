"""Which way up a picture is seen: EXIF's orientation, which viewers follow and files keep beside their pixels."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image

from .picture import Picture

# For each value: rows and columns change places; then rows, then columns are turned round.
_STEPS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def orientation(picture: Picture) -> int:
    """EXIF's number, 1 to 8: 1 where nothing is said."""
    exif = Image.Exif()
    exif.load(picture.exif or b"")
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if value in _STEPS else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as they are seen: a view of (H, W, …), or of (W, H, …)."""
    turned, rows, columns = _STEPS.get(orientation, (False, False, False))
    pixels = pixels.swapaxes(0, 1) if turned else pixels
    return pixels[:: -1 if rows else 1, :: -1 if columns else 1]


def as_stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of `upright`."""
    turned, rows, columns = _STEPS.get(orientation, (False, False, False))
    pixels = pixels[:: -1 if rows else 1, :: -1 if columns else 1]
    return pixels.swapaxes(0, 1) if turned else pixels
