"""A photograph of 24 megapixels, the whole command, in bfloat16 and in int8: `python -m benchmarks.speed.int8`.

RGB with noise of σ 15 by `cdncnn-b`, PNG in and out, each in a process of its own, in turns. Results: int8.md.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import click

from benchmarks.common.page import write_page
from benchmarks.speed.large import make_picture, measure

TABLE = Path(__file__).with_name("int8.md")
MODEL, MEGAPIXELS, MAX_MEMORY = "cdncnn-b", 24, "2G"
PRECISIONS = ("bfloat16", "int8")


@click.command()
@click.option("--rounds", default=3, show_default=True)
def main(rounds: int) -> None:
    """Measure and write the table."""
    runs: dict[str, list[tuple[float, float]]] = {precision: [] for precision in PRECISIONS}
    for _ in range(rounds):
        for precision, taken in runs.items():
            with tempfile.TemporaryDirectory() as work:
                source = Path(work) / "large.png"
                make_picture(MEGAPIXELS, source)
                taken.append(measure(source, MAX_MEMORY, "openvino", "--model", MODEL, "--precision", precision))
            click.echo("{}: {:.1f} s, {:.0f} MB".format(precision, *taken[-1]))
    first = runs[PRECISIONS[0]]
    lines = ["| | seconds, median | slowest | times as fast, pair by pair | peak memory, MB |", "|---|--:|--:|--:|--:|"]
    for precision, taken in runs.items():
        seconds, peaks = zip(*taken, strict=True)
        ratio = statistics.median(slow / fast for (slow, _), fast in zip(first, seconds, strict=True))
        lines.append(
            f"| {precision} | {statistics.median(seconds):.1f} | {max(seconds):.1f} | {ratio:.2f} | {max(peaks):.0f} |"
        )
    click.echo("\n".join(lines))
    how = f"`python -m benchmarks.speed.int8`: {MEGAPIXELS} megapixels, RGB, `{MODEL}`, {rounds} rounds in turns."
    write_page(TABLE, "A large photograph in int8", how, lines)


if __name__ == "__main__":
    main()
