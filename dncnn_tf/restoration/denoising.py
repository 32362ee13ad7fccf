"""Denoise whole images: any type and size, with any model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engines.base import Engine
from ..engines.opening import ModelLike, as_engine
from ..engines.roughness import suited
from ..errors import EngineError
from ..images.arrays import ImageT, from_batch, from_float, to_batch, to_float
from ..images.color import luma as luma_of
from .choice import choose_model
from .noise import Noise, estimate_noise
from .shares import Shares, require_sigma
from .tiling import Progress, Tile, in_parts, require_parts

_ALL = Shares()


def denoise(
    image: ImageT,
    model: ModelLike | None = "auto",
    sigma: float | None = None,
    *,
    strength: float = 1.0,
    luma: float = 1.0,
    chroma: float = 1.0,
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    progress: Progress | None = None,
) -> ImageT:
    """Remove Gaussian noise from an image or a batch of images.

    A grey model takes a colour image channel by channel; a colour model takes a grey image as three equal channels.

    Args:
        image: an array of uint8, uint16 (0–65535) or float (0–1), shaped (H, W), (H, W, C) or (N, H, W, C) with C = 1
            (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha); or a PIL image in mode L, LA, RGB, RGBA or I;16.
            Alpha is passed through. Float noise may leave [0, 1]; that is what the networks are trained on.
        model: a shipped model's name, a path, a Keras model or an `Engine`. "auto", or None, chooses by colour
            and by what the noise is, of a batch on average: white, or a camera's.
        sigma: noise level on the 0–255 scale, if you know it and the noise is white; it serves to choose the model.
        strength: from 0 (the image as it is) to 1 (all the noise found is subtracted).
        luma: the same for the noise's grain, which is alike in R, G and B, on top of `strength`.
        chroma: the same for its blotches of colour, which are the rest. Of no effect on grey images.
        tile: largest side of a tile in pixels, 0 for the whole image at once, "auto" for what fits `max_memory`.
            The result does not depend on it.
        max_memory: bytes that the process may take, at least 1; less than it has already makes for the smallest tiles.
            None for 2 GiB, or 1 GiB more than it has where that is more.
        precision: the network's arithmetic: "float32", "bfloat16", "int8" (faster and less exact; see `open_engine`),
            or "auto" for bfloat16 where the machine computes it in hardware.
        engine: what runs a model given by name or path: one of `dncnn_tf.ENGINES`, or "auto" for the fastest that is
            installed. In float32 the result does not depend on it, up to rounding.
        trust: as for `open_engine`: whether a `model` that is a SavedModel folder is run in any case.
        progress: called with the share that is done, up to 1.

    Returns:
        The same type, shape, dtype and range as `image`; floats are clipped to [0, 1] where `strength`,
        `luma` and `chroma` are 1.

    Raises:
        TypeError, ValueError: something is not as said above; the message says what. `OptionError` is a `ValueError`.
        ModelError: the model cannot be loaded.
        EngineError: the network gives no picture.
    """
    shares = Shares(strength, luma, chroma)
    require_sigma(sigma)
    require_parts(tile, max_memory)
    batch = to_batch(image)
    if not any(shares.of(batch.levels.shape[-1])):
        return image.copy()
    if model is None or (isinstance(model, str) and model == "auto"):
        noise = estimate_noise(batch.levels) if sigma is None else Noise(sigma)
        model = choose_model(batch.levels.shape[-1], sigma, noise)
    opened = as_engine(model, precision=precision, engine=engine, trust=trust)
    restored = denoise_levels(batch.levels, opened, shares, tile=tile, max_memory=max_memory, progress=progress)
    result: ImageT = from_batch(dataclasses.replace(batch, levels=restored))
    return result


def denoise_levels(
    levels: np.ndarray,
    engine: Engine,
    shares: Shares = _ALL,
    *,
    tile: Tile = "auto",
    max_memory: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Denoise images of any dtype.

    Args:
        levels: (N, H, W, C), C = 1 or 3: uint8, uint16 or float.
        engine: what runs the network.
        shares: of the noise that are subtracted.
        tile, max_memory, progress: as for `denoise`.

    Returns:
        As `levels`; the same where all shares are 0.
    """
    if not any(shares.of(levels.shape[-1])):
        return levels.copy()
    network = suited(engine, levels)
    return restore_levels(
        levels,
        lambda noisy: blend(noisy, run_network(network, noisy), shares),
        halo=engine.receptive_radius,
        tile=tile,
        max_memory=max_memory,
        progress=progress,
    )


