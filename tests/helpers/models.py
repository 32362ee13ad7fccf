"""Small models that behave like trained ones."""

from __future__ import annotations

import keras
import numpy as np

from dncnn_tf.config import ModelConfig
from dncnn_tf.models.dncnn import build_dncnn


def trained_like(
    *, channels: int = 1, depth: int = 4, filters: int = 8, batch_norm: bool = True, seed: int = 0
) -> keras.Model:
    """A DnCNN whose batch normalisations have statistics, scales and shifts that matter, and outputs near [0, 1].

    Without batch normalisation, biases matter instead.
    """
    model = build_dncnn(ModelConfig(depth=depth, filters=filters, channels=channels, batch_norm=batch_norm), seed=seed)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta = rng.uniform(0.5, 1.5, filters), rng.normal(0, 0.2, filters)
            mean, variance = rng.normal(0, 0.3, filters), rng.uniform(0.3, 2, filters)
            layer.set_weights([gamma, beta, mean, variance])
        elif not batch_norm and isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([layer.get_weights()[0], rng.normal(0, 0.1, layer.filters)])
    last = model.get_layer(f"conv_{depth}")
    last.set_weights([0.1 * weights for weights in last.get_weights()])
    return model


def untrained(channels: int, depth: int = 4) -> keras.Model:
    """A DnCNN in which every weight counts: any mistake at a tile's border is seen."""
    return build_dncnn(ModelConfig(depth=depth, filters=8, channels=channels), seed=7)
