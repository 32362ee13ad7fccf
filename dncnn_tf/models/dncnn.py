"""The network of the paper's Fig. 1 as a Keras functional model, on any Keras backend."""

from __future__ import annotations

import itertools
import math

import keras
from keras import layers

from ..config import Initialization, ModelConfig
from .batch_norm import FusedBatchNormalization, batch_norms
from .folded import EPSILON, Network, fold
from .structure import require_dncnn

# Share of the OLD statistics that a training step keeps. Keras' default of 0.99 needs hundreds of steps to catch
# up, so that early validations would be made with stale statistics; 0.9 follows within a few dozen.
BATCH_NORM_MOMENTUM = 0.9


def build_dncnn(
    config: ModelConfig,
    *,
    initialization: Initialization = "he",
    dtype: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Build an untrained DnCNN.

    Args:
        config: depth, width, channels and the two ablations of Fig. 2.
        initialization: "he" as published, or "identity": orthogonal kernels and a last convolution of zeros, so
            that a residual network starts as the identity.
        dtype: Keras dtype policy of the arithmetic, such as "float32" or "mixed_bfloat16".
        seed: makes the initial weights reproducible.

    Returns:
        A model from noisy images, float32 (N, H, W, channels) in [0, 1], to denoised ones of the same shape and
        float32 in any case. Any H and W of at least 1. The output is not clipped.
    """
    seeds = itertools.count(1000 * seed) if seed is not None else itertools.repeat(None)

    def conv(filters: int, name: str, last: bool = False, **options: object) -> layers.Conv2D:
        if initialization == "he":
            kernel = keras.initializers.HeNormal(seed=next(seeds))
        elif last:
            kernel = keras.initializers.Zeros()
        else:
            kernel = keras.initializers.Orthogonal(gain=math.sqrt(2), seed=next(seeds))
        return layers.Conv2D(filters, 3, padding="same", kernel_initializer=kernel, dtype=dtype, name=name, **options)

    noisy = keras.Input((None, None, config.channels), name="noisy")  # (N, H, W, channels)
    x = conv(config.filters, "conv_1", activation="relu")(noisy)  # (N, H, W, filters)
    for i in range(2, config.depth):
        x = conv(config.filters, f"conv_{i}", use_bias=not config.batch_norm)(x)
        if config.batch_norm:
            x = FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=dtype, name=f"bn_{i}")(x)
        x = layers.ReLU(dtype=dtype, name=f"relu_{i}")(x)
    x = conv(config.channels, f"conv_{config.depth}", last=True)(x)  # (N, H, W, channels)
    if config.residual:
        denoised = layers.Subtract(dtype="float32", name="denoised")([noisy, x])
    else:
        denoised = layers.Activation("linear", dtype="float32", name="denoised")(x)
    return keras.Model(noisy, denoised, name="dncnn")


def model_config(model: keras.Model) -> ModelConfig:
    """Read the configuration back from a DnCNN's layers.

    Raises:
        ValueError: the model is not a DnCNN, to the last setting of its layers.
    """
    convs = convolutions(model)
    if len(convs) < 3 or model.get_layer(index=-1).name != "denoised":
        raise ValueError(
            f"expected a DnCNN: at least 3 convolutions and an output named 'denoised'. "
            f"Received: model={model.name!r} with {len(convs)} convolutions"
        )
    config = ModelConfig(
        depth=len(convs),
        filters=convs[0].filters,
        channels=convs[-1].filters,
        residual=any(isinstance(layer, layers.Subtract) for layer in model.layers),
        batch_norm=bool(batch_norms(model)),
    )
    require_dncnn(model, config)
    return config


def convolutions(model: keras.Model) -> list[layers.Conv2D]:
    """The model's convolutions, first to last."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def fold_batch_norm(model: keras.Model, *, dtype: str = "float32") -> keras.Model:
    """The same function without batch normalisation: each one's scale and shift go into the convolution before it.

    Args:
        model: a DnCNN with or without batch normalisation; it is left as it is.
        dtype: Keras dtype policy of the new model.

    Returns:
        A new model that differs from the inference of `model` by float32 rounding only.

    Raises:
        ValueError: the model is not a DnCNN.
    """
    return from_network(to_network(model), dtype=dtype)


def to_network(model: keras.Model, name: str | None = None) -> Network:
    """A DnCNN's weights as plain arrays, each batch normalisation folded into the convolution before it.

    Args:
        model: a DnCNN with or without batch normalisation.
        name: what to call it; None for the name that it has in Keras.

    Raises:
        ValueError: the model is not a DnCNN, or its weights are no numbers.
    """
    config, norms = model_config(model), batch_norms(model)
    layers = {layer.name: layer.get_weights() for layer in (*convolutions(model), *norms)}
    return fold(name or model.name, config, layers, epsilon=norms[0].epsilon if norms else EPSILON)


def from_network(network: Network, *, dtype: str = "float32") -> keras.Model:
    """A folded DnCNN as a Keras model.

    Args:
        network: its weights and shape.
        dtype: Keras dtype policy.
    """
    model = build_dncnn(network.config, dtype=dtype)
    for layer, kernel, bias in zip(convolutions(model), network.kernels, network.biases, strict=True):
        layer.set_weights([kernel, bias])
    return model


def in_float32(model: keras.Model) -> keras.Model:
    """The same DnCNN, batch normalisation and all, computing in float32, in whatever precision it was trained."""
    twin = build_dncnn(model_config(model))
    twin.set_weights(model.get_weights())
    for theirs, ours in zip(batch_norms(model), batch_norms(twin), strict=True):
        ours.epsilon = theirs.epsilon
    return twin
