"""How noisy an image is, estimated from the image alone."""

from __future__ import annotations

import numpy as np

from .arrays import ImageLike, to_batch

# Daubechies' high-pass filter with two vanishing moments: blind to flat and sloping areas.
_HIGH_PASS = (-0.48296291314469025, 0.836516303737469, -0.22414386804185735, -0.12940952255092145)

# Median absolute value of standard normal noise: the 0.75 quantile.
_MEDIAN_ABSOLUTE = 0.6744897501960817


def estimate_sigma(image: ImageLike) -> float:
    """Estimate the standard deviation of white Gaussian noise (Donoho and Johnstone, 1994).

    The finest diagonal wavelet details of a photograph are mostly noise, and their median absolute value is not
    moved by the few that are not. Fine texture is taken for noise: on clean photographs the estimate is a few levels.
    The value is that of scikit-image's `estimate_sigma`, without the second that importing it takes.

    Args:
        image: as for `dncnn_tf.denoise`; transparency is left out of account.

    Returns:
        σ on the 0–255 scale, the mean over colour channels and images.
    """
    batch = to_batch(image).pixels  # (N, H, W, C)
    planes = np.moveaxis(batch, -1, 1).reshape(-1, *batch.shape[1:3])
    return float(np.mean([_plane_sigma(plane) for plane in planes]) * 255)


def _plane_sigma(plane: np.ndarray) -> float:
    details = _high_pass(_high_pass(plane).T)
    details = details[details != 0]  # exactly flat areas, such as saturated ones, hold no noise to measure
    return float(np.median(np.abs(details)) / _MEDIAN_ABSOLUTE) if details.size else 0.0


def _high_pass(plane: np.ndarray) -> np.ndarray:
    """Filter along the last axis, mirrored at the borders, and keep every second value."""
    count = (plane.shape[-1] + 3) // 2
    mirrored = np.pad(plane, ((0, 0), (2, 3)), mode="symmetric")
    return sum(weight * mirrored[:, 3 - i :: 2][:, :count] for i, weight in enumerate(_HIGH_PASS))
