"""`dncnn-tf benchmark`: Table IV on this machine."""

from __future__ import annotations

import click

from dncnn_tf import ENGINES

from ..common import command, note
from ..options import engine_option
from ..tables import JsonFile, json_option, show_columns


@command("benchmark")
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("dncnn-s-25", "dncnn-b"),
    show_default=True,
    metavar="NAME",
    help="Shipped grey model; may be given several times.",
)
@click.option(
    "--size", "sizes", type=click.IntRange(16), multiple=True, default=(256, 512, 1024), show_default=True, help="Side."
)
@engine_option("engines", type=click.Choice(list(ENGINES)), multiple=True, help="Only this one.  [default: all]")
@click.option("--peers/--no-peers", default=True, show_default=True, help="PyTorch, BM3D and OpenCV where installed.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each method.")
@json_option("All times as JSON.")
def benchmark(
    models: tuple[str, ...],
    sizes: tuple[int, ...],
    engines: tuple[str, ...],
    peers: bool,
    rounds: int,
    json_file: JsonFile,
) -> None:
    """Measure how long denoising takes here, in everything that is installed: the paper's Table IV.

    Every method is a process of its own; they take turns, so that compared with each other the figures hold also on a
    machine whose speed drifts. The time is that of the network alone, loaded and warmed up.

    \b
    dncnn-tf benchmark
    dncnn-tf benchmark --size 512 --engine keras --engine openvino --no-peers
    """
    from dncnn_tf import benchmark

    timings = benchmark(models, sizes=sizes, engines=engines, peers=peers, rounds=rounds, note=note)
    json_file.write(timings.to_json())
    if json_file.takes_stdout:
        return
    for model in models:
        click.echo(f"\n{model}: seconds for one grey image, median ± half the range between the quartiles")
        show_columns(timings.table(model))
    peaks = ", ".join(f"{precision} {timings.peak(precision) / 1e9:,.0f}" for precision in timings.peaks)
    click.echo(f"\npeak: the fastest product of square matrices here, in billions of operations a second: {peaks}")
    click.echo("paper: Table IV, on another machine")
