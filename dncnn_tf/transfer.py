"""Start a model from a trained one, of the same depth or shallower."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from .model import convolutions, model_config


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy a trained DnCNN into another one; layers that the source lacks begin as the identity.

    New layers (Conv + BN + ReLU) come right before the last convolution, where their input has passed a ReLU: since
    ReLU is idempotent, the deeper network computes the source's function exactly until training goes on.

    Args:
        source: the trained model.
        target: the model to fill, in place; at least as deep, otherwise of the same configuration.

    Raises:
        ValueError: the two differ in more than depth, or the target is shallower.
    """
    have, want = model_config(source), model_config(target)
    same = (have.filters, have.channels, have.residual, have.batch_norm) == (
        want.filters,
        want.channels,
        want.residual,
        want.batch_norm,
    )
    if not same or have.depth > want.depth:
        raise ValueError(
            "a model can start from one that has the same filters, channels, residual and batch_norm and is not "
            f"deeper. Received: a start of {have} for a model of {want}"
        )
    sources, targets = convolutions(source), convolutions(target)
    for old, new in zip([*sources[:-1], sources[-1]], [*targets[: have.depth - 1], targets[-1]], strict=True):
        new.set_weights(old.get_weights())
    for i in range(2, have.depth):
        if have.batch_norm:
            target.get_layer(f"bn_{i}").set_weights(source.get_layer(f"bn_{i}").get_weights())
    mean, variance = _rectified_moments(source)
    for i in range(have.depth, want.depth):
        _set_identity(target, i, mean, variance)


def _set_identity(model: keras.Model, i: int, mean: np.ndarray, variance: np.ndarray) -> None:
    conv = model.get_layer(f"conv_{i}")
    kernel = np.zeros(conv.kernel.shape, np.float32)
    kernel[1, 1] = np.eye(kernel.shape[-1])
    conv.set_weights([kernel] if not conv.use_bias else [kernel, np.zeros(kernel.shape[-1], np.float32)])
    if any(layer.name == f"bn_{i}" for layer in model.layers):
        norm = model.get_layer(f"bn_{i}")
        norm.set_weights([np.sqrt(variance + norm.epsilon), mean, mean, variance])


def _rectified_moments(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each feature after the last ReLU, as batch normalisation says they are.

    Its output is close to a normal distribution of mean β and deviation |γ|; rectified, that has these moments. With
    them, a new layer's batch statistics in training agree with those that make it the identity.
    """
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        filters = model_config(model).filters
        return np.zeros(filters, np.float32), np.ones(filters, np.float32)
    from scipy.stats import norm as normal

    gamma, beta = (np.asarray(weights, np.float64) for weights in norms[-1].get_weights()[:2])
    sigma = np.maximum(np.abs(gamma), 1e-6)
    inside, density = normal.cdf(beta / sigma), normal.pdf(beta / sigma)
    mean = beta * inside + sigma * density
    variance = (beta**2 + sigma**2) * inside + beta * sigma * density - mean**2
    return mean.astype(np.float32), np.maximum(variance, 0).astype(np.float32)
