"""What can be said of a picture before it is denoised."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RECIPES
from ..images.jpeg import jpeg_quality
from ..images.picture import Picture
from .choice import choose_model, misfits
from .noise import Noise, estimate_noise
from .tiling import AT_START, memory_left, tile_side

COARSE_JPEG = 60
"""Quality below which a JPEG file's blocks are worth taking away."""


@dataclass(frozen=True)
class Inspection:
    """A picture's properties, and what denoising would do with it.

    Attributes:
        format: of the file.
        width, height: in pixels.
        bits: of each channel.
        channels: 1 for grey, 3 for RGB.
        alpha: whether it has transparency.
        jpeg_quality: of a JPEG file, 1 to 100.
        noise: estimated.
        model: the one that would be chosen.
        tile: side in pixels of the parts that the network would get, 0 for the whole picture.
        remarks: what does not suit, and what to do about it.
    """

    format: str
    width: int
    height: int
    bits: int
    channels: int
    alpha: bool
    jpeg_quality: int | None
    noise: Noise
    model: str
    tile: int
    remarks: tuple[str, ...]


def inspect_picture(picture: Picture, *, max_memory: int | None = None) -> Inspection:
    """Inspect a picture that was read.

    Args:
        picture: as `images.read` gives it.
        max_memory: bytes that a process that denoises it may take, as for `dncnn_tf.denoise`.
    """
    height, width, channels = picture.levels.shape
    noise = estimate_noise(picture.levels)
    model = choose_model(channels, None, noise)
    quality = jpeg_quality(picture.coding["qtables"]) if picture.format == "JPEG" else None
    coarse = quality is not None and quality < COARSE_JPEG
    advice = (f"JPEG of quality {quality} has visible blocks: `dncnn_tf.deblock` takes them away",) if coarse else ()
    memory = memory_left(max_memory, picture.levels.nbytes, AT_START)
    return Inspection(
        picture.format,
        width,
        height,
        picture.bits,
        channels,
        picture.alpha is not None,
        quality,
        noise,
        model,
        tile_side(height, width, RECIPES[model].model.receptive_radius, memory),
        (*picture.notes, *advice, *misfits(model, noise)),
    )
