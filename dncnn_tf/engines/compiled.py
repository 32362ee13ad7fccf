"""Models in the box as OpenVINO has compiled them, kept in the cache: a start reads and compiles no weights.

There is one file for each model and precision, in int8 for each roughness, of at most some megabytes. One that is
damaged, not this user's, or of another processor, OpenVINO or dncnn-tf is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ..config import ModelConfig
from ..files import atomic_path, cache_folder
from ..models.cards import PRETRAINED, read_card
from ..models.folded import Network
from .openvino_alone import openvino
from .openvino_engine import OpenVINOEngine
from .precision import Precision, processor

_FOLDER = "compiled"
_LARGEST = 50_000_000  # bytes
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "models")


def kept_engine(name: str, precision: Precision, read: Callable[[], Network], variant: str = "") -> OpenVINOEngine:
    """A shipped model's engine, as it was compiled before; or else as it is now, which is kept.

    Args:
        name: of the model.
        precision: of the arithmetic.
        read: reads the weights and all else that it needs.
        variant: tells networks apart that are made of the same files.
    """
    try:
        key, file = _key(name, precision, variant), cache_folder() / _FOLDER / f"{name}-{precision}{variant}.openvino"
    except (OSError, RuntimeError):  # something is missing, of which `read` says what, or there is no home
        return OpenVINOEngine.of(read(), precision)
    compiled = _read(file, key)
    if compiled is not None:
        config = ModelConfig(**read_card(name)["model"])
        with contextlib.suppress(RuntimeError):  # OpenVINO does not take it
            return OpenVINOEngine(compiled, config.channels, config.receptive_radius, precision=precision, kept=True)
    engine = OpenVINOEngine.of(read(), precision)
    with contextlib.suppress(OSError):  # the next start takes as long
        _write(file, key, engine.compiled())
    return engine


def _key(name: str, precision: Precision, variant: str) -> bytes:
    """All that a compiled network depends on, as a SHA-256."""
    made_of = [".weights.h5", ".json", *([".int8.json"] if precision == "int8" else [])]
    files = [PRETRAINED / f"{name}{ending}" for ending in made_of]
    files += sorted(file for folder in _CODE for file in folder.glob("*.py"))
    parts = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return hashlib.sha256(
        "\n".join([openvino.get_version(), processor(), precision, variant, *parts]).encode()
    ).digest()


def _read(file: Path, key: bytes) -> bytes | None:
    """What was kept under a key; None if nothing was, or it is not as this user has written it."""
    try:
        with open(file, "rb", opener=_at_once) as stream:
            if not _is_ours(os.fstat(stream.fileno())):
                return None
            content = stream.read(_LARGEST)
    except OSError:
        return None
    digest, compiled = content[: len(key)], content[len(key) :]
    return compiled if digest == _digest(key, compiled) else None


def _write(file: Path, key: bytes, compiled: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # whose permissions would be kept
    with atomic_path(file) as path:
        path.chmod(0o600)
        path.write_bytes(_digest(key, compiled) + compiled)


def _digest(key: bytes, compiled: bytes) -> bytes:
    return hashlib.sha256(key + compiled).digest()


def _at_once(file: str, flags: int) -> int:
    """Open a file that may be a pipe, at which nobody writes."""
    return os.open(file, flags | os.O_NONBLOCK)


def _is_ours(found: os.stat_result) -> bool:
    """Whether a file can only hold what this user has put into it, since OpenVINO trusts what it reads there."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
