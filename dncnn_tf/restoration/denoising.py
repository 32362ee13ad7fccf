"""Denoise whole images: any type and size, with any model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from ..engines.base import Engine
from ..engines.opening import ModelLike, as_engine
from ..images.arrays import ImageT, from_batch, from_float, to_batch, to_float
from .choice import choose_model
from .tiling import DEFAULT_MEMORY, Progress, Tile, in_parts, run_tiled


def denoise(
    image: ImageT,
    model: ModelLike | None = None,
    sigma: float | None = None,
    *,
    strength: float = 1.0,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    precision: str = "float32",
    engine: str = "auto",
    progress: Progress | None = None,
) -> ImageT:
    """Remove Gaussian noise from an image or a batch of images.

    A grey model takes a colour image channel by channel; a colour model takes a grey image as three equal channels.

    Args:
        image: an array of uint8, uint16 (0–65535) or float (0–1), shaped (H, W), (H, W, C) or (N, H, W, C) with C = 1
            (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha); or a PIL image in mode L, LA, RGB, RGBA or I;16.
            Alpha is passed through. Float noise may leave [0, 1]; that is what the networks are trained on.
        model: a shipped model's name, a path, a Keras model or a `Engine`. None chooses by colour and by `sigma`.
        sigma: noise level on the 0–255 scale, if you know it; it serves to choose the model.
        strength: from 0 (the image as it is) to 1 (all the noise found is subtracted).
        tile: largest side of a tile in pixels, 0 for the whole image at once, "auto" for what fits `max_memory`.
            The result does not depend on it.
        max_memory: bytes that the network's feature maps may take.
        precision: the network's arithmetic: "float32", "bfloat16", or "auto" for the faster one here.
        engine: what runs a model given by name or path: one of `engines.ENGINES`, or "auto" for the fastest that is
            installed. In float32 the result does not depend on it, up to rounding.
        progress: called with the share that is done, up to 1.

    Returns:
        The same type, shape, dtype and range as `image`; floats are clipped to [0, 1] where `strength` is 1.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what.
        ModelError: the model cannot be loaded.
    """
    _check(sigma, strength, tile)
    batch = to_batch(image)
    if strength == 0:
        return image.copy()
    if model is None:
        model = choose_model(batch.levels.shape[-1], sigma)
    runtime = as_engine(model, precision=precision, engine=engine)
    restored = denoise_levels(batch.levels, runtime, strength, tile=tile, max_memory=max_memory, progress=progress)
    return from_batch(dataclasses.replace(batch, levels=restored))


def denoise_levels(
    levels: np.ndarray,
    runtime: Engine,
    strength: float = 1.0,
    *,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    progress: Progress | None = None,
) -> np.ndarray:
    """Denoise images of any dtype.

    Args:
        levels: (N, H, W, C), C = 1 or 3: uint8, uint16 or float.
        runtime: the network.
        strength: share of the noise that is subtracted.
        tile, max_memory, progress: as for `denoise`.

    Returns:
        As `levels`; at strength 0 the same.
    """

    def restore(noisy: np.ndarray) -> np.ndarray:
        return blend(noisy, denoise_batch(noisy, runtime, tile=0, max_memory=max_memory), strength)

    if strength == 0:
        return levels.copy()
    halo = runtime.receptive_radius
    return restore_levels(levels, restore, halo=halo, tile=tile, max_memory=max_memory, progress=progress)


def restore_levels(
    levels: np.ndarray,
    restore: Callable[[np.ndarray], np.ndarray],
    *,
    halo: int,
    tile: Tile,
    max_memory: int,
    progress: Progress | None,
) -> np.ndarray:
    """Restore images of any dtype, of which only a part at a time is float32.

    Args:
        levels: (N, H, W, C): uint8, uint16 or float.
        restore: float32 (n, h, w, C) in [0, 1] → the same; a pixel depends on others up to `halo` away.
        halo: in pixels.
        tile, max_memory, progress: as for `denoise`.

    Returns:
        As `levels`.
    """
    return in_parts(
        lambda part: from_float(restore(to_float(part)), levels.dtype),
        levels,
        halo=halo,
        tile=tile,
        max_memory=max_memory,
        progress=progress,
    )


def denoise_batch(
    noisy: np.ndarray,
    runtime: Engine,
    *,
    tile: Tile = "auto",
    max_memory: int = DEFAULT_MEMORY,
    progress: Progress | None = None,
) -> np.ndarray:
    """What the network makes of a batch, grey or colour, whichever the network is.

    Args:
        noisy: float32 (N, H, W, C), C = 1 or 3, [0, 1] plus noise.
        runtime: the network.
        tile, max_memory, progress: as for `denoise`.

    Returns:
        float32 (N, H, W, C), not clipped.
    """
    run = functools.partial(run_tiled, runtime, tile=tile, max_memory=max_memory, progress=progress)
    count, height, width, channels = noisy.shape
    if channels == runtime.channels:
        return run(noisy)
    if channels == 1:
        return run(np.repeat(noisy, 3, axis=-1)).mean(axis=-1, keepdims=True)
    planes = np.moveaxis(noisy, -1, 1).reshape(count * 3, height, width, 1)
    return np.moveaxis(run(planes).reshape(count, 3, height, width), 1, -1)


def blend(noisy: np.ndarray, denoised: np.ndarray, strength: float) -> np.ndarray:
    """noisy − strength · (noisy − denoised), with `denoised` clipped to [0, 1]: exact at strength 0 and 1."""
    clean = np.clip(denoised, 0, 1)
    return clean if strength == 1 else (1 - strength) * noisy + strength * clean


def _check(sigma: float | None, strength: float, tile: Tile) -> None:
    if sigma is not None and not 0 <= sigma <= 255:
        raise ValueError(f"sigma must be from 0 to 255 (the 0-255 scale). Received: sigma={sigma}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be from 0 to 1. Received: strength={strength}")
    if tile != "auto" and (not isinstance(tile, int | np.integer) or tile < 0):
        raise ValueError(f'tile must be "auto", 0 or a number of pixels. Received: tile={tile!r}')
