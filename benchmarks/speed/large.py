"""Time and memory of `dncnn-tf denoise` for pictures of 1 to 100 megapixels: `python -m benchmarks.speed.large`.

RGB photographs of the given size (scikit-image's “coffee”, mirrored over and over, with noise of σ 15), PNG in and out,
each in a process of its own. Results: large.md and large.png.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
import matplotlib as mpl
import numpy as np
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf.files import atomic_path

mpl.use("Agg")
HERE = Path(__file__).parent
MEGAPIXELS = (1, 5, 20, 50, 100)
SIGMA = 15


@click.command()
@click.option("--max-memory", default="2G", show_default=True)
@click.option("--engine", default="openvino", show_default=True)
@click.option("--megapixels", type=float, multiple=True, default=MEGAPIXELS, show_default=True)
def main(max_memory: str, engine: str, megapixels: tuple[float, ...]) -> None:
    """Measure and, of all sizes, write the table and the plot."""
    rows = []
    for size in megapixels:
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / "large.png"
            make_picture(size, source)
            taken = measure(source, max_memory, engine)
            rows.append((size, taken.seconds, taken.peak))
            click.echo("{:.0f} megapixels: {:.1f} s, {:.0f} MB".format(*rows[-1]))
    if set(megapixels) != set(MEGAPIXELS):
        return
    lines = ["| megapixels | seconds | seconds for each megapixel | peak memory, MB |", "|--:|--:|--:|--:|"]
    lines += [f"| {size:.0f} | {wall:.1f} | {wall / size:.2f} | {peak:.0f} |" for size, wall, peak in rows]
    write_page(
        HERE / "large.md",
        "Large pictures",
        f"`python -m benchmarks.speed.large`: RGB, `--max-memory {max_memory}`, `--engine {engine}`, one run each.",
        [*lines, "", "![](large.png)"],
    )
    plot(rows)


def make_picture(megapixels: float, target: Path) -> None:
    """A picture with noise, row by row to keep this process small."""
    coffee = skimage.data.coffee()
    width = round(math.sqrt(megapixels * 1.5e6))
    height = round(megapixels * 1e6 / width)
    rng = np.random.default_rng(0)
    mirrored = np.concatenate([coffee, coffee[:, ::-1]], axis=1)
    wide = np.tile(mirrored, (1, math.ceil(width / mirrored.shape[1]), 1))[:, :width]
    picture = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, len(wide)):
        part = wide if top // len(wide) % 2 == 0 else wide[::-1]
        part = part[: height - top]
        noisy = part + rng.normal(0, SIGMA, part.shape).astype(np.float32)
        picture[top : top + len(part)] = np.rint(np.clip(noisy, 0, 255))
    Image.fromarray(picture).save(target, compress_level=1)


class Taken(NamedTuple):
    """What one run of the command took: seconds, those of all cores together, and peak resident memory in MB."""

    seconds: float
    cpu_seconds: float
    peak: float


def measure(source: Path, max_memory: str, engine: str, *options: str) -> Taken:
    """Denoise a picture."""
    program = str(Path(sys.executable).with_name("dncnn-tf"))
    start = time.monotonic()
    command = [program, "denoise", "-q", str(source), "--max-memory", max_memory, "--engine", engine, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise click.ClickException(f"{source.name}: exit status {os.waitstatus_to_exitcode(status)}")
    return Taken(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3 * 1.024)


def plot(rows: list[tuple[float, float, float]]) -> None:
    """Seconds and memory over megapixels."""
    from matplotlib import pyplot as plt

    sizes, seconds, peaks = zip(*rows, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    left.plot(sizes, seconds, "o-")
    left.set(xlabel="megapixels", ylabel="seconds", ylim=(0, None))
    right.plot(sizes, peaks, "o-")
    right.set(xlabel="megapixels", ylabel="peak memory, MB", ylim=(0, None))
    with atomic_path(HERE / "large.png") as path:
        figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
