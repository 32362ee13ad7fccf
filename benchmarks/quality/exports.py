"""What each format of an export costs: size, difference, PSNR, time.

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.exports

Results: exports.md.
"""

from __future__ import annotations

import functools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.common.page import write_page
from dncnn_tf.data.datasets import resolve
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.timing import noisy_image
from dncnn_tf.export.checks import ExportError
from dncnn_tf.export.exports import Export, export_onnx, export_saved_model, export_tflite
from dncnn_tf.models.cards import degree_text, read_card

TABLE = Path(__file__).with_name("exports.md")
HOW = """`DNCNN_TF_DATA=DIR python -m benchmarks.quality.exports`, against the Keras model in float32. The difference is
the largest of any output pixel, of 1, on a noisy photograph; `export` refuses what loses more than its format may."""
MODELS = {"dncnn-b": "set12", "dncnn-photo": "polyu-test"}
"""Models, and the set of its card that each is measured on: at σ 25, or with the set's own noise."""
SIGMA, SIDE, ROUNDS = 25, 512, 5
EXPORTS: dict[str, Callable[..., Export]] = {
    "SavedModel": export_saved_model,
    "SavedModel, bfloat16": functools.partial(export_saved_model, precision="bfloat16"),
    "ONNX": export_onnx,
    "TFLite": export_tflite,
    **{f"TFLite, {kind}": functools.partial(export_tflite, quantize=kind) for kind in ("float16", "dynamic", "int8")},
}


@click.command()
def main() -> None:
    """Measure and write the tables."""
    lines: list[str] = []
    for model, data in MODELS.items():
        lines += [*table(model, data), ""]
        click.echo("\n".join(lines))
    write_page(TABLE, "What each format of an export costs", HOW, lines[:-1])


def table(model: str, data: str, pictures: int | None = None) -> list[str]:
    """Export a model in every format and measure it.

    Args:
        model: a shipped model.
        data: a set that is on its card.
        pictures: how many of the set; None for all.
    """
    row = next(row for row in read_card(model)["measured"] if row["data"] == data and row.get("sigma", SIGMA) == SIGMA)
    setting, files = Setting.of_row(row), resolve(data)[:pictures]
    with tempfile.TemporaryDirectory() as work:
        exports = {}
        for name, export in EXPORTS.items():
            try:
                exports[name] = export(model, Path(work))
            except ExportError as error:
                click.echo(f"{model}, {name}: {error}")
        engines = {name: open_engine(export.path) for name, export in exports.items()}
        seconds = _seconds(engines)
        source = open_engine(model, engine="keras", precision="float32")
        reference = evaluate(source, files, setting).psnr
        losses = {name: reference - evaluate(engine, files, setting).psnr for name, engine in engines.items()}
    head = [
        f"| `{model}` as | MB | max difference | PSNR loss on {data}, {degree_text(row)} | seconds, {SIDE}×{SIDE} |",
        "|---|--:|--:|--:|--:|",
    ]
    rows = [
        f"| {name} | {export.size / 1e6:.2f} | {export.difference:.1e} | {losses[name]:.4f} dB | {seconds[name]:.2f} |"
        for name, export in exports.items()
    ]
    return head + rows + [f"| {name} | | | loses too much to be kept | |" for name in EXPORTS if name not in exports]


def _seconds(engines: dict[str, Engine]) -> dict[str, float]:
    """Median seconds for one image, taking turns."""
    grey = noisy_image(SIDE)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS + 1):
        for name, engine in engines.items():
            noisy = grey.repeat(engine.channels, axis=-1)
            start = time.perf_counter()
            engine(noisy)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


if __name__ == "__main__":
    main()
