"""How noisy an image is, and whether its noise is white, estimated from the image alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..images.arrays import ImageLike, to_batch, to_float

# Blocks must be few enough to be fast and to need little memory in a large image, and enough to choose among.
_SIDE = 12
_MOST_BLOCKS = 2**15
_FEWEST_BLOCKS = 20
_LARGEST_SIDE = 4096
_CLIPPED_SHARE = 0.05
_ROUNDING = 0.25  # deviation of rounding to 8 bits, roughly

# Noise is called correlated from these figures on; benchmarks/quality/noise.md says how often that is right.
_VISIBLE = 3.0
_CORRELATED = 0.15
_EVEN = 1.5

# … and a camera's from these on: strongly correlated, or less so where it is well visible, or visible and as even as
# noise is, or with smoothed chroma, as white noise after JPEG coding. A camera's noise is far lower in the flat, often
# dark parts than elsewhere. benchmarks/quality/routing.md says what the rule is worth.
_CAMERA = ((0.48, 0.25, np.inf), (0.33, 1.6, np.inf), (0.36, 1.0, _EVEN))  # correlation, σ, and evenness up to
_CHROMA_CORRELATED, _CHROMA_VISIBLE = 0.3, 2.0

# Daubechies' high-pass filter with two vanishing moments: blind to flat and sloping areas.
_HIGH_PASS = (-0.48296291314469025, 0.836516303737469, -0.22414386804185735, -0.12940952255092145)

# Median absolute value of standard normal noise: the 0.75 quantile.
_MEDIAN_ABSOLUTE = 0.6744897501960817


@dataclass(frozen=True)
class Noise:
    """What an image's flattest parts say about its noise.

    Attributes:
        sigma: standard deviation on the 0–255 scale.
        correlation: between neighbouring pixels, −1 to 1: near 0 for white noise, 0.4 and more where noise has been
            smoothed, as by a camera's processing. None where the image has too few flat parts to tell.
        evenness: how much rougher the roughest of the flat parts are than the smoothest (90th over 10th percentile of
            their deviations): some 1.3 where noise is all they hold, more with texture. None where `correlation` is.
        chroma_correlation: as `correlation`, of red less green: 0.5 and more where chroma has been smoothed, as by most
            cameras and JPEG files. None where `correlation` is, and for grey.
    """

    sigma: float
    correlation: float | None = None
    evenness: float | None = None
    chroma_correlation: float | None = None

    @property
    def correlated(self) -> bool:
        """Whether the noise is clearly not white; fine texture, which is less even, is not taken for noise."""
        if self.correlation is None or self.evenness is None:
            return False
        return self.sigma > _VISIBLE and self.correlation > _CORRELATED and self.evenness < _EVEN

    @property
    def of_camera(self) -> bool:
        """Whether it is more like what cameras and JPEG files leave of noise than white."""
        return self.camera_sign is not None

    @property
    def camera_sign(self) -> str | None:
        """What tells that it is a camera's, for people; None if nothing does."""
        if self.correlation is None or self.evenness is None:
            return None
        if any(
            self.correlation > correlated and self.sigma > visible and self.evenness < uneven
            for correlated, visible, uneven in _CAMERA
        ):
            return f"neighbours correlate by {self.correlation:.1f}"
        smoothed = self.chroma_correlation is not None and self.chroma_correlation > _CHROMA_CORRELATED
        if smoothed and self.sigma > _CHROMA_VISIBLE:
            return f"neighbours' colours correlate by {self.chroma_correlation:.1f}"
        return None


def estimate_sigma(image: ImageLike) -> float:
    """Estimate the standard deviation of an image's noise: `estimate_noise(image).sigma`."""
    return estimate_noise(image).sigma


def estimate_noise(image: ImageLike) -> Noise:
    """Estimate an image's noise from the flattest twentieth of its blocks of 12×12 pixels.

    What is left of a block when a quadratic surface is taken away is noise, if the block is flat. Blocks with clipped
    pixels are left out, and so are exactly flat ones. An image with fewer than 20 other blocks is measured by the
    median of its finest diagonal wavelet details (Donoho and Johnstone, 1994), which takes fine texture for noise.

    Args:
        image: as for `dncnn_tf.denoise`; transparency is left out of account.

    Returns:
        The mean over colour channels and images.
    """
    images = to_batch(image).levels  # (N, H, W, C)
    planes = [plane for planes in images for plane in np.moveaxis(planes, -1, 0)]  # views, of large images too
    measured = [_flat_block_noise(plane) for plane in planes]
    flat = [noise for noise in measured if noise is not None]
    if len(flat) < len(planes):
        return Noise(float(np.mean([_wavelet_sigma(to_float(_middle(plane))) for plane in planes])))
    sigma, correlation, evenness = (
        float(np.mean(values)) for values in zip(*(noise[:3] for noise in flat), strict=True)
    )
    if images.shape[-1] == 1:
        return Noise(sigma, correlation, evenness)
    pairs = zip(planes[::3], planes[1::3], flat[1::3], strict=True)
    chroma = [_chroma_correlation(red, green, noise.where) for red, green, noise in pairs]
    return Noise(sigma, correlation, evenness, float(np.mean(chroma)))


