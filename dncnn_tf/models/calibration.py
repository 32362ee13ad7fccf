"""What int8 has to know of a network's features, and the file beside its weights that says it.

It is known for several kinds of pictures, from smooth to rough: features reach the farther, the stronger the noise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config import ModelConfig
from ..files import atomic_path
from .cards import PRETRAINED, ModelError, parse_card, shipped_models

ROUGHNESS = (1.5, 9.0, 19.0, 31.0, math.inf)
"""Kinds of pictures, each up to some roughness: what cameras, JPEG and enlarging leave, and white noise of σ up to some
5, 15, 25 and 55."""
_DIGITS = 3
_LARGEST = 1e6


@dataclass(frozen=True)
class Calibration:
    """How far features reach, and what rounding them does, as measured on noisy photographs.

    Attributes:
        ranges: of every convolution but the last, the number after the ReLU that 255 stands for, for each of its
            channels, which may be more than it reaches: float32 (out,), positive.
        shifts: of every convolution but the first, what is added to its bias, so that the mean of each channel stays
            where it was: float32 (out,).
        away: of every convolution but the first, which taps of its kernel are rounded away from the nearer integer, to
            the one on their other side, so that errors make up for one another: bool (3, 3, in, out).
        roughness: of the pictures that it is for, the highest (`engines.roughness`); infinity for any.
    """

    ranges: tuple[np.ndarray, ...]
    shifts: tuple[np.ndarray, ...]
    away: tuple[np.ndarray, ...]
    roughness: float = math.inf


def calibration_file(weights: Path) -> Path:
    """Where the calibration of a `.weights.h5` file is: beside it, under the same name with `.int8.json`."""
    return weights.with_name(weights.name.removesuffix(".weights.h5") + ".int8.json")


def write_calibrations(weights: Path, calibrations: Sequence[Calibration]) -> None:
    """Write the file beside the weights, which it names by their SHA-256.

    Args:
        weights: the `.weights.h5` file.
        calibrations: for pictures of rising roughness, the last one for any.
    """
    kinds = [
        {
            "roughness": None if math.isinf(each.roughness) else each.roughness,
            "ranges": [as_kept(numbers).tolist() for numbers in each.ranges],
            "shifts": [as_kept(numbers).tolist() for numbers in each.shifts],
            "away": _packed(each.away),
        }
        for each in calibrations
    ]
    with atomic_path(calibration_file(weights)) as path:
        path.write_text(json.dumps({"sha256": _sha256(weights), "calibrations": kinds}) + "\n", encoding="utf-8")


def read_calibrations(weights: Path, config: ModelConfig) -> tuple[Calibration, ...]:
    """What was measured of these weights, for pictures of rising roughness, the last one for any.

    Args:
        weights: the `.weights.h5` file.
        config: the network's shape.

    Raises:
        ModelError: nothing was, the file is damaged, or it is of other weights.
    """
    file = calibration_file(weights)
    try:
        content = parse_card(file)
    except FileNotFoundError:
        raise uncalibrated(weights) from None
    if content.get("sha256") != _sha256(weights):
        raise ModelError(f"{file}: is of other weights than {weights.name}; take both from one place")
    kinds = content.get("calibrations")
    read = [_calibration(kind, config) for kind in kinds] if isinstance(kinds, list) else []
    calibrations = tuple(each for each in read if each is not None)
    bounds = [each.roughness for each in calibrations]
    if not read or len(calibrations) < len(read) or bounds != sorted(set(bounds)) or bounds[-1] != math.inf:
        raise ModelError(f"{file}: not what int8 needs of {config}; take another copy")
    return calibrations


def _calibration(kind: Any, config: ModelConfig) -> Calibration | None:
    """One of a file's; None if it is not as it must be."""
    if not isinstance(kind, dict):
        return None
    inner = [config.filters] * (config.depth - 1)
    ranges = _arrays(kind.get("ranges"), inner, lowest=1 / _LARGEST)
    shifts = _arrays(kind.get("shifts"), [*inner[1:], config.channels], lowest=-_LARGEST)
    away = _unpacked(kind.get("away"), [(3, 3, config.filters, out) for out in (*inner[1:], config.channels)])
    bound = kind.get("roughness", 0)
    known = bound is None or (type(bound) in (int, float) and 0 < bound <= _LARGEST)
    if ranges is None or shifts is None or away is None or not known:
        return None
    return Calibration(ranges, shifts, away, math.inf if bound is None else bound)


def uncalibrated(path: Path) -> ModelError:
    """What to say of a model of which nobody knows how far its features reach, or that loses too much."""
    return ModelError(
        f"{path}: has no ranges for int8, which come with {', '.join(int8_models())}; leave out `precision`, or "
        "export a model of your own as ONNX with `quantize` int8 and give that file"
    )


def int8_models() -> list[str]:
    """Names of the shipped models that come with a calibration."""
    return [name for name in shipped_models() if (PRETRAINED / f"{name}.int8.json").exists()]


def as_kept(values: np.ndarray) -> np.ndarray:
    """Numbers as a file keeps them, in a few digits: float64, the same shape (n,)."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])


def _packed(arrays: Sequence[np.ndarray]) -> str:
    """Truth values as text: eight in a byte, zlib, base64."""
    bits = np.packbits(np.concatenate([array.ravel() for array in arrays]))
    return base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode()


def _unpacked(content: Any, shapes: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, ...] | None:
    """The inverse of `_packed`; None if it is not as much as it must be."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    size = -(-int(ends[-1]) // 8)
    stream = zlib.decompressobj()
    try:
        unpacked = stream.decompress(base64.b64decode(content, validate=True), size + 1)
    except (TypeError, ValueError, zlib.error):
        return None
    if len(unpacked) != size or not stream.eof:
        return None
    bits = np.unpackbits(np.frombuffer(unpacked, np.uint8))[: ends[-1]].astype(bool)
    parts = np.split(bits, ends[:-1])
    return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))


def _arrays(content: Any, lengths: Sequence[int], *, lowest: float) -> tuple[np.ndarray, ...] | None:
    """Lists of numbers as float32 arrays; None if they are not as many and as large as they must be."""
    if not isinstance(content, list) or len(content) != len(lengths):
        return None
    for numbers, length in zip(content, lengths, strict=True):
        if not isinstance(numbers, list) or len(numbers) != length:
            return None
        if not all(type(number) in (int, float) and lowest <= number <= _LARGEST for number in numbers):
            return None
    return tuple(np.array(numbers, np.float32) for numbers in content)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
