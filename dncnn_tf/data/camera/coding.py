"""A color picture through a JPEG file, with chroma at full or at reduced resolution."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]


@dataclass(frozen=True)
class Coding:
    """How a picture is saved.

    Attributes:
        quality: 1 to 100, the scale of libjpeg.
        subsampling: chroma at full resolution (4:4:4), at half the columns (4:2:2), or half the rows too (4:2:0).
    """

    quality: int
    subsampling: Subsampling


def coded(picture: np.ndarray, coding: Coding | None) -> np.ndarray:
    """Save as JPEG and read back: uint8 (H, W, 3) → the same; without a coding, as it came."""
    if coding is None:
        return picture
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=coding.quality, subsampling=coding.subsampling)
    return np.asarray(Image.open(buffer))
