"""What all engines have in common."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ..models.cards import ModelError

SIGNATURE, INPUT, OUTPUT = "serving_default", "noisy", "denoised"
"""What exported models call their one function, its argument and its result."""


@runtime_checkable
class Engine(Protocol):
    """A network ready to run.

    Attributes:
        channels: 1 for grey, 3 for RGB.
        receptive_radius: pixels on each side that can change one output pixel; the halo that tiles need.
    """

    channels: int
    receptive_radius: int

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, channels) in [0, 1] → the denoised images, same shape, float32, not clipped."""


@dataclass(frozen=True)
class ExportCard:
    """What an exported model says of itself, and a runtime must know.

    Attributes:
        shape: channels and receptive radius.
        sha256: of the file; None for a folder.
    """

    shape: tuple[int, int]
    sha256: str | None


def read_export_card(card: Path) -> ExportCard:
    """Read a card that `dncnn-tf export` wrote.

    Raises:
        ModelError: it is missing, or none.
    """
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        return ExportCard((int(content["channels"]), int(content["receptive_radius"])), content.get("sha256"))
    except FileNotFoundError:
        raise ModelError(f"{card}: missing; an exported model and its card belong together, export it again") from None
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{card}: not the card of an exported model; export it again") from None


def read_exported_file(file: Path) -> tuple[bytes, ExportCard]:
    """An exported file's content and its card.

    Raises:
        ModelError: one of the two is missing or damaged.
    """
    if not file.is_file():
        raise ModelError(f"{file}: no such file")
    card, content = read_export_card(card_of_file(file)), file.read_bytes()
    # Checked before an engine sees it: LiteRT does not refuse a damaged file, it crashes the process.
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{file}: damaged, its SHA-256 is not its card's; export it again")
    return content, card


def card_of_file(file: Path) -> Path:
    """Where an exported file's card is: beside it, with `.json` after its name."""
    return file.with_name(f"{file.name}.json")


def newest_version(folder: Path) -> Path | None:
    """The SavedModel in `folder` itself, or its highest version in TensorFlow Serving's layout; None without any."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("[0-9]*") if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)


def card_of_saved_model(folder: Path) -> Path:
    """Where a SavedModel's card is: `assets.extra` is the place for what TensorFlow itself does not read."""
    return folder / "assets.extra" / "card.json"
