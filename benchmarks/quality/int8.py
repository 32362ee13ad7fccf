"""What int8 costs each shipped model in PSNR: `DNCNN_TF_DATA=DIR python -m benchmarks.quality.int8`.

The figures in float32 are those of the models' cards. A model that is shipped without ranges, because it loses too
much, is calibrated here. Results: int8.md.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.common.page import write_page
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.calibration import calibrated
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.engines.openvino_engine import OpenVINOEngine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.export.samples import calibration_samples
from dncnn_tf.models.calibration import int8_models
from dncnn_tf.models.cards import degree_text, read_card, shipped_models
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network

HOW = """`DNCNN_TF_DATA=DIR python -m benchmarks.quality.int8`: PSNR in dB, by OpenVINO. At σ 0 the picture is clean,
and PSNR says how far it is from itself afterwards."""
TABLE = Path(__file__).with_name("int8.md")
SETS = ("bsd68", "cbsd68", "polyu-test", "classic5", "set5")


@click.command()
def main() -> None:
    """Measure and write the table."""
    lines = ["| model | set | at | float32 | int8 | loss |", "|---|---|---|--:|--:|--:|"]
    for name in shipped_models():
        engine = _engine(name)
        for row in (row for row in read_card(name)["measured"] if row["data"] in SETS):
            received = evaluate(engine, row["data"], Setting.of_row(row)).psnr
            figures = f"{row['psnr']:.3f} | {received:.3f} | {row['psnr'] - received:.3f}"
            lines.append(f"| `{name}` | {row['data']} | {degree_text(row)} | {figures} |")
            click.echo(lines[-1])
    write_page(TABLE, "What int8 costs", HOW, lines)


def _engine(name: str) -> Engine:
    if name in int8_models():
        return open_engine(name, precision="int8")
    network = read_network(find_source(name))
    return OpenVINOEngine.of(calibrated(network, calibration_samples(network.config.channels)), "int8")


if __name__ == "__main__":
    main()
