"""What bfloat16 costs each shipped model in PSNR: `DNCNN_TF_DATA=DIR python -m benchmarks.quality.bfloat16`.

The figures in float32 are those of the models' cards. Results: bfloat16.md.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.common.page import write_page
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.models.cards import degree_text, read_card, shipped_models

HOW = "`DNCNN_TF_DATA=DIR python -m benchmarks.quality.bfloat16`: PSNR in dB."
TABLE = Path(__file__).with_name("bfloat16.md")
ENGINES = ("openvino", "keras")
SETS = ("bsd68", "cbsd68", "polyu-test")


@click.command()
def main() -> None:
    """Measure and write the table."""
    lines = ["| model | set | at | float32 | loss in OpenVINO | loss in Keras |", "|---|---|---|--:|--:|--:|"]
    for name in shipped_models():
        engines = [open_engine(name, engine=engine, precision="bfloat16") for engine in ENGINES]
        for row in (row for row in read_card(name)["measured"] if row["data"] in SETS):
            setting = Setting.of_row(row)
            losses = [row["psnr"] - evaluate(engine, row["data"], setting).psnr for engine in engines]
            cells = " | ".join(f"{loss:.4f} dB" for loss in losses)
            lines.append(f"| `{name}` | {row['data']} | {degree_text(row)} | {row['psnr']:.3f} | {cells} |")
            click.echo(lines[-1])
    write_page(TABLE, "What bfloat16 costs", HOW, lines)


if __name__ == "__main__":
    main()
