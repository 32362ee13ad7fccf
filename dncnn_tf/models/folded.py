"""A DnCNN as plain arrays, batch normalisation folded in: what every engine but Keras is given. No Keras here."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ..config import ModelConfig
from .cards import ModelError, checked_config
from .limits import require_small_weights

_EPSILON = 1e-3  # Keras' default


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


def fold(
    conv: list[np.ndarray], norm: list[np.ndarray] | None, epsilon: float = _EPSILON
) -> tuple[np.ndarray, np.ndarray]:
    """One convolution and the batch normalisation after it as one convolution.

    Args:
        conv: kernel (3, 3, in, out), and bias (out,) where it has one.
        norm: scale γ, shift β, mean and variance, each (out,), or None.
        epsilon: what the normalisation adds to the variance.

    Returns:
        Kernel and bias, float32.
    """
    kernel, *bias = (np.asarray(values, np.float64) for values in conv)
    shift = bias[0] if bias else np.zeros(kernel.shape[-1])
    if norm is not None:
        gamma, beta, mean, variance = (np.asarray(values, np.float64) for values in norm)
        scale = gamma / np.sqrt(variance + epsilon)
        kernel, shift = kernel * scale, beta + (shift - mean) * scale
    return kernel.astype(np.float32), shift.astype(np.float32)


def read_weights(path: Path, name: str) -> Network:
    """Read a `.weights.h5` file with its card beside it.

    Args:
        path: of the file.
        name: of the model.

    Raises:
        ModelError: one is missing or damaged, or they do not belong together.
    """
    config = checked_config(path)
    try:
        require_small_weights(path, config)
        with h5py.File(path) as file:
            layers = {group["vars"].attrs["name"]: _values(group["vars"]) for group in file["layers"].values()}
        folded = []
        for i in range(1, config.depth + 1):
            folded.append(fold(layers[f"conv_{i}"], layers.get(f"bn_{i}")))
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: the weights do not fit {config} ({error})") from error
    kernels, biases = zip(*folded, strict=True)
    return Network(name, dataclasses.replace(config, batch_norm=False), kernels, biases)


def _values(variables: h5py.Group) -> list[np.ndarray]:
    return [variables[str(i)][...] for i in range(len(variables))]
