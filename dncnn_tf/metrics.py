"""PSNR and SSIM as the paper counts them."""

from __future__ import annotations

import numpy as np


def psnr(reference: np.ndarray, image: np.ndarray, *, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio, 10·log10(peak² / MSE), over all pixels and channels together.

    Args:
        reference: the clean image, any shape.
        image: the image to judge, same shape and scale.
        peak: the largest possible value: 255 for 8-bit levels, 1 for [0, 1].

    Returns:
        Decibels; infinity for equal images.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != image.shape:
        raise ValueError(f"images must have the same shape. Received: {reference.shape} and {image.shape}")
    error = np.mean((np.asarray(reference, np.float64) - np.asarray(image, np.float64)) ** 2)
    return float(10 * np.log10(peak**2 / error)) if error > 0 else float("inf")
