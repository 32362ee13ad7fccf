"""`dncnn-tf benchmark`: Table IV on this machine."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf.engines.available import ENGINES

from ..common import check_json_file, command, note

if TYPE_CHECKING:
    from dncnn_tf.evaluation.timing import Method
    from dncnn_tf.evaluation.turns import Contender

_ONCE = 10.0  # seconds from which on a second measurement is not worth the wait

Times = dict[str, dict[int, list[float]]]


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
@click.option(
    "--runtime", "engines", type=click.Choice(list(ENGINES)), multiple=True, help="Only this one.  [default: all]"
)
@click.option("--peers/--no-peers", default=True, show_default=True, help="PyTorch, BM3D and OpenCV where installed.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each method.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE|-", help="All times as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace the JSON file if it exists.")
@click.option("--worker", nargs=2, hidden=True)
def benchmark(
    models: tuple[str, ...],
    sizes: tuple[int, ...],
    engines: tuple[str, ...],
    peers: bool,
    rounds: int,
    json_file: Path | None,
    overwrite: bool,
    worker: tuple[str, str] | None,
) -> None:
    """Measure how long denoising takes here, in everything that is installed: the paper's Table IV.

    Every method is a process of its own; they take turns, so that compared with each other the figures hold also on a
    machine whose speed drifts. The time is that of the network alone, loaded and warmed up.

    \b
    dncnn-tf benchmark
    dncnn-tf benchmark --size 512 --runtime keras --runtime openvino --no-peers
    """
    from dncnn_tf.evaluation.timing import Method, installed_methods, peak_stopwatch, stopwatch
    from dncnn_tf.evaluation.turns import serve
    from dncnn_tf.models.cards import read_card

    if worker is not None:
        serve(peak_stopwatch() if worker[0] == "peak" else stopwatch(Method(*worker)))
        return
    check_json_file(json_file, overwrite)
    for model in models:
        if read_card(model)["model"]["channels"] != 1:
            raise click.UsageError(f"Table IV is of grey images; take a grey model. Received: {model}")
    methods = [
        method
        for method in installed_methods()
        if (method.engine in ENGINES and method.engine in (engines or ENGINES))
        or (method.engine not in ENGINES and peers)
    ]
    if not any(method.engine in ENGINES for method in methods):
        raise click.UsageError(f"not installed: {', '.join(engines)}")
    times, peaks = _measure(methods, models, sizes, rounds)
    content = _as_json(times, peaks, rounds)
    if str(json_file) == "-":
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    if json_file:
        from dncnn_tf.files import write_json

        write_json(json_file, content)
    _show(times, peaks, models, sizes)


def _measure(
    methods: list[Method], models: tuple[str, ...], sizes: tuple[int, ...], rounds: int
) -> tuple[dict[str, Times], list[float]]:
    """Seconds by model, method and size, and floating-point operations per second at the peak, in turns."""
    from dncnn_tf.evaluation.turns import Contender

    contenders = {method: Contender(_worker(method.engine, method.precision)) for method in methods}
    peak = Contender(_worker("peak", "bfloat16"))
    times: dict[str, Times] = {
        model: {method.name: {size: [] for size in sizes} for method in methods} for model in models
    }
    peaks = []
    for turn in range(rounds):
        note(f"round {turn + 1} of {rounds}")
        peaks.append(peak.measure())
        for size in sizes:
            for model in models:
                for method, contender in contenders.items():
                    _take_turn(contender, method, model, size, times, models[0])
    for contender in (*contenders.values(), peak):
        contender.stop()
    return times, peaks


def _take_turn(
    contender: Contender, method: Method, model: str, size: int, times: dict[str, Times], first: str
) -> None:
    if not method.takes_model and model != first:
        times[model][method.name] = times[first][method.name]
        return
    taken = times[model][method.name][size]
    if not taken or taken[0] < _ONCE:
        taken.append(contender.measure(model, size))


def _worker(engine: str, precision: str) -> list[str]:
    return [sys.executable, "-m", "dncnn_tf", "benchmark", "--worker", engine, precision]


def _as_json(times: dict[str, Times], peaks: list[float], rounds: int) -> dict[str, Any]:
    from dncnn_tf.evaluation.protocol import versions
    from dncnn_tf.evaluation.timing import SIGMA

    return {
        "seconds": times,
        "bfloat16_peak_flops": peaks,
        "settings": {"rounds": rounds, "sigma": SIGMA, "measured_once_from_seconds": _ONCE},
        "versions": versions(),
    }


def _show(times: dict[str, Times], peaks: list[float], models: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    from dncnn_tf.evaluation.timing import PAPER, network_flops

    peak = statistics.median(peaks)
    for model in models:
        click.echo(f"\n{model}: seconds for one grey image, median ± half the range between the quartiles")
        click.echo(f"{'':<30}" + "".join(f"{f'{size}×{size}':>18}" for size in sizes) + f"{'of the peak':>14}")
        for name, by_size in times[model].items():
            cells = "".join(f"{_cell(by_size[size]):>18}" for size in sizes)
            rate = network_flops(model, sizes[-1]) / statistics.median(by_size[sizes[-1]])
            own = name in ("bm3d", "opencv-nlm")
            click.echo(f"{name:<30}{cells}{'' if own else f'{rate / peak:.0%}':>14}".rstrip())
    click.echo("\nthe paper's Table IV, another machine:")
    for name, by_size in PAPER.items():
        click.echo(f"{name:<30}" + "".join(f"{by_size.get(size, ''):>18}" for size in sizes))
    click.echo(f"\npeak: the fastest product of square bfloat16 matrices here, {peak / 1e9:,.0f} GFLOP/s")


def _cell(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"{seconds[0]:.3g}"
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"{statistics.median(seconds):.3f} ± {(high - low) / 2:.3f}"
