"""Many pictures, here and on Ray, and what ten million photographs cost.

    python -m benchmarks.speed.bulk

The same folder of small colour pictures each time, one run each. Results: bulk.md.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from benchmarks.common.page import write_page
from benchmarks.speed.folder import make_folder

PAGE = Path(__file__).with_name("bulk.md")
PLACES = {
    "local": (),
    "Ray, 1 actor": ("--on", "ray", "--actors", "1"),
    "Ray, 2 actors": ("--on", "ray", "--actors", "2"),
}
PHOTOGRAPHS, MEGAPIXELS, MEGABYTES = 10_000_000, 12, 5
MACHINES, CORES = 100, 16


@dataclass
class Measured:
    """One run.

    Attributes:
        seconds: from start to end.
        first: when the first result was there.
        cores: busy on average, of this command and all that it has started.
        memory: MB of all of them together when a quarter, half, three quarters and nearly all were done.
    """

    seconds: float
    first: float
    cores: float
    memory: list[float]


@click.command()
@click.option("--count", default=2000, show_default=True)
def main(count: int) -> None:
    """Measure and write the page."""
    results: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "in"
        pixels = make_folder(source, count)
        for name, options in PLACES.items():
            results[name] = run(source, Path(work) / name.replace(" ", "-"), count, options)
            click.echo(f"{name}: {count / results[name].seconds:.1f} pictures/s")
        expected = contents(Path(work) / "local")
        for name in PLACES:
            if contents(Path(work) / name.replace(" ", "-")) != expected:
                raise click.ClickException(f"{name}: not the bytes of what was done here")
    local = results["local"].seconds
    rows = [
        f"| {name} | {count / run.seconds:.1f} | {run.seconds:.0f} | {run.seconds / local:.2f} | {run.first:.1f} | "
        f"{run.cores:.2f} | {' → '.join(f'{value:.0f}' for value in run.memory)} |"
        for name, run in results.items()
    ]
    write_page(
        PAGE,
        "Many pictures",
        f"`python -m benchmarks.speed.bulk`: {count} colour PNG and JPEG pictures of 100 to 250 pixels a side, "
        f"{pixels / 1e6:.0f} megapixels in all, one run each. The results are the same to the byte.",
        [
            "| done on | pictures/s | seconds | of local | first result, s | cores busy | MB, all processes |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
            *cost(pixels / 1e6, results),
        ],
    )


def run(source: Path, target: Path, count: int, options: tuple[str, ...]) -> Measured:
    """Denoise the folder, watching."""
    program = str(Path(sys.executable).with_name("dncnn-tf"))
    start = time.monotonic()
    before = os.times()
    process = subprocess.Popen(
        [program, "denoise", "-q", str(source), "-o", str(target), *options], stdout=subprocess.DEVNULL
    )
    first, busy = 0.0, 0.0
    memory: list[float] = []
    while process.poll() is None:
        done = len(list(target.iterdir())) if target.exists() else 0
        first = first or (time.monotonic() - start if done else 0.0)
        all_of_it = family(process.pid)
        busy = max(busy, sum(map(cpu_seconds, all_of_it)))
        if len(memory) < 4 and done >= (0.25, 0.5, 0.75, 0.97)[len(memory)] * count:
            memory.append(sum(map(resident, all_of_it)))
        time.sleep(0.2)
    seconds = time.monotonic() - start
    if process.returncode or len(list(target.iterdir())) != count:
        raise click.ClickException(f"exit status {process.returncode}")
    after = os.times()
    waited = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(seconds, first, max(busy, waited) / seconds, memory)


def family(process: int) -> list[psutil.Process]:
    """A process and all that it has started, directly or not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(process)
        return [first, *first.children(recursive=True)]
    return []


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time so far."""
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def resident(process: psutil.Process) -> float:
    """MB, where pages that several processes share count once in all."""
    with contextlib.suppress(psutil.Error):
        return float(process.memory_full_info().pss / 1e6)
    return 0.0


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def cost(megapixels: float, results: dict[str, Measured]) -> list[str]:
    """Ten million photographs on paper, by the rate measured here."""
    here = os.cpu_count() or 1
    seconds = results["local"].seconds / megapixels  # of this machine, for a megapixel
    core_hours = PHOTOGRAPHS * MEGAPIXELS * seconds * here / 3600
    machine_hours = core_hours / CORES
    rate = CORES / (seconds * here) / MEGAPIXELS  # photographs a second and machine
    traffic = rate * MEGABYTES
    return [
        "## Ten million photographs of 12 megapixels, on paper",
        "",
        f"Assumed: every core does what each of the {here} here did ({seconds:.2f} s for a megapixel, all together), "
        f"machines of {CORES} such cores, photographs of {MEGABYTES} MB read from and written to an object store, "
        "`--shard i/n` or Ray without losses.",
        "",
        f"- {core_hours:,.0f} core hours: {machine_hours:,.0f} machine hours, {machine_hours / MACHINES:,.0f} hours on "
        f"{MACHINES} machines.",
        f"- Each machine reads and writes {traffic:.2f} MB/s, {MACHINES} of them {traffic * MACHINES:.0f} MB/s each "
        "way: far below what a network card or a store gives. What saturates first is the processors; pictures by URL "
        "are fetched while the network works on the one before.",
        f"- Storage: {PHOTOGRAPHS * MEGABYTES / 1e6:.0f} TB in, about as much out.",
        "- What grows with the number is the list of names, in the starting process and in Ray's store. A million for "
        "each `--shard` keeps it small. To know what is done, each folder of results is listed once.",
    ]


if __name__ == "__main__":
    main()
