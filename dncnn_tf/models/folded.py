"""A DnCNN as plain arrays, batch normalisation folded in: what every engine is given. No Keras here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import ModelConfig
from .calibration import Calibration

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
        calibration: what int8 needs; None where nobody asked for it.
    """

    name: str
    config: ModelConfig
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    calibration: Calibration | None = None


def fold(name: str, config: ModelConfig, layers: dict[str, list[np.ndarray]], *, epsilon: float = EPSILON) -> Network:
    """Fold each batch normalisation into the convolution before it.

    Args:
        name: of the model.
        config: its shape, with or without batch normalisation.
        layers: for `conv_1` and so on, kernel (3, 3, in, out) and, where there is one, bias (out,); for `bn_2` and so
            on, scale γ, shift β, mean and variance, each (out,).
        epsilon: what the normalisation adds to the variance.

    Raises:
        KeyError, ValueError: these layers do not make such a model, or hold what is no number.
    """
    _require_layers(config, layers)
    _require_finite(layers)
    with np.errstate(all="ignore"):  # what becomes of it is looked at
        folded = [_fold(layers[f"conv_{i}"], layers.get(f"bn_{i}"), epsilon) for i in range(1, config.depth + 1)]
    _require_finite({f"conv_{i}, normalised": arrays for i, arrays in enumerate(folded, 1)})
    widths = (config.channels, *(config.filters,) * (config.depth - 1), config.channels)
    for i, (kernel, bias) in enumerate(folded, 1):
        expected = (3, 3, *widths[i - 1 : i + 1])
        if (kernel.shape, bias.shape) != (expected, expected[-1:]):
            raise ValueError(f"conv_{i} must be {expected}. Received: {kernel.shape}")
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


def _require_layers(config: ModelConfig, layers: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Neither more nor fewer than the configuration's: one that is passed over would be another function."""
    expected = {f"conv_{i}" for i in range(1, config.depth + 1)}
    expected |= {f"bn_{i}" for i in range(2, config.depth)} if config.batch_norm else set()
    received = {name for name, arrays in layers.items() if arrays}
    for name in sorted(expected ^ received):
        raise ValueError(f"{name} is {'missing' if name in expected else 'one layer too many'}")


def _require_finite(layers: Mapping[str, Sequence[np.ndarray]]) -> None:
    for name, arrays in layers.items():
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"weights must be finite numbers. Received: NaN or infinity in {name}")
