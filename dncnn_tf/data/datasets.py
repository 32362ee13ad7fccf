"""Names of published image sets, and folders, to files and arrays."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..files import cache_folder
from ..images.formats import SUFFIXES
from .decoding import DatasetError, decode, require_room

REGISTRY = Path(__file__).with_name("registry.json")

# The photographs inside scikit-image's wheel. Left out of what else is there: drawings and scans (chessboards,
# color, horse, logo, page, phantom, text), microscopy and medicine (cell, ihc, microaneurysms, retina: few edges
# and one object over many pixels), nearly empty or blurred pictures (clock_motion, hubble_deep_field, moon), and
# motorcycle_right, the same scene a second time. camera.png is last because training holds the last images out
# for validation, and the demo denoises it: without validation data it is never trained on.
_SAMPLE = (
    "astronaut.png",
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "camera.png",
)

_CLEAN, _NOISY = "clean", "noisy"  # folders of a set of pairs


@dataclass(frozen=True)
class RemoteFile:
    """One original file of a published set.

    Attributes:
        url_path: owner/repository/commit/path of the original.
        sha256: of the original.
        size: in bytes.
        cached: where it belongs under the cache folder: the local layout, with the original's suffix.
    """

    url_path: str
    sha256: str
    size: int
    cached: PurePosixPath


@dataclass(frozen=True)
class ImageSet:
    """A published set.

    Attributes:
        used_for: what the paper used it for.
        folder: where it is under the folder that `DNCNN_TF_DATA` names.
        files: its originals, in order of name.
        pairs: whether each picture is there twice, in a folder `clean` and in a folder `noisy` beside it.
        terms: of use, where they are narrower than what goes for all sets.
    """

    used_for: str
    folder: PurePosixPath
    files: tuple[RemoteFile, ...]
    pairs: bool = False
    terms: str | None = None


@functools.cache
def published_sets() -> dict[str, ImageSet]:
    """The sets of the paper by name."""
    entries = json.loads(REGISTRY.read_text(encoding="utf-8"))
    return {name: _part(entry, entries) if "part_of" in entry else _image_set(entry) for name, entry in entries.items()}


def _part(entry: dict[str, Any], entries: dict[str, dict[str, Any]]) -> ImageSet:
    """Those images of another set that are under one folder of it."""
    whole = _image_set(entries[entry["part_of"]])
    folder = whole.folder / entry["folder"]
    files = tuple(file for file in whole.files if folder in file.cached.parents)
    return ImageSet(entry["used_for"], folder, files, whole.pairs, whole.terms)


def _image_set(entry: dict[str, Any]) -> ImageSet:
    folder = PurePosixPath(entry["here"])
    source = f"{entry['repository']}/{entry['commit']}/{entry['path']}"
    files = (
        RemoteFile(f"{source}/{path}", sha256, size, (folder / here).with_suffix(PurePosixPath(path).suffix))
        for path, sha256, size, here in entry["files"]
    )
    return ImageSet(entry["used_for"], folder, tuple(files), entry.get("pairs", False), entry.get("terms"))


def resolve(data: str) -> list[Path]:
    """Image files of a published set ("train400"), of the embedded "sample", or of a folder, in order of name.

    Several, joined by +, follow one another ("t91+bsd200").

    A published set is looked for under the folder that the environment variable DNCNN_TF_DATA names, then in the
    cache. Nothing is downloaded here. Of a set of pairs these are the clean ones; the others are in `noisy_folder`.

    Raises:
        DatasetError: no such set or folder, no image in it, or a set that is incomplete or not on this machine.
    """
    if data == "sample":
        return sample_files()
    if data in published_sets():
        files = local_files(data) or cached_files(data)
        if files is None:
            raise DatasetError(
                f"{data}: not on this machine; run `dncnn-tf data download {data}`, "
                "or let DNCNN_TF_DATA name a folder that holds it"
            )
        return [file for file in files if file.parent.name == _CLEAN] if published_sets()[data].pairs else files
    if "+" in data and not Path(data).exists():
        return [file for part in data.split("+") for file in resolve(part)]
    return _files_of_folder(Path(data))


@dataclass(frozen=True)
class SetListing:
    """What there is of a set.

    Attributes:
        name: by which it is asked for.
        images: how many it has.
        size: of its originals, in bytes.
        where: "embedded", "DNCNN_TF_DATA", "cache", "incomplete" (a folder that lacks images) or "not here".
        used_for: what the paper used it for.
        terms: of use, where they are narrower than what goes for all sets.
    """

    name: str
    images: int
    size: int
    where: str
    used_for: str
    terms: str | None = None


def image_sets() -> list[SetListing]:
    """The embedded photographs and every published set, and where each is on this machine."""
    sample = sample_files()
    embedded = SetListing(
        "sample", len(sample), sum(file.stat().st_size for file in sample), "embedded", "a first training"
    )
    published = (
        SetListing(
            name, len(each.files), sum(file.size for file in each.files), _where(name), each.used_for, each.terms
        )
        for name, each in published_sets().items()
    )
    return [embedded, *published]


def _where(name: str) -> str:
    try:
        if local_files(name):
            return "DNCNN_TF_DATA"
    except DatasetError:
        return "incomplete"
    return "cache" if cached_files(name) else "not here"


def is_paired(data: str) -> bool:
    """Whether a name is that of a published set of pairs."""
    return data in published_sets() and published_sets()[data].pairs


def noisy_folder(clean: Path) -> Path:
    """Where the noisy counterpart of a set of pairs' clean image is."""
    return clean.parent.with_name(_NOISY)


