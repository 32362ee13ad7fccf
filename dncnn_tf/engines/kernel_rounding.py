"""Kernels to 8 bits so that what roundings do to the output of a convolution cancels.

Rounded each by itself, taps are wrong by up to half a step, and a convolution adds that up. Here they are rounded one
after the other, and all that are still to come make up for each error, as well as they can on the features that the
convolution is given (Hassibi and Stork, *Second order derivatives for network pruning: Optimal Brain Surgeon*, 1992;
Frantar et al., *GPTQ*, 2022). Some seventh of the noise is left.
"""

from __future__ import annotations

import numpy as np

from .int8 import LARGEST

_DAMPING = 0.003
"""Of the features' mean variance, added to each, so that no error is made up for by what hardly ever varies."""
_LARGEST_SUM = LARGEST + 1
"""Of two taps of one sign."""
_POSITIONS = 60_000
"""Pixels at which features are looked at."""


def neighbourhoods(features: np.ndarray) -> np.ndarray:
    """What taps of a convolution see, at evenly spaced pixels: (N, H, W, in) → float32 (n, 9 · in)."""
    windows = np.lib.stride_tricks.sliding_window_view(features, (3, 3), (1, 2))  # (N, H - 2, W - 2, in, 3, 3)
    count = int(np.prod(windows.shape[:3]))
    chosen = np.unravel_index(np.linspace(0, count - 1, min(count, _POSITIONS)).astype(int), windows.shape[:3])
    seen: np.ndarray = windows[chosen].transpose(0, 2, 3, 1)
    return seen.reshape(len(seen), -1).astype(np.float32)


def rounded_away(taps: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Which taps are to be rounded away from the nearer integer, to that on their other side.

    Two taps of neighbouring channels make at most 128 together where they have one sign, as `int8.in_steps` needs.

    Args:
        taps: a kernel in steps, float32 (3, 3, in, out), as `int8.in_steps` gives it.
        seen: features that it is used on, (n, 9 · in), as `neighbourhoods` gives them. A constant error is of no
            account, since a bias takes it away.

    Returns:
        bool (3, 3, in, out).
    """
    flat = taps.reshape(-1, taps.shape[-1])
    order, influence = _influences(seen)
    left = flat[order].astype(np.float64)
    integers = np.zeros_like(flat)
    for i, tap in enumerate(order):
        beside = integers[_beside(tap, taps.shape[2])]
        below = np.floor(flat[tap])
        wanted = np.where(left[i] - below > 0.5, below + 1, below).clip(-LARGEST, LARGEST)
        integers[tap] = wanted.clip(np.minimum(0, -_LARGEST_SUM - beside), np.maximum(0, _LARGEST_SUM - beside))
        error = left[i] - integers[tap]
        left[i + 1 :] -= influence[i, i + 1 :, None] * error
    away: np.ndarray = (integers != np.rint(flat)).reshape(taps.shape)
    return away


def _influences(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of taps, and how much of the error of each is to be taken from those after it, (taps, taps)."""
    varying = seen - seen.mean(axis=0)
    covariance = (varying.T @ varying / len(seen)).astype(np.float64)
    variances = np.diag(covariance)
    damped = covariance + np.eye(len(variances)) * max(_DAMPING * variances.mean(), np.finfo(np.float32).tiny)
    order = np.argsort(-variances, kind="stable")
    inverse = np.linalg.inv(damped[np.ix_(order, order)])
    upper = np.linalg.cholesky(inverse).T
    return order, upper / np.diag(upper)[:, None]


def _beside(tap: int, channels: int) -> int:
    """The tap whose product is added to this one's first; of a last channel without a neighbour, itself."""
    channel = tap % channels
    return tap - channel + (channel ^ 1) if channel ^ 1 < channels else tap
