"""Whether an export computes what its source does, within the bound of its kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from ..engines.base import Engine
from ..engines.contract import BYTES_INPUT, BYTES_OUTPUT, IMAGE_BYTES, INPUT, OUTPUT, SIGNATURE, UINT8
from ..errors import DnCNNError
from ..evaluation.metrics import psnr
from ..images.arrays import from_float
from ..models.dncnn import in_float32
from .samples import SIDE, noisy_photograph

_SIZES = ((1, 1), (7, 13), (97, 101), (SIDE, SIDE))


class ExportError(DnCNNError):
    """An export was not kept; the message says why and what to do."""


@dataclass(frozen=True)
class Bound:
    """How far an export may be from its source.

    Attributes:
        difference: of any output pixel, in [0, 1].
        psnr_loss: on a real photograph with noise of σ 25, in dB.
    """

    difference: float
    psnr_loss: float


# float32 differs by the order of additions only. The others round: bfloat16 keeps 8 bits of every weight and feature,
# float16 keeps 11 bits of the weights alone, "dynamic" has weights of 8 bits and features rounded to 8 bits. Measured
# on trained models of 17 and 20 layers, grey and colour: at most 0.02 and 0.11 dB for bfloat16, 0.003 and 0.003 dB for
# float16, 0.05 and 0.15 dB for "dynamic" on grey models; it costs colour models up to 1.6 dB, and those are refused.
# A loss of 0.2 dB is two thirds of what DnCNN gains over TNRD on BSD68: beyond it, an export is another model.
BOUNDS = {
    "float32": Bound(1e-5, 1e-3),
    "bfloat16": Bound(0.05, 0.2),
    "float16": Bound(0.01, 0.01),
    "dynamic": Bound(0.1, 0.2),
    "int8": Bound(0.1, 0.2),
}

_ADVICE = {
    "float32": "the model's values are out of range: check how it was trained",
    "bfloat16": "export it with `precision` float32",
    "float16": "export it with `quantize` none",
    "dynamic": "export it with `quantize` float16",
    "int8": "export it with `quantize` none, or as TFLite with float16",
}


def compare(model: keras.Model, exported: Engine, kind: str) -> tuple[float, float]:
    """Compare an export with its source, on odd sizes and on a noisy photograph.

    Args:
        model: the source; it is run in float32 with its batch normalisation as trained, so that folding is checked too.
        exported: the export, loaded again.
        kind: one of `BOUNDS`.

    Returns:
        The largest difference of a pixel, in [0, 1], and the PSNR loss in dB.

    Raises:
        ExportError: they are beyond the bound.
    """
    clean, noisy = noisy_photograph(exported.channels)
    source = in_float32(model)
    difference = 0.0
    for height, width in _SIZES:
        crop = noisy[:, :height, :width]
        expected, received = keras.ops.convert_to_numpy(source(crop, training=False)), exported(crop)
        difference = np.maximum(difference, np.abs(expected - received).max())
    loss = _psnr(clean, expected) - _psnr(clean, received)
    bound = BOUNDS[kind]
    # Written so that NaN fails too.
    if not (difference <= bound.difference and loss <= bound.psnr_loss):
        raise ExportError(
            f"the export ({kind}) is not kept: it differs from its model by {difference:.2g} (at most "
            f"{bound.difference:g}) and loses {loss:.3f} dB (at most {bound.psnr_loss:g}); {_ADVICE[kind]}"
        )
    return float(difference), loss


def compare_signatures(saved_model: Path, channels: int, max_pixels: int) -> None:
    """Compare a SavedModel's 8-bit signatures with its float32 one.

    Args:
        saved_model: the folder.
        channels: of the network.
        max_pixels: of a file that it takes.

    Raises:
        ExportError: they differ by more than rounding.
    """
    import tensorflow as tf

    signatures = tf.saved_model.load(saved_model).signatures
    height, width = max((size for size in _SIZES[:-1] if math.prod(size) <= max_pixels), key=math.prod)
    levels = from_float(noisy_photograph(channels)[1][:, :height, :width], np.uint8)
    expected = from_float(signatures[SIGNATURE](**{INPUT: levels / np.float32(255)})[OUTPUT].numpy(), np.uint8)
    file = tf.constant([tf.io.encode_png(levels[0]).numpy()])
    decoded = tf.io.decode_png(signatures[IMAGE_BYTES](**{BYTES_INPUT: file})[BYTES_OUTPUT][0]).numpy()
    for received in (signatures[UINT8](**{INPUT: levels})[OUTPUT].numpy()[0], decoded):
        if np.abs(received.astype(int) - expected[0]).max() > 1:
            raise ExportError("the export is not kept: its 8-bit signatures differ from the float32 one")


def _psnr(clean: np.ndarray, denoised: np.ndarray) -> float:
    return psnr(clean, np.clip(denoised, 0, 1), peak=1)
