"""What cameras do to a developed picture before they save it.

Given where the edges are, all of it is linear, so that noise alone can be put through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

# ITU-R BT.601 at full range, as JFIF has it, without the offset of the chroma.
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_FROM_YCBCR = np.linalg.inv(TO_YCBCR).astype(np.float32)

_SHARPENING_RADIUS = 1.0  # pixels: σ of the Gaussian that an unsharp mask subtracts
_EDGE_RADIUS = 1.5  # pixels: σ of the Gaussian before slopes are measured
_TRUNCATE = 2.5  # in σ, where the Gaussians end


@dataclass(frozen=True)
class Finish:
    """How luma and chroma are smoothed and sharpened; each Gaussian's σ is in pixels, 0 for none.

    Attributes:
        luma, chroma: σ for Y, and for Cb and Cr, everywhere.
        flat_luma, flat_chroma: σ in flat places, on top of it.
        edge: slope of Y in 1/255 a pixel at which a place is half flat and half edge.
        sharpening: how much of an unsharp mask of Y is added.
    """

    luma: float
    chroma: float
    flat_luma: float
    flat_chroma: float
    edge: float
    sharpening: float


@dataclass(frozen=True)
class Left:
    """What a camera's denoiser leaves of the noise, as shares of its deviation; of pictures, everything stays.

    It keeps edges, and with them their noise, which in real photographs is twice as strong as that of flat places and
    more (benchmarks/quality/camera.md); and it takes more where light is plenty.

    Attributes:
        luma, chroma: in flat places, of Y, and of Cb and Cr.
        white: where the picture is white; black keeps all.
    """

    luma: float
    chroma: float
    white: float


def edges(picture: np.ndarray, finish: Finish) -> np.ndarray:
    """Where a denoiser sees edges: float32 (H, W, 3) RGB in [0, 1] → (H, W), 0 in flat places to 1 at steep edges."""
    luma = _gaussian((picture @ TO_YCBCR[0])[None], _EDGE_RADIUS)[0] * np.float32(255)
    down, across = np.gradient(luma)
    slope = np.square(down) + np.square(across)
    return slope / (slope + np.float32(finish.edge**2))


def finished(
    image: np.ndarray, finish: Finish, edges: np.ndarray, *, luma: float = 1.0, chroma: float = 1.0
) -> np.ndarray:
    """Smooth luma and chroma apart, and sharpen luma.

    Chroma is what cameras smooth most, for the eye does not see it: in real photographs, noise's Cr goes on over some
    ten pixels. Published simulations end before this step.

    Args:
        image: float32 (H, W, 3) RGB.
        finish: how.
        edges: float32 (H, W), from the picture's own `edges`.
        luma, chroma: what Y, and Cb and Cr, are multiplied by in flat places.
    """
    planes = np.moveaxis(image @ TO_YCBCR.T, -1, 0)  # (3, H, W)
    y = _smoothed(planes[:1], finish.luma, finish.flat_luma, edges, luma)
    if finish.sharpening:
        y += np.float32(finish.sharpening) * (y - _gaussian(y, _SHARPENING_RADIUS))
    cb_cr = _smoothed(planes[1:], finish.chroma, finish.flat_chroma, edges, chroma)
    return np.moveaxis(np.concatenate([y, cb_cr]), 0, -1) @ _FROM_YCBCR.T


def denoised(noise: np.ndarray, picture: np.ndarray, finish: Finish, edges: np.ndarray, left: Left) -> np.ndarray:
    """What a camera leaves of the noise of a picture, both float32 (H, W, 3) RGB; noise is finished as pictures are."""
    noise = finished(noise, finish, edges, luma=left.luma, chroma=left.chroma)
    return noise * (1 - np.float32(1 - left.white) * (picture @ TO_YCBCR[0])[..., None])


def _smoothed(planes: np.ndarray, everywhere: float, flat: float, edges: np.ndarray, left: float) -> np.ndarray:
    """Smooth (N, H, W) once, and flat places once more, of which only a share is left."""
    planes = _gaussian(planes, everywhere)
    return planes + (1 - edges) * (np.float32(left) * _gaussian(planes, flat) - planes)


def _gaussian(planes: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing of (N, H, W), mirrored at the borders."""
    if not sigma:
        return planes.copy()
    for axis in (1, 2):
        planes = gaussian_filter1d(planes, sigma, axis, truncate=_TRUNCATE)
    return planes


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bicubic, smoothed as far as it shrinks: uint8 or float32 (H, W, 3) → (height, width, 3)."""
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    planes = (Image.fromarray(np.ascontiguousarray(image[..., i])) for i in range(image.shape[-1]))
    return np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes], axis=-1)
