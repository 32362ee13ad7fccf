"""A photograph of 24 megapixels, the whole command, in bfloat16 and in int8: `python -m benchmarks.speed.int8`.

RGB with noise of σ 15 by `cdncnn-b`, PNG in and out, each in a process of its own, in turns; then stage by stage, what
the command does in its order and by its functions. Results: int8.md.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.common.page import write_page
from benchmarks.speed.large import Taken, make_picture, measure
from benchmarks.speed.start import import_command, import_library, import_openvino

TABLE = Path(__file__).with_name("int8.md")
MODEL, MEGAPIXELS, MAX_MEMORY = "cdncnn-b", 24, "2G"
PRECISIONS = ("bfloat16", "int8")
NETWORK = "the network"


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--stages", "picture", type=click.Path(path_type=Path), hidden=True)
@click.option("--precision", hidden=True)
@click.option("--begun", type=float, hidden=True)
def main(rounds: int, picture: Path | None, precision: str, begun: float) -> None:
    """Measure and write the tables."""
    if picture is not None:
        click.echo(json.dumps(stages(picture, precision, begun)))
        return
    runs: dict[str, list[Taken]] = {precision: [] for precision in PRECISIONS}
    parts: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "large.png"
        make_picture(MEGAPIXELS, source)
        for _ in range(rounds):
            for precision in PRECISIONS:
                options = "--model", MODEL, "--precision", precision, "--overwrite"
                runs[precision].append(measure(source, MAX_MEMORY, "openvino", *options))
                click.echo("{}: {:.1f} s, CPU {:.1f} s, {:.0f} MB".format(precision, *runs[precision][-1]))
            for precision in PRECISIONS:
                parts[precision].append(one_run(source, precision))
    lines = [*whole(runs), "", "## Where the time goes", "", *by_stage(parts)]
    click.echo("\n".join(lines))
    how = f"`python -m benchmarks.speed.int8`: {MEGAPIXELS} megapixels, RGB, `{MODEL}`, {rounds} rounds in turns."
    write_page(TABLE, "A large photograph in int8", how, lines)


def whole(runs: dict[str, list[Taken]]) -> list[str]:
    """The table of the whole command."""
    head = "| | seconds, median | slowest | times as fast, pair by pair | CPU seconds | peak memory, MB |"
    lines = [head, "|---|--:|--:|--:|--:|--:|"]
    for precision, taken in runs.items():
        seconds, cpu_seconds, peaks = zip(*taken, strict=True)
        pairs = zip(runs[PRECISIONS[0]], taken, strict=True)
        ratio = statistics.median(slow.seconds / fast.seconds for slow, fast in pairs)
        shown = f"{statistics.median(seconds):.1f} | {max(seconds):.1f} | {ratio:.2f}"
        lines.append(f"| {precision} | {shown} | {statistics.median(cpu_seconds):.1f} | {max(peaks):.0f} |")
    return lines


def by_stage(parts: dict[str, list[dict[str, float]]]) -> list[str]:
    """The table of the stages."""
    lines = [f"| seconds, median | {' | '.join(parts)} | times as fast |", "|---|--:|--:|--:|"]
    medians = [
        {stage: statistics.median(each[stage] for each in taken) for stage in taken[0]} for taken in parts.values()
    ]
    for stage in medians[0]:
        slow, fast = (each[stage] for each in medians)
        lines.append(f"| {stage} | {slow:.2f} | {fast:.2f} | {f'{slow / fast:.2f}' if stage == NETWORK else ''} |")
    slow, fast = (sum(each.values()) for each in medians)
    return [*lines, f"| **in all** | **{slow:.2f}** | **{fast:.2f}** | **{slow / fast:.2f}** |"]


def one_run(picture: Path, precision: str) -> dict[str, float]:
    """Seconds of each stage, in a new process."""
    command = [sys.executable, "-m", __spec__.name, "--stages", str(picture), "--precision", precision]
    done = subprocess.run([*command, "--begun", str(time.time())], check=True, capture_output=True, text=True)
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def stages(picture: Path, precision: Any, begun: float) -> dict[str, float]:
    """Seconds of each stage in this process, which began at a time."""
    for work in (import_command, import_library, import_openvino):
        work()
    from dncnn_tf.engines.opening import open_engine
    from dncnn_tf.images.reading import read
    from dncnn_tf.images.writing import write
    from dncnn_tf.restoration.denoising import denoise_levels
    from dncnn_tf.restoration.noise import estimate_noise

    taken = {"Python starts, and imports": time.time() - begun}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        taken[name] = time.perf_counter() - start
        return result

    noisy = stage("read the PNG", lambda: read(picture))
    stage("estimate its noise", lambda: estimate_noise(noisy.levels))
    engine = Timed(stage("open the model", lambda: open_engine(MODEL, engine="openvino", precision=precision)))
    taken[NETWORK] = 0.0
    conversions = "levels to floats, and back"
    denoised = stage(conversions, lambda: denoise_levels(noisy.levels[None], engine, max_memory=2 * 2**30))
    taken[NETWORK] = engine.seconds
    taken[conversions] -= engine.seconds
    result = type(noisy)(denoised[0], None, "PNG")
    stage("write the PNG", lambda: write(result, picture.with_name("result.png"), overwrite=True))
    return taken


class Timed:
    """An engine, and the seconds that it has run.

    Args:
        engine: what runs the network.
    """

    def __init__(self, engine: Any) -> None:
        self._engine, self.seconds = engine, 0.0
        self.channels, self.receptive_radius = engine.channels, engine.receptive_radius

    def __call__(self, noisy: Any) -> Any:
        """As `Engine`."""
        start = time.perf_counter()
        denoised = self._engine(noisy)
        self.seconds += time.perf_counter() - start
        return denoised


if __name__ == "__main__":
    main()
