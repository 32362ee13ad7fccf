"""Models of every kind, read and written; those with a card are checked by SHA-256 against it before use.

Keras, which takes seconds to import, is imported only where it is needed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import ModelConfig
from ..errors import first_line
from ..files import atomic_path, write_json
from .calibration import read_calibrations, uncalibrated
from .cards import ModelError, shipped_models
from .folded import Network, fold
from .limits import require_small_archive
from .source import Source, find_source
from .weights_file import card_of_weights, misfit, read_layers

if TYPE_CHECKING:
    import keras
    import numpy as np


def load_model(name_or_path: str | Path) -> keras.Model:
    """Load a DnCNN as it was trained, batch normalisation included.

    Args:
        name_or_path: a shipped model's name, a `.keras` file, a `.weights.h5` file with its card (same name, `.json`)
            beside it, or a run folder (its best model is taken).

    Returns:
        A model as `dncnn_tf.build_dncnn` makes it: noisy images, float32 (N, H, W, C) in [0, 1] → denoised ones.

    Raises:
        ModelError: there is none, it is damaged, its weights do not fit, it is not a DnCNN, or it is an export.
    """
    return read_model(find_source(name_or_path))


def read_model(source: Source) -> keras.Model:
    """The same, of what was found."""
    match source.kind:
        case "shipped" | "weights":
            return _read_weights(source.path)
        case "keras" | "run":
            return _read_keras(source)
    raise _exported(source)


def read_network(source: Source) -> Network:
    """A trained DnCNN as plain arrays, batch normalisation folded in; without Keras where the file allows.

    Raises:
        ModelError: as for `load_model`.
    """
    match source.kind:
        case "shipped" | "weights":
            config, layers = read_layers(source.path)
            return _folded(source.path, source.name, config, layers)
        case "keras" | "run":
            from .dncnn import to_network

            return to_network(_read_keras(source), source.name)
    raise _exported(source)


def read_calibrated(source: Source) -> Network:
    """The same with what int8 needs for any picture, which is beside the models in the box.

    Raises:
        ModelError: as for `load_model`; or it is not there, or is damaged.
    """
    if source.kind not in ("shipped", "weights"):
        raise uncalibrated(source.path)
    network = read_network(source)
    return dataclasses.replace(network, calibration=read_calibrations(source.path, network.config)[-1])


def _exported(source: Source) -> ModelError:
    return ModelError(
        f"{source.path}: not a model, but what was exported of one; give a name ({', '.join(shipped_models())}), a "
        ".keras file, a .weights.h5 with its card beside it, or a run folder"
    )


def _read_keras(source: Source) -> keras.Model:
    path = source.path
    if not path.exists() and source.kind == "run":
        raise ModelError(f"{path.parent}: this run has no model yet ({path.name} appears after its first epoch)")
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path}: damaged, or not saved by Keras; take another copy")
    import keras

    from .dncnn import to_network  # also registers the layer that saved models name

    try:
        require_small_archive(path)
        model = keras.saving.load_model(path, compile=False)  # safe_mode: code in the file is not run
        to_network(model)  # refuses another network, and weights that are no numbers
    except ModelError:
        raise
    except Exception as error:  # a damaged or foreign archive fails in many ways
        raise ModelError(f"{path}: not a DnCNN saved by Keras, or damaged ({first_line(error)})") from error
    return model


def _read_weights(path: Path) -> keras.Model:
    from .dncnn import build_dncnn

    config, layers = read_layers(path)
    _folded(path, path.name, config, layers)  # refuses weights that are no numbers
    model = build_dncnn(config)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(layers[layer.name])
    except (KeyError, ValueError) as error:
        raise misfit(path, config, error) from error
    return model


def _folded(path: Path, name: str, config: ModelConfig, layers: dict[str, list[np.ndarray]]) -> Network:
    try:
        return fold(name, config, layers)
    except (KeyError, ValueError) as error:
        raise misfit(path, config, error) from error


def save_model(model: keras.Model, target: Path, *, overwrite: bool = True) -> None:
    """Save a `.keras` file such that an interruption leaves the old one, or none; `overwrite` replaces one."""
    with atomic_path(target, overwrite=overwrite) as path:
        model.save(path)


def save_weights(model: keras.Model, target: Path, card: dict[str, Any]) -> None:
    """Write `NAME.weights.h5` and, beside it, its card with the model's configuration and the weights' SHA-256.

    Args:
        model: a DnCNN.
        target: the weights file; its name ends in `.weights.h5`.
        card: what is known of the model.
    """
    from .dncnn import model_config

    with atomic_path(target) as path:
        model.save_weights(path)
    content = {
        **card,
        "model": vars(model_config(model)),
        "parameters": model.count_params(),
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
    }
    write_json(card_of_weights(target), content)
