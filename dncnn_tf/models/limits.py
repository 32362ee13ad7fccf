"""What a model file may take in memory: files that unpack to more are refused before they are read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py

from ..config import ModelConfig
from .cards import ModelError

_LARGEST = 200_000_000  # bytes; DnCNN-B with optimizer state has 7 million


def require_small_archive(path: Path) -> None:
    """Check a `.keras` file: what it unpacks to, and the arrays in it.

    Raises:
        ModelError: it is too large.
    """
    with zipfile.ZipFile(path) as archive:
        _require(path, sum(entry.file_size for entry in archive.infolist()))
        for entry in archive.infolist():
            if entry.filename.endswith(".h5"):
                _require(path, _array_bytes(io.BytesIO(archive.read(entry))))


def require_small_weights(path: Path, config: ModelConfig) -> None:
    """Check a `.weights.h5` file and the network that its card asks for.

    Raises:
        ModelError: they are too large.
        OSError: it is no HDF5 file.
    """
    _require(path, max(_array_bytes(path), 4 * 9 * config.filters**2 * config.depth))


def _require(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise ModelError(
            f"{path}: unpacks to {size / 1e6:,.0f} MB; a DnCNN has some 3, at most {_LARGEST / 1e6:,.0f} are read"
        )


def _array_bytes(file: Path | BinaryIO) -> int:
    """What the arrays of an HDF5 file take in memory, which its own size does not tell."""
    sizes = []
    with h5py.File(file, "r") as content:
        content.visititems(lambda name, each: sizes.append(each.nbytes) if isinstance(each, h5py.Dataset) else None)
    return sum(sizes)