class _FlatNoise(NamedTuple):
    """What the flattest blocks of a channel say, and which of all blocks they are."""

    sigma: float
    correlation: float
    evenness: float
    where: np.ndarray


def _flat_block_noise(plane: np.ndarray) -> _FlatNoise | None:
    """The noise of one channel (H, W), None where too few blocks serve."""
    blocks = to_float(_blocks(plane).reshape(-1, _SIDE**2))
    clipped = np.mean((blocks == 0) | (blocks == 1), axis=1) > _CLIPPED_SHARE
    serving = np.flatnonzero(~clipped & (np.ptp(blocks, axis=1) > 0))
    if len(serving) < _FEWEST_BLOCKS:
        return None
    blocks = blocks[serving]
    residual = _residual(blocks)
    # Chosen by half of their rows and measured by the others, noise-like blocks are not taken for being less noisy.
    chosen_by, measured = (np.sum(residual[:, i::2] ** 2, axis=(1, 2)) for i in (0, 1))
    flattest = np.argsort(chosen_by)[: max(6, len(blocks) // 20)]
    deviation = np.sqrt(measured[flattest] / ((_SIDE**2 - _quadratic_surfaces().shape[1]) / 2)) * 255
    low, middle, high = np.quantile(deviation, (0.1, 0.5, 0.9))
    correlation = _neighbour_correlation(residual[flattest])
    return _FlatNoise(middle, correlation, high / max(low, _ROUNDING), serving[flattest])


def _chroma_correlation(red: np.ndarray, green: np.ndarray, where: np.ndarray) -> float:
    """Of neighbouring pixels of red less green, both (H, W), in some of their blocks; 0 where they are the same."""
    chosen = np.unravel_index(where, _blocks(green).shape[:2])
    difference = to_float(_blocks(red)[chosen]) - to_float(_blocks(green)[chosen])
    residual = _residual(difference.reshape(-1, _SIDE**2))
    return _neighbour_correlation(residual) if difference.any() else 0.0


def _residual(blocks: np.ndarray) -> np.ndarray:
    """(n, 144) → (n, 12, 12), less the quadratic surface that fits each best."""
    surfaces = _quadratic_surfaces()
    residual: np.ndarray = (blocks - (blocks @ surfaces) @ surfaces.T).reshape(-1, _SIDE, _SIDE)
    return residual


def _blocks(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (rows, columns, 12, 12), a view; evenly spaced ones of a large image."""
    rows, columns = (n // _SIDE for n in plane.shape)
    blocks = plane[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE).swapaxes(1, 2)
    stride = int(np.ceil(np.sqrt(max(1, rows * columns / _MOST_BLOCKS))))
    return blocks[::stride, ::stride]


def _middle(plane: np.ndarray) -> np.ndarray:
    """The plane (H, W), or of a large one a part."""
    top, left = (max(0, (side - _LARGEST_SIDE) // 2) for side in plane.shape)
    return plane[top : top + _LARGEST_SIDE, left : left + _LARGEST_SIDE]


def _quadratic_surfaces() -> np.ndarray:
    """Orthonormal basis (144, 6) of the surfaces a + bx + cy + dxy + ex² + fy² on a block."""
    y, x = (axis.ravel() for axis in np.mgrid[:_SIDE, :_SIDE])
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x**2, y**2], axis=1).astype(np.float32))[0]


def _neighbour_correlation(residual: np.ndarray) -> float:
    """Correlation of pixels side by side and one above the other, over blocks (n, 12, 12)."""
    beside = np.sum(residual[:, :, 1:] * residual[:, :, :-1])
    above = np.sum(residual[:, 1:] * residual[:, :-1])
    return float((beside + above) / 2 / (np.sum(residual**2) * (_SIDE - 1) / _SIDE))


def _wavelet_sigma(plane: np.ndarray) -> float:
    """The value of scikit-image's `estimate_sigma`, without the second that importing it takes."""
    details = _high_pass(_high_pass(plane).T)
    details = details[details != 0]  # exactly flat areas, such as saturated ones, hold no noise to measure
    return float(np.median(np.abs(details)) / _MEDIAN_ABSOLUTE * 255) if details.size else 0.0


def _high_pass(plane: np.ndarray) -> np.ndarray:
    """Filter along the last axis, mirrored at the borders, and keep every second value."""
    count = (plane.shape[-1] + 3) // 2
    mirrored = np.pad(plane, ((0, 0), (2, 3)), mode="symmetric")
    filtered = np.zeros((len(plane), count), np.float32)
    for i, weight in enumerate(_HIGH_PASS):
        filtered += weight * mirrored[:, 3 - i :: 2][:, :count]
    return filtered
