"""Enlarge images and take JPEG's blocks away, with a model that does more than denoise (DnCNN-3).

The network works on luminance, as in the paper's Figs. 9 to 11; of a colour image, the chroma stays as it is, or is
enlarged bicubically. A grey image goes through the network as it is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..engines.base import Engine
from ..engines.opening import ModelLike, as_engine
from ..images.arrays import ImageT, from_batch, from_float, to_batch
from ..images.color import STUDIO_SWING, luminance
from ..images.resizing import enlarge
from .denoising import denoise_batch, restore_levels
from .tiling import DEFAULT_MEMORY, Progress, Tile

GENERAL_MODEL = "dncnn-3"
SCALES = (2, 3, 4)


def upscale(
    image: ImageT,
    scale: int,
    model: ModelLike = GENERAL_MODEL,
    *,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    precision: str = "float32",
    engine: str = "auto",
    progress: Progress | None = None,
) -> ImageT:
    """Enlarge an image by super-resolution: bicubic, then the network (section III.E).

    Args:
        image: as for `dncnn_tf.denoise`; alpha is enlarged bicubically.
        scale: 2, 3 or 4.
        model: a general model: a name, a path, a Keras model or a `Engine`; it must be grey.
        tile, max_memory, precision, engine, progress: as for `dncnn_tf.denoise`.

    Returns:
        The same type, dtype and range as `image`, `scale` times as high and wide.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what.
        ModelError: the model cannot be loaded.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be 2, 3 or 4. Received: scale={scale}")
    batch = to_batch(image)
    runtime = as_engine(model, precision=precision, engine=engine)
    enlarged = np.stack([enlarge(pixels, scale) for pixels in batch.pixels])
    restored = restore_luminance(enlarged, runtime, tile=tile, max_memory=max_memory, progress=progress)
    alpha = None if batch.alpha is None else np.stack([enlarge_levels(alpha, scale) for alpha in batch.alpha])
    return from_batch(dataclasses.replace(batch, levels=from_float(restored, batch.levels.dtype), alpha=alpha))


def deblock(
    image: ImageT,
    model: ModelLike = GENERAL_MODEL,
    *,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    precision: str = "float32",
    engine: str = "auto",
    progress: Progress | None = None,
) -> ImageT:
    """Take the blocks and ringing of JPEG away (section III.E); no quality factor has to be known.

    Args:
        image: as for `dncnn_tf.denoise`, not resized since it was a JPEG file; alpha is passed through.
        model: a general model: a name, a path, a Keras model or a `Engine`; it must be grey.
        tile, max_memory, precision, engine, progress: as for `dncnn_tf.denoise`.

    Returns:
        The same type, shape, dtype and range as `image`.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what.
        ModelError: the model cannot be loaded.
    """
    batch = to_batch(image)
    runtime = as_engine(model, precision=precision, engine=engine)
    restored = restore_luminance(batch.levels, runtime, tile=tile, max_memory=max_memory, progress=progress)
    return from_batch(dataclasses.replace(batch, levels=restored))


def restore_luminance(
    levels: np.ndarray,
    runtime: Engine,
    *,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    progress: Progress | None = None,
) -> np.ndarray:
    """Pass images through a grey network; of colour images, their luminance.

    Args:
        levels: (N, H, W, C), C = 1 or 3: uint8, uint16, or float in [0, 1], which may leave that slightly.
        runtime: the network.
        tile, max_memory, progress: as for `dncnn_tf.denoise`.

    Returns:
        As `levels`, clipped to [0, 1].

    Raises:
        ValueError: the network is for colour.
    """
    if runtime.channels != 1:
        raise ValueError("upscaling and deblocking work on luminance, with a grey model. Received: a colour model")
    halo = runtime.receptive_radius

    def restore(pixels: np.ndarray) -> np.ndarray:
        colour = pixels.shape[-1] == 3
        plane = luminance(pixels)[..., None] if colour else pixels
        restored = denoise_batch(plane, runtime, tile=0, max_memory=max_memory)
        if not colour:
            return np.clip(restored, 0, 1)
        # With chroma kept, a change of luminance changes R, G and B alike.
        return np.clip(pixels + (restored - plane) / np.float32(STUDIO_SWING), 0, 1)

    return restore_levels(levels, restore, halo=halo, tile=tile, max_memory=max_memory, progress=progress)


def enlarge_levels(levels: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge bicubically what is no picture, such as transparency: (H, W, C) of uint8, uint16 or float in [0, 1]."""
    highest = 1 if np.issubdtype(levels.dtype, np.floating) else np.iinfo(levels.dtype).max
    enlarged = enlarge((levels / highest).astype(np.float32), scale)
    return from_float(np.clip(enlarged, 0, 1), levels.dtype)
