"""The released weights, MatConvNet's `.mat` and KAIR's `.pth`, as Keras models."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from ..config import ModelConfig
from ..errors import DnCNNError, OptionError, first_line
from .cards import ModelError
from .hdf5 import Arrays, HDF5Error
from .limits import require_small_file, require_small_network, require_small_unpacked
from .weights import save_model

if TYPE_CHECKING:
    import keras


_MOST_CELLS = 4_000


class ConversionError(DnCNNError):
    """A weights file cannot be converted; the message says which, why and what to do."""


@dataclass(frozen=True)
class Normalization:
    """Batch normalisation, gamma·(x − mean)/sigma + beta; each float32 (filters,).

    Attributes:
        gamma: scale.
        beta: shift.
        mean: of the training batches.
        sigma: standard deviation, the square root of variance plus epsilon.
    """

    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class Convolution:
    """One layer: a correlation, as in Keras, and the normalisation after it.

    Attributes:
        kernel: float32 (3, 3, inputs, outputs).
        bias: float32 (outputs,).
        norm: None where there is none, or where it is merged into the kernel.
    """

    kernel: np.ndarray
    bias: np.ndarray
    norm: Normalization | None = None


def convert_weights(path: str | Path, output: str | Path | None = None, *, overwrite: bool = False) -> keras.Model:
    """Build the network that a released file holds; both formats hold the residual, and the model subtracts it.

    Args:
        path: MatConvNet's `.mat` (MATLAB 7.3) or KAIR's `.pth`; batch normalisation merged or not, any depth,
            grey or RGB.
        output: a `.keras` file to write it to; None for none.
        overwrite: replace that file if it is there.

    Returns:
        A model as `dncnn_tf.build_dncnn` makes it, with batch normalisation if the file has it.

    Raises:
        ConversionError: the file is missing, of another kind, damaged, or of another network, or `output` cannot be
            written.
        OptionError: `output` is no `.keras` file.
    """
    if output is not None:
        _check_target(Path(output), overwrite)
    model = _read(Path(path))
    if output is not None:
        save_model(model, Path(output), overwrite=overwrite)
    return model


def _check_target(output: Path, overwrite: bool) -> None:
    if output.suffix != ".keras":
        raise OptionError(f"`output` must end in .keras. Received: {output}")
    if output.exists() and not overwrite:
        raise ConversionError(f"{output}: exists already; give `overwrite` or another name")
    if not output.parent.is_dir():
        raise ConversionError(f"{output}: there is no folder {output.parent}; create it first")


def _read(path: Path) -> keras.Model:
    readers = {".mat": read_matconvnet, ".pth": read_kair}
    if path.suffix.lower() not in readers:
        raise ConversionError(f"{path}: released weights end in .mat (MatConvNet) or .pth (KAIR)")
    if not path.is_file():
        raise ConversionError(f"{path}: no such file")
    from .dncnn import to_network

    try:
        require_small_file(path)
        convs = readers[path.suffix.lower()](path)
        require_small_network(path, len(convs), max(conv.kernel.shape[-1] for conv in convs))
        model = build_from(convs)
        to_network(model)  # refuses weights that are no numbers
        return model
    except ModelError as error:
        raise ConversionError(str(error)) from None
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise ConversionError(f"{path}: not the weights of a DnCNN ({error})") from error


def build_from(convs: list[Convolution]) -> keras.Model:
    """Build a residual DnCNN from its convolutions, first to last.

    Raises:
        ValueError: they do not make a DnCNN.
    """
    from .dncnn import build_dncnn

    middle_norms = [conv.norm is not None for conv in convs[1:-1]]
    if len(convs) < 3 or convs[0].norm or convs[-1].norm or len(set(middle_norms)) > 1:
        raise ValueError(
            "a DnCNN has at least 3 convolutions, and batch normalisation after all but the first and last or after "
            f"none. Received: {len(convs)} convolutions, {sum(conv.norm is not None for conv in convs)} normalised"
        )
    filters, channels = convs[0].kernel.shape[-1], convs[-1].kernel.shape[-1]
    widths = [channels] + [filters] * (len(convs) - 1) + [channels]
    for number, conv in enumerate(convs, 1):
        expected = (3, 3, *widths[number - 1 : number + 1])
        if conv.kernel.shape != expected or conv.bias.shape != expected[-1:]:
            raise ValueError(f"convolution {number} must be {expected}. Received: {conv.kernel.shape}")
    model = build_dncnn(ModelConfig(depth=len(convs), filters=filters, channels=channels, batch_norm=middle_norms[0]))
    _set_weights(model, convs)
    return model


def _set_weights(model: keras.Model, convs: list[Convolution]) -> None:
    from .batch_norm import batch_norms
    from .dncnn import convolutions

    norms = iter(batch_norms(model))
    for target, conv in zip(convolutions(model), convs, strict=True):
        if conv.norm is None:
            target.set_weights([conv.kernel, conv.bias])
        else:
            target.set_weights([conv.kernel])
            norm = next(norms)
            norm.set_weights(_keras_norm(conv.norm, conv.bias, norm.epsilon))


def _keras_norm(norm: Normalization, bias: np.ndarray, epsilon: float) -> list[np.ndarray]:
    """Gamma, beta, mean and variance for a layer whose convolution has no bias and whose epsilon is another one."""
    sigma = np.asarray(norm.sigma, np.float64)
    variance = np.maximum(sigma**2 - epsilon, 0)
    # A sigma below the square root of epsilon leaves a variance of 0; gamma makes up for the difference.
    gamma = norm.gamma * np.sqrt(variance + epsilon) / sigma
    return [gamma, norm.beta, norm.mean - bias, variance]


def read_matconvnet(path: Path) -> list[Convolution]:
    """Read a SimpleNN network, saved by MATLAB in version 7.3, whose files are HDF5.

    Raises:
        ConversionError: not an HDF5 file, or a damaged one.
        ValueError, KeyError: of another content.
    """
    if not h5py.is_hdf5(path):
        raise ConversionError(f"{path}: not a MATLAB 7.3 file; save it in MATLAB with save(..., '-v7.3')")
    try:
        with h5py.File(path, "r") as file:
            return _matconvnet_convolutions(file)
    except HDF5Error as error:
        raise ConversionError(f"{path}: {error}") from None
    except (OSError, RuntimeError) as error:
        raise ConversionError(f"{path}: damaged ({first_line(error)})") from error


def _matconvnet_convolutions(file: h5py.File) -> list[Convolution]:
    arrays = Arrays(file)
    if "net" not in file or "layers" not in file["net"]:
        raise ValueError("there is no net.layers in it")
    convs: list[Convolution] = []
    for reference in _references(arrays, file["net"]["layers"]):
        layer = file[reference]
        kind = "".join(map(chr, arrays.read(layer["type"]).ravel()))
        if kind == "conv":
            kernel, bias = _cell(arrays, file, layer["weights"])
            # MATLAB keeps (height, width, inputs, outputs), less trailing ones; HDF5 has its axes reversed.
            kernel = kernel.T.reshape(kernel.T.shape + (1,) * (4 - kernel.ndim))
            convs.append(Convolution(kernel, bias.ravel()))
        elif kind == "bnorm":
            gamma, beta, (mean, sigma) = _cell(arrays, file, layer["weights"])
            norm = Normalization(gamma.ravel(), beta.ravel(), mean, sigma)
            convs[-1] = Convolution(convs[-1].kernel, convs[-1].bias, norm)
        elif kind not in ("relu", "loss"):
            raise ValueError(f"a layer of type {kind!r} does not belong to a DnCNN")
    return convs


def _cell(arrays: Arrays, file: h5py.File, cell: h5py.Dataset) -> list[np.ndarray]:
    """The arrays of a MATLAB cell array, which holds references."""
    return [arrays.read(file[reference]) for reference in _references(arrays, cell)]


def _references(arrays: Arrays, cell: h5py.Dataset) -> np.ndarray:
    """What the cells of a MATLAB cell array refer to, of which no part of a network has many."""
    if cell.size > _MOST_CELLS:
        raise ValueError(f"a cell array of {cell.size:,}; a DnCNN has at most {_MOST_CELLS:,} layers and activations")
    return arrays.read(cell).ravel()


def read_kair(path: Path) -> list[Convolution]:
    """Read a PyTorch state dict of KAIR's `DnCNN`.

    Raises:
        ConversionError: PyTorch is not installed, or cannot read the file.
        ValueError, KeyError: of another network.
    """
    try:
        import torch
    except ImportError:
        raise ConversionError(f"{path}: reading .pth needs PyTorch; install it with: pip install torch") from None
    if zipfile.is_zipfile(path):
        require_small_unpacked(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file fails in many ways
        raise ConversionError(f"{path}: PyTorch cannot read weights from it ({first_line(error)})") from error
    return kair_convolutions({name: tensor.numpy() for name, tensor in state.items()})


def kair_convolutions(state: Mapping[str, np.ndarray]) -> list[Convolution]:
    """Sort a state dict's entries, `model.NUMBER.weight` and so on, into layers.

    Raises:
        ValueError, KeyError: of another network.
    """
    convs: list[Convolution] = []
    for number in sorted({_layer_number(name) for name in state}):
        weight, bias = state[f"model.{number}.weight"], state[f"model.{number}.bias"]
        if weight.ndim == 4:  # (outputs, inputs, 3, 3)
            convs.append(Convolution(weight.transpose(2, 3, 1, 0), bias))
        else:
            mean, variance = state[f"model.{number}.running_mean"], state[f"model.{number}.running_var"]
            norm = Normalization(weight, bias, mean, np.sqrt(variance + _TORCH_EPSILON))
            convs[-1] = Convolution(convs[-1].kernel, convs[-1].bias, norm)
    return convs


_TORCH_EPSILON = 1e-4  # KAIR builds its batch normalisation with this instead of PyTorch's 1e-5


def _layer_number(name: str) -> int:
    prefix, number, *_ = name.split(".")
    if prefix != "model" or not number.isdigit():
        raise ValueError(f"the entry {name!r} does not belong to a DnCNN")
    return int(number)
