"""What cameras do to a developed picture before they save it.

Given where the edges are, all of it is linear, so that noise alone can be put through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

# ITU-R BT.601 at full range, as JFIF has it, without the offset of the chroma.
_TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_FROM_YCBCR = np.linalg.inv(_TO_YCBCR).astype(np.float32)

_SHARPENING_RADIUS = 1.0  # pixels: σ of the Gaussian that an unsharp mask subtracts
_EDGE_RADIUS = 1.5  # pixels: σ of the Gaussian before slopes are measured
_TRUNCATE = 2.5  # in σ, where the Gaussians end


@dataclass(frozen=True)
class Finish:
    """How luma and chroma are smoothed and sharpened; each Gaussian's σ is in pixels, 0 for none.

    Attributes:
        chroma: σ for Cb and Cr.
        luma: σ for Y.
        grain: share of Y that is smoothed by `coarse` instead, in flat places. A camera's own denoiser takes fine noise
            better than coarse noise, so that what it leaves has both.
        coarse: σ for that share.
        edge: slope of Y in 1/255 a pixel at which that share is halved: denoisers keep edges, and with them their
            noise, which in real photographs is twice that of flat places.
        sharpening: how much of an unsharp mask of Y is added.
    """

    chroma: float
    luma: float
    grain: float
    coarse: float
    edge: float
    sharpening: float


def edges(picture: np.ndarray, finish: Finish) -> np.ndarray:
    """Where a denoiser sees edges: float32 (H, W, 3) RGB in [0, 1] → (H, W), 0 in flat places to 1 at steep edges."""
    luma = _gaussian((picture @ _TO_YCBCR[0])[None], _EDGE_RADIUS)[0] * np.float32(255)
    down, across = np.gradient(luma)
    slope = np.square(down) + np.square(across)
    return slope / (slope + np.float32(finish.edge**2))


def finished(image: np.ndarray, finish: Finish, edges: np.ndarray, *, calm: float = 1.0) -> np.ndarray:
    """Smooth luma and chroma apart, and sharpen luma.

    Chroma is what cameras smooth most, for the eye does not see it: in real photographs, noise's Cr goes on over some
    ten pixels. Published simulations end before this step.

    Args:
        image: float32 (H, W, 3) RGB.
        finish: how.
        edges: float32 (H, W), the share of luma, from the picture's own `edges`, that stays out of `coarse`.
        calm: what chroma is multiplied by: of noise alone, a camera's denoiser takes some of the coarse one too.
    """
    planes = np.moveaxis(image @ _TO_YCBCR.T, -1, 0).copy()  # (3, H, W)
    planes[1:] = _gaussian(planes[1:], finish.chroma) * np.float32(calm)
    luma = _gaussian(planes[:1], finish.luma)
    if finish.grain:
        luma += (np.float32(finish.grain) * (1 - edges)) * (_gaussian(planes[:1], finish.coarse) - luma)
    if finish.sharpening:
        luma += np.float32(finish.sharpening) * (luma - _gaussian(luma, _SHARPENING_RADIUS))
    planes[:1] = luma
    return np.moveaxis(planes, 0, -1) @ _FROM_YCBCR.T


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
