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
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))


SSIM_WINDOW = 11


def ssim(reference: np.ndarray, image: np.ndarray) -> float:
    """Structural similarity (Wang et al., 2004): an 11×11 Gaussian window of σ 1.5, K = (0.01, 0.03), L = 255.

    Variances are those of the population, and only windows that lie wholly inside the image count.

    Args:
        reference: the clean image, (H, W) or (H, W, C), each side at least 11; channels are averaged.
        image: the image to judge, same shape. Both on the 0–255 scale.

    Returns:
        1 for equal images, less for others.

    Raises:
        ValueError: the shapes differ, or the images are smaller than the window.
    """
    if reference.shape != image.shape:
        raise ValueError(f"images must have the same shape. Received: {reference.shape} and {image.shape}")
    if min(reference.shape[:2]) < SSIM_WINDOW:
        height, width = reference.shape[:2]
        raise ValueError(f"SSIM needs at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels. Received: {height}x{width}")
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            np.asarray(reference, np.float64),
            np.asarray(image, np.float64),
            data_range=255.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=-1 if reference.ndim == 3 else None,
        )
    )