def restore_levels(
    levels: np.ndarray, restore: Callable[[np.ndarray], np.ndarray], *, halo: int, **parts: Any
) -> np.ndarray:
    """Restore images of any dtype, of which only a part at a time is float32.

    Args:
        levels: (N, H, W, C): uint8, uint16 or float.
        restore: float32 (n, h, w, C) in [0, 1] → the same; a pixel depends on others up to `halo` away.
        halo: in pixels.
        parts: `tile`, `max_memory` and `progress`, as for `denoise`.

    Returns:
        As `levels`.
    """
    return in_parts(lambda part: from_float(restore(to_float(part)), levels.dtype), levels, halo=halo, **parts)


def denoise_batch(
    noisy: np.ndarray, engine: Engine, *, tile: Tile = "auto", max_memory: int | None = None
) -> np.ndarray:
    """What a network makes of a batch, in tiles.

    Args:
        noisy: float32 (N, H, W, C), C = 1 or 3, [0, 1] plus noise.
        engine: what runs the network for grey or colour, whichever the batch is.
        tile, max_memory: as for `denoise`.

    Returns:
        float32 (N, H, W, C), not clipped.
    """
    network = suited(engine, noisy)
    return in_parts(
        functools.partial(run_network, network), noisy, halo=engine.receptive_radius, tile=tile, max_memory=max_memory
    )


def run_network(engine: Engine, noisy: np.ndarray) -> np.ndarray:
    """Run a network once, on grey or colour: a grey one takes channels as images, a colour one grey as three channels.

    Whatever the engine is, a file's, a server's or the caller's own, its answer is checked here and nowhere else.

    Args:
        engine: what runs the network.
        noisy: float32 (N, H, W, C), C = 1 or 3.

    Returns:
        float32 (N, H, W, C), finite, not clipped.

    Raises:
        EngineError: the network's answer is something else.
    """
    channels = noisy.shape[-1]
    if channels == engine.channels:
        return _checked(engine(noisy), noisy)
    if channels == 1:
        repeated = np.repeat(noisy, 3, axis=-1)
        mean: np.ndarray = _checked(engine(repeated), repeated).mean(axis=-1, keepdims=True)
        return mean
    # One after the other, in the memory that a part has.
    planes = (noisy[..., i : i + 1] for i in range(channels))
    return np.concatenate([_checked(engine(plane), plane) for plane in planes], axis=-1)


def _checked(answer: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """A network's answer, if it is a picture like its input."""
    rule = f"a network must answer with finite float32 in the shape of its input, {noisy.shape}"
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != noisy.shape:
        kind = getattr(answer, "dtype", type(answer).__name__)
        raise EngineError(f"{rule}. Received: {kind} {getattr(answer, 'shape', '')}; take another model or server")
    finite = np.isfinite(answer)
    if not finite.all():
        raise EngineError(
            f"{rule}. Received: NaN or infinity in {answer.size - np.count_nonzero(finite)} of {answer.size} values; "
            "its weights are damaged, or too large for its arithmetic: take another model, or `precision` float32"
        )
    return answer


def blend(noisy: np.ndarray, denoised: np.ndarray, shares: Shares) -> np.ndarray:
    """Noisy less shares of what was found.

    Args:
        noisy: float32 (N, H, W, C).
        denoised: the same, which is clipped to [0, 1].
        shares: of noisy − clipped that are subtracted.

    Returns:
        The same; exactly `denoised`, clipped, where all shares are 1.
    """
    clean: np.ndarray = np.clip(denoised, 0, 1)
    luma_share, chroma_share = shares.of(noisy.shape[-1])
    if luma_share == chroma_share:
        return clean if luma_share == 1 else (1 - luma_share) * noisy + luma_share * clean
    noise = noisy - clean
    # chroma's share of all, and what luma's is more or less than that
    blended: np.ndarray = noisy - chroma_share * noise - (luma_share - chroma_share) * luma_of(noise)[..., None]
    return blended
