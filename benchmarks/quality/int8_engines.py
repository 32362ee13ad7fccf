"""int8 in other engines beside OpenVINO: time and loss, each by its own way of making 8 bits of a float network.

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.int8_engines    # needs pip install onnxruntime ai-edge-litert

ONNX Runtime's static quantisation makes its graph of the exported one, calibrated on the same photographs; it also runs
the graph that `export --format onnx --quantize int8` makes; LiteRT runs what `--format tflite --quantize int8` makes.
All take turns. Results: int8_engines.md.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from onnxruntime import quantization

from benchmarks.common.page import write_page
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.contract import INPUT
from dncnn_tf.engines.onnx_graph import onnx_model
from dncnn_tf.engines.onnxruntime_engine import OnnxRuntimeEngine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.timing import noisy_image
from dncnn_tf.export.exports import export_tflite
from dncnn_tf.export.samples import calibration_samples
from dncnn_tf.models.folded import Network
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_calibrated

TABLE = Path(__file__).with_name("int8_engines.md")
MODEL, SIGMA = "dncnn-s-25", 25
SIDES = (512, 1024)
HOW = """`DNCNN_TF_DATA=DIR python -m benchmarks.quality.int8_engines`: `{model}`, grey; seconds are medians of {rounds}
rounds in turns, loaded and warmed up; PSNR is of BSD68 at σ {sigma}."""


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> None:
    """Measure and write the table."""
    with tempfile.TemporaryDirectory() as work:
        engines = contenders(Path(work))
        images = {side: noisy_image(side) for side in SIDES}
        seconds: dict[tuple[str, int], list[float]] = {(name, side): [] for name in engines for side in SIDES}
        for turn in range(rounds + 1):
            for (name, side), taken in seconds.items():
                start = time.perf_counter()
                engines[name](images[side])
                if turn:
                    taken.append(time.perf_counter() - start)
        scores = {name: evaluate(engine, "bsd68", Setting("denoise", SIGMA)).psnr for name, engine in engines.items()}
    best = scores["OpenVINO, float32"]
    heads = " | ".join(f"{side}×{side}" for side in SIDES)
    lines = [f"| | {heads} | PSNR | loss |", f"|---|{'--:|' * (len(SIDES) + 2)}"]
    for name, psnr in scores.items():
        times = " | ".join(f"{statistics.median(seconds[name, side]):.3f}" for side in SIDES)
        lines.append(f"| {name} | {times} | {psnr:.3f} | {best - psnr:.3f} |")
    click.echo("\n".join(lines))
    write_page(TABLE, "int8 in other engines", HOW.format(model=MODEL, rounds=rounds, sigma=SIGMA), lines)


def contenders(work: Path) -> dict[str, Engine]:
    """Engines by what to call them."""
    network = read_calibrated(find_source(MODEL))
    shape = network.config.channels, network.config.receptive_radius
    return {
        "OpenVINO, float32": open_engine(MODEL, engine="openvino", precision="float32"),
        "OpenVINO, int8": open_engine(MODEL, engine="openvino", precision="int8"),
        "ONNX Runtime, float32": OnnxRuntimeEngine(onnx_model(network), *shape),
        "ONNX Runtime, int8 by its own static quantisation": OnnxRuntimeEngine(quantized(network, work), *shape),
        "ONNX Runtime, the graph that OpenVINO runs": OnnxRuntimeEngine(onnx_model(network, int8=True), *shape),
        "LiteRT, float32": open_engine(MODEL, engine="litert", precision="float32"),
        "LiteRT, int8 by its own converter": open_engine(export_tflite(MODEL, work, quantize="int8").path),
    }


class _Samples(quantization.CalibrationDataReader):
    """Noisy photographs, one by one."""

    def __init__(self, samples: list[np.ndarray]) -> None:
        self._left = iter(samples)

    def get_next(self) -> dict[str, np.ndarray] | None:
        sample = next(self._left, None)
        return None if sample is None else {INPUT: sample}


def quantized(network: Network, work: Path) -> bytes:
    """The graph as ONNX Runtime rounds it: a scale for each output channel, and one for the features of a layer."""
    source, target = work / "float32.onnx", work / "int8.onnx"
    source.write_bytes(onnx_model(network))
    sigmas = (SIGMA,) * 6
    quantization.quantize_static(
        source,
        target,
        _Samples(list(calibration_samples(network.config.channels, sigmas))),
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv"],
    )
    return target.read_bytes()


if __name__ == "__main__":
    main()
