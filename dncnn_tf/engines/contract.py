"""What exported models promise to those who run them: the names of their functions, and a card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..files import write_json
from ..models.cards import ModelError, parse_card
from ..models.folded import Network
from ..models.limits import require_small_file

SIGNATURE, INPUT, OUTPUT = "serving_default", "noisy", "denoised"
"""What exported models call their main function, its argument and its result."""

UINT8, IMAGE_BYTES = "uint8", "image_bytes"
"""A SavedModel's other two functions. The first has the same argument and result."""

BYTES_INPUT, BYTES_OUTPUT = "image_bytes", "denoised_bytes"
"""Argument and result of the second. REST carries strings as base64 where their names end in `_bytes`."""


MAX_FILE_PIXELS = 4_000_000
"""Of a file in `image_bytes`, where nothing else is said: a network takes some 600 bytes for each, 2.4 GB in all."""

_EXTRA = "assets.extra"
_LARGEST_RADIUS = 1000


@dataclass(frozen=True)
class ExportCard:
    """What an engine must know of an exported model, and its graph does not say.

    Attributes:
        channels, receptive_radius: as of an `Engine`.
        precision: of the arithmetic inside.
        kind: how it is quantised, if it is.
        sha256: of the file, or of what TensorFlow reads of a folder; None if it is not told.
    """

    channels: int
    receptive_radius: int
    precision: str
    kind: str | None
    sha256: str | None


def write_export_card(card: Path, network: Network, **how: str) -> None:
    """Write the card of an exported network.

    Args:
        card: the file, as `card_of_file` or `card_of_saved_model` says.
        network: what was exported.
        how: precision, kind, SHA-256: whatever else there is to say.
    """
    config = network.config
    card.parent.mkdir(exist_ok=True)
    shape = {"channels": config.channels, "receptive_radius": config.receptive_radius}
    write_json(card, {"name": network.name, **shape, **how})


def sha256_of_saved_model(folder: Path) -> str:
    """The SHA-256 of all that TensorFlow reads of a SavedModel: names and contents, but for `assets.extra`."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = file.relative_to(folder)
        if name.parts[0] != _EXTRA:
            digest.update(f"{name.as_posix()}\0".encode("utf-8", "surrogateescape"))
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def read_export(path: Path, precision: str, *, trust: bool = False) -> tuple[bytes | Path, ExportCard]:
    """What an engine needs of an export, and its card.

    Args:
        path: a file, or a SavedModel's folder.
        precision: what it must compute in, or "auto".
        trust: take a SavedModel whose card does not tell its SHA-256, or tells another. It is a program.

    Returns:
        The file's content, or the folder.

    Raises:
        ModelError: one of the two is missing or damaged, the precision is another, or a SavedModel is not trusted.
    """
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    card = _read_card(card_of_saved_model(path) if path.is_dir() else card_of_file(path))
    if precision not in ("auto", card.precision, card.kind):
        raise ModelError(
            f"{path}: keeps the precision it was exported with, {card.kind or card.precision}; leave out `precision`. "
            f"Received: {precision}"
        )
    if path.is_dir():
        if not trust and card.sha256 != sha256_of_saved_model(path):
            reason = "its card does not tell its SHA-256" if card.sha256 is None else "its SHA-256 is not its card's"
            raise ModelError(
                f"{path}: {reason}, and a SavedModel is a program that may do anything; export it again, or give "
                "`trust` if you know where it comes from"
            )
        return path, card
    require_small_file(path)
    content = path.read_bytes()
    # Checked before an engine sees it: LiteRT does not refuse a damaged file, it crashes the process.
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{path}: damaged, its SHA-256 is not its card's; export it again")
    return content, card


def _read_card(card: Path) -> ExportCard:
    try:
        content = parse_card(card)
        channels, radius = int(content["channels"]), int(content["receptive_radius"])
        if channels not in (1, 3) or not 1 <= radius <= _LARGEST_RADIUS:
            raise ValueError
        return ExportCard(
            channels, radius, content.get("precision", "float32"), content.get("kind"), content.get("sha256")
        )
    except FileNotFoundError:
        raise ModelError(f"{card}: missing; an exported model and its card belong together, export it again") from None
    except (ModelError, ValueError, TypeError, KeyError):
        raise ModelError(f"{card}: not the card of an exported model; export it again") from None


def card_of_file(file: Path) -> Path:
    """Where an exported file's card is: beside it, with `.json` after its name."""
    return file.with_name(f"{file.name}.json")


def card_of_saved_model(folder: Path) -> Path:
    """Where a SavedModel's card is: `assets.extra` is the place for what TensorFlow itself does not read."""
    return folder / _EXTRA / "card.json"
