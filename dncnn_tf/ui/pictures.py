"""Pictures that were uploaded, and what there is to say of each."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import as_options
from ..images.arrays import from_float, to_float
from ..images.orientation import orientation, upright
from ..images.picture import Picture
from ..images.reading import read
from ..models.cards import shipped_models
from ..restoration.choice import choose_model, describe_noise
from ..restoration.inspection import Inspection, inspect_picture
from ..restoration.noise import Noise
from .settings import Settings
from .tiles import SIDE

_STRIP = 2**22  # numbers that are brought to 8 bits at a time
_LONGEST_STEM = 150  # bytes of a file's name


@dataclass(frozen=True)
class UploadedPicture:
    """A picture that can be read, in a folder of its own.

    Attributes:
        id: what it is known by; cannot be guessed.
        file: as it was uploaded, with its own name.
        levels: (H, W, 1 to 4) as in the file, transparency included; on the disk.
        shown: the same with 8 bits, as it is seen: upright.
        orientation: EXIF's number.
        icc: its colour profile.
        pages: how many; the first is shown.
        inspection: what `dncnn_tf.inspect_files` knows of it.
    """

    id: str
    file: Path
    levels: np.ndarray
    shown: np.ndarray
    orientation: int
    icc: bytes | None
    pages: int
    inspection: Inspection

    @classmethod
    def read(cls, file: Path, max_pixels: int) -> UploadedPicture:
        """Read and inspect a file that lies in a folder made for it.

        Args:
            file: what was uploaded.
            max_pixels: refuse larger ones.

        Raises:
            ImageError: as for `images.reading.read`.
        """
        picture = read(file, max_pixels=max_pixels)
        turned = orientation(picture)
        folder = file.parents[1]
        levels = _on_disk(_with_alpha(picture), folder / "levels")
        return cls(
            folder.name,
            file,
            levels,
            upright(eight_bits(levels, folder / "shown"), turned),
            turned,
            picture.icc,
            1 + len(picture.pages),
            inspect_picture(picture),
        )

    @property
    def folder(self) -> Path:
        """Where all that belongs to it is."""
        return self.file.parents[1]

    def remove(self) -> None:
        """Forget it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def model(self, settings: Settings) -> str:
        """The model that `dncnn_tf.denoise` takes."""
        if settings.model != "auto":
            return settings.model
        noise = self.inspection.noise if settings.sigma is None else Noise(settings.sigma)
        return choose_model(self.inspection.channels, settings.sigma, noise)

    def facts(self) -> dict[str, Any]:
        """What the page says of it."""
        found = self.inspection
        height, width = self.shown.shape[:2]
        kind = {1: "grey", 3: "RGB"}[found.channels] + (" and alpha" if found.alpha else "")
        quality = f", quality {found.jpeg_quality}" if found.jpeg_quality else ""
        return {
            "id": self.id,
            "name": self.file.name,
            "width": width,
            "height": height,
            "kind": f"{found.bits}-bit {kind}",
            "format": f"{found.format}{quality}",
            "sigma": found.noise.sigma,
            "noise": describe_noise(found.noise),
            "model": found.model,
            "models": ["auto", *shipped_models()],
            "side": SIDE,
            "remarks": [*found.remarks, *([f"page 1 of {self.pages} is shown"] if self.pages > 1 else [])],
        }


def said(line: str, file: Path) -> str:
    """A line about an uploaded file as the command line says it, of a file that is known by its name alone."""
    for folder in (file.parent, file.parents[1] / "output"):
        line = line.replace(f"{folder}/", "")
    return as_options(line)


def new_file(folder: Path, name: str) -> Path:
    """A path for a file that a browser calls `name`, in a new folder of its own for all that belongs to it."""
    own = folder / secrets.token_urlsafe(16) / "input"
    own.mkdir(parents=True)
    path = Path(name.replace("\0", "").replace("\\", "/"))
    stem = path.stem.encode(errors="replace")[:_LONGEST_STEM].decode(errors="ignore")
    return own / ("picture" if stem in ("", "..") else f"{stem}{path.suffix[:16]}")


def eight_bits(levels: np.ndarray, stem: Path) -> np.ndarray:
    """Levels with 8 bits, on the disk if they had others, a strip at a time."""
    if levels.dtype == np.uint8:
        return levels
    shown = np.lib.format.open_memmap(stem.with_suffix(".npy"), "w+", np.uint8, levels.shape)
    rows = max(1, _STRIP // levels[0].size)
    for first in range(0, len(levels), rows):
        shown[first : first + rows] = from_float(to_float(levels[first : first + rows]), np.uint8)
    shown.flush()
    return shown


def _with_alpha(picture: Picture) -> np.ndarray:
    return picture.levels if picture.alpha is None else np.dstack([picture.levels, picture.alpha])


def _on_disk(levels: np.ndarray, stem: Path) -> np.ndarray:
    path = stem.with_suffix(".npy")
    np.save(path, levels)
    mapped: np.ndarray = np.load(path, mmap_mode="r")
    return mapped
