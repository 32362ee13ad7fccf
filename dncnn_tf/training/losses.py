"""What training lowers and what it shows, by the names that checkpoints know them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="dncnn_tf")
def psnr(clean: tf.Tensor, denoised: tf.Tensor) -> tf.Tensor:
    """PSNR in dB of each image of a batch, float32 (N, H, W, C) in [0, 1] → (N,)."""
    return -10 * keras.ops.log10(keras.ops.maximum(_mean_squared_error(clean, denoised), 1e-10))


@keras.saving.register_keras_serializable(package="dncnn_tf")
def negative_psnr(clean: tf.Tensor, denoised: tf.Tensor) -> tf.Tensor:
    """Minus the PSNR in dB of each image of a batch, as far as it is below 50 dB: float32 (N, H, W, C) → (N,).

    The squared error of a blind model is mostly that of the noisiest patches; the tables average PSNR instead.
    """
    return 10 * keras.ops.log10(_mean_squared_error(clean, denoised) + 1e-5)


@keras.saving.register_keras_serializable(package="dncnn_tf")
def root_mean_squared_error(clean: tf.Tensor, denoised: tf.Tensor) -> tf.Tensor:
    """Root mean squared error of each image of a batch on the 0–255 scale: float32 (N, H, W, C) → (N,).

    Between the squared error and the PSNR. Of a low-resolution picture nearly all error is at its edges, and a patch
    of these should count for more than one of sky; in PSNR they count alike.
    """
    return 255 * keras.ops.sqrt(_mean_squared_error(clean, denoised) + 1e-6)


def _mean_squared_error(clean: tf.Tensor, denoised: tf.Tensor) -> tf.Tensor:
    return keras.ops.mean(keras.ops.square(clean - denoised), axis=(1, 2, 3))
