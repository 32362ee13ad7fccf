"""A folder of small pictures of many sizes: throughput, cores and memory of `denoise`.

    python -m benchmarks.speed.folder

Results: folder.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import numpy as np
import psutil
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page

TABLE = Path(__file__).with_name("folder.md")
SIGMA = 25


@click.command()
@click.option("--count", default=1000, show_default=True)
def main(count: int) -> None:
    """Measure and write the page."""
    with tempfile.TemporaryDirectory() as work:
        source, target = Path(work) / "in", Path(work) / "out"
        pixels = make_folder(source, count)
        program = str(Path(sys.executable).with_name("dncnn-tf"))
        start = time.monotonic()
        process = subprocess.Popen(
            [program, "denoise", "-q", str(source), "-o", str(target)], stdout=subprocess.DEVNULL
        )
        memory: list[float] = []
        watcher = threading.Thread(target=_watch, args=(process.pid, target, count, memory))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        watcher.join()
        done = len(list(target.iterdir()))
    if status or done != count:
        raise click.ClickException(f"exit status {os.waitstatus_to_exitcode(status)}, {done} of {count} pictures")
    cores = (usage.ru_utime + usage.ru_stime) / seconds
    quarters = " → ".join(f"{value:.0f}" for value in memory)
    lines = [
        f"- {count / seconds:.1f} pictures/s, {pixels / 1e6 / seconds:.2f} megapixels/s, {seconds:.0f} s in all",
        f"- {cores:.2f} of {os.cpu_count()} cores busy on average",
        f"- memory in MB when a quarter, half, three quarters and nearly all are done: {quarters}",
    ]
    click.echo("\n".join(lines))
    write_page(
        TABLE,
        "A folder of small pictures",
        f"`python -m benchmarks.speed.folder`: {count} colour PNG and JPEG pictures, each side 100 to 250 pixels, "
        f"{pixels / 1e6:.0f} megapixels in all.",
        lines,
    )


def make_folder(folder: Path, count: int) -> int:
    """Crops of a photograph with noise.

    Returns:
        Their pixels in all.
    """
    folder.mkdir()
    coffee, rng, pixels = skimage.data.coffee(), np.random.default_rng(0), 0
    for i in range(count):
        height, width = rng.integers(100, 251, 2)
        top, left = rng.integers(0, coffee.shape[0] - height), rng.integers(0, coffee.shape[1] - width)
        part = coffee[top : top + height, left : left + width]
        noisy = np.clip(part + rng.normal(0, SIGMA, part.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{i:05d}.{('png', 'jpg')[i % 2]}")
        pixels += int(height * width)
    return pixels


def _watch(process: int, target: Path, count: int, memory: list[float]) -> None:
    """Note the process's memory at four moments."""
    for share in (0.25, 0.5, 0.75, 0.97):
        while not target.exists() or len(list(target.iterdir())) < share * count:
            time.sleep(0.05)
            if not psutil.pid_exists(process):
                return
        memory.append(psutil.Process(process).memory_info().rss / 1e6)


if __name__ == "__main__":
    main()
