"""What a model file may take in memory: files that unpack to more are refused before they are read."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from .cards import ModelError
from .hdf5 import LARGEST, Arrays, HDF5Error

_DEEPEST = 1000
"""Layers of a network; the deepest that is known as DnCNN has 20."""

_ENTRIES = ("metadata.json", "config.json", "model.weights.h5")

_LAYERS = ("InputLayer", "Conv2D", "BatchNormalization", "FusedBatchNormalization", "ReLU", "Activation", "Subtract")
"""What a DnCNN is made of. Others may take any amount of memory when they are built."""

_PARTS = ("keras", "keras.initializers")
"""Modules of what belongs to a layer."""

_TENSOR = "__keras_tensor__"


def require_small_file(path: Path) -> None:
    """Check a file's own size, before it is read.

    Raises:
        ModelError: it is too large.
        OSError: it is not there.
    """
    _require(path, path.stat().st_size)


def require_small_network(path: Path, depth: int, filters: int) -> None:
    """Check the network that a file asks for.

    Raises:
        ModelError: it is too large.
    """
    if depth > _DEEPEST:
        raise ModelError(f"{path}: asks for {depth:,} layers; DnCNN-B has 20, at most {_DEEPEST:,} are built")
    _require(path, 4 * 9 * filters**2 * depth)


def require_small_unpacked(path: Path) -> None:
    """Check what a ZIP archive unpacks to.

    Raises:
        ModelError: that is too large.
    """
    with zipfile.ZipFile(path) as archive:
        _require(path, sum(entry.file_size for entry in archive.infolist()))


def require_small_archive(path: Path) -> None:
    """Check a `.keras` file: what it unpacks to, the arrays in it, and the network that it describes.

    Raises:
        ModelError: it is too large, or describes no DnCNN.
    """
    require_small_unpacked(path)
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        if names != sorted(_ENTRIES):
            raise _none(path, f"holds {', '.join(names[:5])}")
        _require_small_layers(path, json.loads(archive.read("config.json")))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            try:
                Arrays(file)
            except HDF5Error as error:
                raise ModelError(f"{path}: {error}") from None


def _require_small_layers(path: Path, model: dict[str, Any]) -> None:
    """Check a network as Keras describes it, of which Keras would build, and import, whatever it names."""
    layers = model["config"]["layers"]
    for layer in layers:
        if layer["class_name"] not in _LAYERS or layer["module"].split(".")[0] not in ("keras", "dncnn_tf"):
            raise ModelError(
                f"{path}: not a DnCNN saved by Keras, or damaged (a layer of the kind {layer['class_name']})"
            )
        for part in _objects([layer["config"], layer["inbound_nodes"]]):
            if part.get("module") not in _PARTS and part["class_name"] != _TENSOR:
                raise _none(path, f"names a {part['class_name']}")
    convolutions = [layer["config"] for layer in layers if layer["class_name"] == "Conv2D"]
    if model["class_name"] != "Functional" or len(convolutions) > _DEEPEST:
        raise ModelError(
            f"{path}: not a DnCNN saved by Keras, or damaged ({model['class_name']} of {len(layers):,} layers)"
        )
    widest = max(width for layer in layers for width in _widths(layer))
    _require(path, sum(4 * math.prod(each["kernel_size"]) * widest**2 for each in convolutions))


def _widths(layer: dict[str, Any]) -> list[int]:
    """How many features a layer has or gets, wherever it is said."""
    shapes = (layer["config"].get("batch_shape"), layer.get("build_config", {}).get("input_shape"))
    lasts = [shape[-1] for shape in shapes if shape]
    return [layer["config"].get("filters", 1), *(last for last in lasts if not isinstance(last, list))]


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """What a configuration says is to be made, at any depth."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _none(path: Path, why: str) -> ModelError:
    return ModelError(f"{path}: not a DnCNN saved by Keras, or damaged ({why})")


def _require(path: Path, size: int) -> None:
    if size > LARGEST:
        raise ModelError(
            f"{path}: unpacks to {size / 1e6:,.0f} MB; a DnCNN has some 3, at most {LARGEST / 1e6:,.0f} are read"
        )
