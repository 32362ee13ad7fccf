"""Start a model from a trained one, of the same shape, shallower, or grey for a colour model, and end nearer to it."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from .batch_norm import batch_norms
from .dncnn import convolutions, model_config


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy a trained DnCNN into another one; layers that the source lacks begin as the identity.

    New layers (Conv + BN + ReLU) come right before the last convolution, where their input has passed a ReLU: since
    ReLU is idempotent, the deeper network computes the source's function exactly until training goes on.

    Of a colour model started from a grey one, each filter of the first layer looks at one channel, in turn, and each
    channel gets the same residual: on a grey picture in RGB it computes the source's function exactly. (Filters that
    look at the mean of the channels keep it too, but are alike to every channel, and training does not part them.)

    Args:
        source: the trained model.
        target: the model to fill, in place; at least as deep, grey or colour, otherwise of the same configuration.

    Raises:
        ValueError: the two differ in more than that.
    """
    have, want = model_config(source), model_config(target)
    if dataclasses.replace(have, depth=want.depth, channels=want.channels) != want or not (
        have.depth <= want.depth and have.channels <= want.channels
    ):
        raise ValueError(
            "a model can start from one that has the same filters, residual and batch_norm, is not deeper, and is grey "
            f"if the model is. Received: a start of {have} for a model of {want}"
        )
    sources, targets, norms = convolutions(source), convolutions(target), batch_norms(source)
    copies = want.channels // have.channels
    for old, new in zip(sources[1:-1], targets[1 : have.depth - 1], strict=True):
        new.set_weights(old.get_weights())
    kernel, bias = sources[0].get_weights()
    turns = np.arange(kernel.shape[-1]) % copies == np.arange(copies)[:, None]  # (channels, filters)
    targets[0].set_weights([np.tile(kernel, (1, 1, copies, 1)) * turns, bias])
    kernel, bias = sources[-1].get_weights()
    targets[-1].set_weights([np.tile(kernel, (1, 1, 1, copies)), np.tile(bias, copies)])
    for i in range(2, have.depth):
        if have.batch_norm:
            target.get_layer(f"bn_{i}").set_weights(source.get_layer(f"bn_{i}").get_weights())
    mean, variance = _rectified_moments(norms[-1]) if norms else (np.zeros(have.filters), np.ones(have.filters))
    for i in range(have.depth, want.depth):
        _set_identity(target, i, mean, variance)


def mix_in(model: keras.Model, start: list[np.ndarray], share: float) -> None:
    """Bring a model back towards what it started from, in place: share · start + (1 − share) · model.

    Along the line between a model and what it was fine-tuned to, its function changes smoothly (Wortsman et al.,
    *Robust fine-tuning of zero-shot models*, 2022).

    Args:
        model: with the statistics of its start, if it normalises.
        start: the start's weights, as `get_weights` gives them.
        share: from 0 to 1.
    """
    model.set_weights([share * old + (1 - share) * new for old, new in zip(start, model.get_weights(), strict=True)])


def _set_identity(model: keras.Model, i: int, mean: np.ndarray, variance: np.ndarray) -> None:
    conv = model.get_layer(f"conv_{i}")
    kernel = np.zeros(conv.kernel.shape, np.float32)
    kernel[1, 1] = np.eye(kernel.shape[-1])
    conv.set_weights([kernel] if not conv.use_bias else [kernel, np.zeros(kernel.shape[-1], np.float32)])
    if any(layer.name == f"bn_{i}" for layer in model.layers):
        norm = model.get_layer(f"bn_{i}")
        norm.set_weights([np.sqrt(variance + norm.epsilon), mean, mean, variance])


def _rectified_moments(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each feature after a normalisation and a ReLU.

    Its output is close to a normal distribution of mean β and deviation |γ|; rectified, that has these moments. With
    them, a new layer's batch statistics in training agree with those that make it the identity.
    """
    from scipy.stats import norm as normal

    gamma, beta = (np.asarray(weights, np.float64) for weights in norm.get_weights()[:2])
    sigma = np.maximum(np.abs(gamma), 1e-6)
    inside, density = normal.cdf(beta / sigma), normal.pdf(beta / sigma)
    mean = beta * inside + sigma * density
    variance = (beta**2 + sigma**2) * inside + beta * sigma * density - mean**2
    return mean.astype(np.float32), np.maximum(variance, 0).astype(np.float32)
