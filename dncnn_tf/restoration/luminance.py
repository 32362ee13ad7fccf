"""Enlarge images and take JPEG's blocks away, with a model that does more than denoise (DnCNN-3).

The network works on luminance, as in the paper's Figs. 9 to 11; of a colour image, the chroma stays as it is, or is
enlarged bicubically. A grey image goes through the network as it is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..engines.base import Engine
from ..engines.opening import ModelLike, as_engine
from ..engines.roughness import suited
from ..errors import OptionError
from ..images.arrays import ImageT, from_batch, from_float, to_batch, to_float
from ..images.color import STUDIO_SWING, luminance
from ..images.resizing import enlarge
from .denoising import restore_levels, run_network
from .tiling import Progress, Tile, require_parts

GENERAL_MODEL = "dncnn-3"
SCALES = (2, 3, 4)


def upscale(
    image: ImageT,
    scale: int,
    model: ModelLike = GENERAL_MODEL,
    *,
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    progress: Progress | None = None,
) -> ImageT:
    """Enlarge an image by super-resolution: bicubic, then the network (section III.E).

    Args:
        image: as for `dncnn_tf.denoise`; alpha is enlarged bicubically.
        scale: 2, 3 or 4.
        model: a general model: a name, a path, a Keras model or an `Engine`; it must be grey.
        tile, max_memory, precision, engine, trust, progress: as for `dncnn_tf.denoise`.

    Returns:
        The same type, dtype and range as `image`, `scale` times as high and wide.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what.
        ModelError: the model cannot be loaded.
        EngineError: the network gives no picture.
    """
    require_scale(scale)
    require_parts(tile, max_memory)
    batch = to_batch(image)
    opened = as_engine(model, precision=precision, engine=engine, trust=trust)
    levels = upscale_levels(batch.levels, scale, opened, tile=tile, max_memory=max_memory, progress=progress)
    alpha = None if batch.alpha is None else enlarge_levels(batch.alpha, scale)
    result: ImageT = from_batch(dataclasses.replace(batch, levels=levels, alpha=alpha))
    return result


def deblock(
    image: ImageT,
    model: ModelLike = GENERAL_MODEL,
    *,
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    progress: Progress | None = None,
) -> ImageT:
    """Take the blocks and ringing of JPEG away (section III.E); no quality factor has to be known.

    Args:
        image: as for `dncnn_tf.denoise`, not resized since it was a JPEG file; alpha is passed through.
        model: a general model: a name, a path, a Keras model or an `Engine`; it must be grey.
        tile, max_memory, precision, engine, trust, progress: as for `dncnn_tf.denoise`.

    Returns:
        The same type, shape, dtype and range as `image`.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what.
        ModelError: the model cannot be loaded.
        EngineError: the network gives no picture.
    """
    require_parts(tile, max_memory)
    batch = to_batch(image)
    opened = as_engine(model, precision=precision, engine=engine, trust=trust)
    levels = deblock_levels(batch.levels, opened, tile=tile, max_memory=max_memory, progress=progress)
    result: ImageT = from_batch(dataclasses.replace(batch, levels=levels))
    return result


def upscale_levels(
    levels: np.ndarray,
    scale: int,
    engine: Engine,
    *,
    tile: Tile = "auto",
    max_memory: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Enlarge images of any dtype and pass them through a grey network.

    Args:
        levels: (N, H, W, C), C = 1 or 3: uint8, uint16, or float in [0, 1], which may leave that slightly.
        scale: 2, 3 or 4.
        engine: what runs the network.
        tile, max_memory, progress: as for `dncnn_tf.denoise`.

    Returns:
        (N, scale·H, scale·W, C) of the same dtype, clipped to [0, 1].

    Raises:
        OptionError: the network is for colour.
    """
    enlarged = np.stack([enlarge(to_float(each), scale) for each in levels])
    restored = deblock_levels(enlarged, engine, tile=tile, max_memory=max_memory, progress=progress)
    return from_float(restored, levels.dtype)


def deblock_levels(
    levels: np.ndarray,
    engine: Engine,
    *,
    tile: Tile = "auto",
    max_memory: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Pass images through a grey network; of colour images, their luminance.

    Args:
        levels: (N, H, W, C), C = 1 or 3: uint8, uint16, or float in [0, 1], which may leave that slightly.
        engine: what runs the network.
        tile, max_memory, progress: as for `dncnn_tf.denoise`.

    Returns:
        As `levels`, clipped to [0, 1].

    Raises:
        OptionError: the network is for colour.
    """
    if engine.channels != 1:
        raise OptionError("upscaling and deblocking work on luminance, with a grey model. Received: a colour model")

    network = suited(engine, levels)

    def restore(pixels: np.ndarray) -> np.ndarray:
        if pixels.shape[-1] == 1:
            restored = run_network(network, pixels)
        else:  # with chroma kept, a change of luminance changes R, G and B alike
            plane = luminance(pixels)[..., None]
            restored = pixels + (run_network(network, plane) - plane) / np.float32(STUDIO_SWING)
        clipped: np.ndarray = np.clip(restored, 0, 1)
        return clipped

    return restore_levels(
        levels, restore, halo=engine.receptive_radius, tile=tile, max_memory=max_memory, progress=progress
    )


def enlarge_levels(levels: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge bicubically what is no picture, such as transparency.

    Args:
        levels: (N, H, W, C): uint8, uint16 or float in [0, 1].
        scale: 2 or more.
    """
    highest = 1 if np.issubdtype(levels.dtype, np.floating) else np.iinfo(levels.dtype).max
    enlarged = np.stack([enlarge((each / highest).astype(np.float32), scale) for each in levels])
    return from_float(np.clip(enlarged, 0, 1), levels.dtype)


def require_scale(scale: int) -> None:
    """Check a factor of upscaling.

    Raises:
        OptionError: it is none.
    """
    if not isinstance(scale, int | np.integer) or scale not in SCALES:
        raise OptionError(f"`scale` must be 2, 3 or 4. Received: {scale!r}")
