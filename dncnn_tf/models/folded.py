"""A DnCNN as plain arrays, batch normalisation folded in: what every engine is given. No Keras here."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ..config import ModelConfig

EPSILON = 1e-3
"""What batch normalisation adds to the variance, by Keras' default."""


@dataclass(frozen=True)
class Network:
    """The convolutions of a DnCNN, with a ReLU after all but the last.

    Attributes:
        name: of the model.
        config: its shape, without batch normalisation.
        kernels: float32 (3, 3, in, out), first to last.
        biases: float32 (out,), likewise.
    """

    name: str
    config: ModelConfig
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]


def fold(name: str, config: ModelConfig, layers: dict[str, list[np.ndarray]], *, epsilon: float = EPSILON) -> Network:
    """Fold each batch normalisation into the convolution before it.

    Args:
        name: of the model.
        config: its shape, with or without batch normalisation.
        layers: for `conv_1` and so on, kernel (3, 3, in, out) and, where there is one, bias (out,); for `bn_2` and so
            on, scale γ, shift β, mean and variance, each (out,).
        epsilon: what the normalisation adds to the variance.

    Raises:
        KeyError, ValueError: these layers do not make such a model.
    """
    folded = [_fold(layers[f"conv_{i}"], layers.get(f"bn_{i}"), epsilon) for i in range(1, config.depth + 1)]
    kernels, biases = zip(*folded, strict=True)
    return Network(name, dataclasses.replace(config, batch_norm=False), kernels, biases)


def _fold(conv: list[np.ndarray], norm: list[np.ndarray] | None, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    kernel, *bias = (np.asarray(values, np.float64) for values in conv)
    shift = bias[0] if bias else np.zeros(kernel.shape[-1])
    if norm is not None:
        gamma, beta, mean, variance = (np.asarray(values, np.float64) for values in norm)
        scale = gamma / np.sqrt(variance + epsilon)
        kernel, shift = kernel * scale, beta + (shift - mean) * scale
    return kernel.astype(np.float32), shift.astype(np.float32)
