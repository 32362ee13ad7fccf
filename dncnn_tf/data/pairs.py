"""Photographs that exist twice, noisy and clean: a user's own camera or scanner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..images.formats import SUFFIXES
from .decoding import DatasetError, decode, require_room


def load_pairs(noisy: Path, clean: Sequence[Path], channels: int) -> list[np.ndarray]:
    """Read pairs of images; those that belong together have the same name, up to the ending.

    Args:
        noisy: folder of the noisy images.
        clean: the clean ones, as `datasets.resolve` gives them.
        channels: C, 1 for grey or 3 for RGB.

    Returns:
        uint8 (H, W, 2·C) in the order of `clean`: the noisy image's channels, then the clean one's.

    Raises:
        DatasetError: a folder or an image cannot be read, an image lacks its counterpart, their sizes differ, or they
            do not fit in memory.
    """
    require_room(noisy, clean, 2 * channels)
    pairs = []
    for path in clean:
        try:
            partner = counterpart(path, noisy)
        except (ValueError, OSError) as error:
            raise DatasetError(f"{path}: {error}") from error
        images = [decode(file, channels) for file in (partner, path)]
        if images[0].shape != images[1].shape:
            sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in images)
            raise DatasetError(f"{path} and {partner}: the two of a pair must have one size. Received: {sizes}")
        pairs.append(np.concatenate(images, axis=-1))
    return pairs


def counterpart(clean: Path, folder: Path) -> Path:
    """The noisy image in `folder` with a clean image's name, whatever their endings.

    Raises:
        ValueError: there is none, or more than one.
        OSError: the folder cannot be read.
    """
    named_alike = (file for file in folder.iterdir() if file.stem == clean.stem)
    matches = sorted(file for file in named_alike if file.suffix.lower() in SUFFIXES)
    if len(matches) != 1:
        found = ", ".join(file.name for file in matches) or "none"
        raise ValueError(f"there must be exactly one noisy image of the same name in {folder}. Received: {found}")
    return matches[0]