def sample_files() -> list[Path]:
    """The embedded photographs: ten that come inside scikit-image's wheel; the last one is for validation."""
    spec = importlib.util.find_spec("skimage")  # importing it takes a while
    assert spec is not None
    assert spec.origin is not None
    return [Path(spec.origin).parent / "data" / name for name in _SAMPLE]


def local_files(name: str) -> list[Path] | None:
    """Files of a published set under DNCNN_TF_DATA; None when that is not set or has no folder for it.

    Raises:
        DatasetError: the folder does not hold as many images as the set has.
    """
    root = os.environ.get("DNCNN_TF_DATA")
    image_set = published_sets()[name]
    folder = Path(root or ".") / image_set.folder
    if not root or not folder.is_dir():
        return None
    files = _image_files(folder)
    if len(files) != len(image_set.files):
        raise DatasetError(
            f"{folder}: {name} has {len(image_set.files)} images. Received: {len(files)}; complete the folder, "
            f"or unset DNCNN_TF_DATA and run `dncnn-tf data download {name}`"
        )
    return files


def cached_files(name: str) -> list[Path] | None:
    """Files of a published set that was downloaded; None unless all of them are there."""
    files = [(cache_folder() / file.cached, file.size) for file in published_sets()[name].files]
    if all(path.is_file() and path.stat().st_size == size for path, size in files):
        return [path for path, _ in files]
    return None


def _files_of_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise DatasetError(f"{folder}: {what}, nor a set; the sets are: sample, {', '.join(published_sets())}")
    files = _image_files(folder)
    if not files:
        raise DatasetError(f"{folder}: no images in it; wanted are files named {' '.join('*' + s for s in SUFFIXES)}")
    return files


def _image_files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def load(data: str, channels: int) -> list[np.ndarray]:
    """Read a set as 8-bit images.

    Args:
        data: as for `resolve`.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 (H, W, channels), in the order of the files.

    Raises:
        DatasetError: as for `resolve`; also for a file that is no image or is damaged, and for a set that would not
            fit in memory.
    """
    files = resolve(data)
    require_room(data, files, channels)
    return [decode(path, channels) for path in files]
