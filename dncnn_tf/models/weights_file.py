"""A `.weights.h5` file and the card beside it, as plain arrays; checked by SHA-256 before use. No Keras here."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np

from ..config import ModelConfig
from ..errors import first_line
from .cards import ModelError, parse_card, shape_of_card
from .hdf5 import Arrays, HDF5Error
from .limits import require_small_file, require_small_network


def read_layers(path: Path) -> tuple[ModelConfig, dict[str, list[np.ndarray]]]:
    """Read what a model's layers hold.

    Args:
        path: the weights file.

    Returns:
        The model's shape, and the arrays of each layer by its name: `conv_1`, `bn_2` and so on.

    Raises:
        ModelError: file or card is missing or damaged, they do not belong together, or they are too large.
    """
    config = _checked_config(path)
    require_small_network(path, config.depth, config.filters)
    try:
        with h5py.File(path) as file:
            arrays = Arrays(file)
            groups = [group["vars"] for group in file["layers"].values()]
            layers = {_name(group): [arrays.read(group[str(i)]) for i in range(len(group))] for group in groups}
    except HDF5Error as error:
        raise ModelError(f"{path}: {error}") from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise misfit(path, config, error) from error
    return config, layers


def _name(group: h5py.Group) -> str:
    """What a group says that its layer is called."""
    if group.attrs.get_id("name").shape != ():
        raise ValueError("a layer has several names")
    return str(group.attrs["name"])


def misfit(path: Path, config: ModelConfig, error: Exception) -> ModelError:
    """What to say of weights that do not make the model that their card promises."""
    return ModelError(f"{path}: the weights do not fit {config} ({first_line(error)})")


def card_of_weights(weights: Path) -> Path:
    """Where the card of a `.weights.h5` file is: beside it, under the same name with `.json`."""
    return weights.with_name(weights.name.removesuffix(".weights.h5") + ".json")


def _checked_config(weights: Path) -> ModelConfig:
    """The shape of the network whose weights a file holds, by the card beside it, which the file must match.

    Args:
        weights: a `.weights.h5` file.

    Raises:
        ModelError: one of the two is missing or damaged, or they do not belong together.
    """
    card_file = card_of_weights(weights)
    try:
        card = parse_card(card_file)
        require_small_file(weights)
        received = hashlib.sha256(weights.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename}: missing; weights and their card (.json) belong side by side") from None
    config, expected = shape_of_card(card_file, card), card.get("sha256")
    if not isinstance(expected, str):
        raise ModelError(f"{card_file}: not a model card, without the SHA-256 of its weights; take another copy")
    if received != expected:
        raise ModelError(f"{weights}: damaged, its SHA-256 is not the card's ({received[:12]}… for {expected[:12]}…)")
    return config
