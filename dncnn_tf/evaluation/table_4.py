"""The paper's Table IV on this machine: seconds for one image, in every engine that is installed and beside peers."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..engines.available import ENGINES
from ..errors import OptionError
from ..models.cards import read_card
from .timing import PEAK, SIGMA, Method, installed_methods, network_flops
from .turns import Contender
from .versions import versions

# Table IV, σ 25, seconds on the authors' CPU.
TABLE_4 = {
    "BM3D": {256: 0.65, 512: 2.85, 1024: 11.89},
    "TNRD": {256: 0.45, 512: 1.33, 1024: 4.61},
    "DnCNN-S": {256: 0.74, 512: 3.41, 1024: 12.1},
    "DnCNN-B": {256: 0.90, 512: 4.11, 1024: 14.1},
}

_ONCE = 10.0  # seconds from which on a second measurement is not worth the wait

Times = dict[Method, dict[int, list[float]]]


@dataclass(frozen=True)
class Timings:
    """What was measured.

    Attributes:
        seconds: of every turn, by model, method and side of the image.
        peaks: operations per second, of every round, by arithmetic: the fastest product of square matrices.
        rounds: turns that each method got, but for slow ones.
    """

    seconds: dict[str, Times]
    peaks: dict[str, list[float]]
    rounds: int

    def peak(self, precision: str) -> float:
        """Median of an arithmetic."""
        return statistics.median(self.peaks[precision])

    def table(self, model: str) -> list[list[str]]:
        """Median ± half the range between the quartiles as text, the paper's times last; heading first.

        The last column is the share of their arithmetic's peak that the network's convolutions reach on the last size.
        """
        times = self.seconds[model]
        sizes = list(next(iter(times.values())))
        rows = [["", *(f"{size}×{size}" for size in sizes), "of its peak"]]
        for method, by_size in times.items():
            rate = network_flops(model, sizes[-1]) / statistics.median(by_size[sizes[-1]])
            share = f"{rate / self.peak(method.precision):.0%}" if method.takes_model else ""
            rows.append([method.name, *(_cell(by_size[size]) for size in sizes), share])
        for name, published in TABLE_4.items():
            rows.append([f"paper: {name}", *(str(published.get(size, "")) for size in sizes), ""])
        return rows

    def to_json(self) -> dict[str, Any]:
        """All times as plain JSON types, with what made them."""
        return {
            "seconds": {
                model: {method.name: by_size for method, by_size in times.items()}
                for model, times in self.seconds.items()
            },
            "peak_operations_per_second": self.peaks,
            "settings": {"rounds": self.rounds, "sigma": SIGMA, "measured_once_from_seconds": _ONCE},
            "versions": versions(),
        }


def benchmark(
    models: Sequence[str] = ("dncnn-s-25", "dncnn-b"),
    *,
    sizes: Sequence[int] = (256, 512, 1024),
    engines: Sequence[str] = (),
    peers: bool = True,
    rounds: int = 5,
    note: Callable[[str], None] | None = None,
) -> Timings:
    """Measure how long denoising takes here, in everything that is installed.

    Every method is a process of its own; they take turns, so that compared with each other the figures hold also on a
    machine whose speed drifts. The time is that of the network alone, loaded and warmed up.

    Args:
        models: names of shipped grey models.
        sizes: sides of the square images, in pixels.
        engines: only these; none for all that are installed.
        peers: PyTorch, BM3D and OpenCV too, where installed.
        rounds: turns of each method.
        note: called with a line for people before each round.

    Raises:
        OptionError: a model is not for grey images, or no such engine is installed.
        ModelError: no such model is shipped.
        ContenderError: a process has ended early.
    """
    for model in models:
        if read_card(model)["model"]["channels"] != 1:
            raise OptionError(f"Table IV is of grey images; take a grey model. Received: {model}")
    methods = [
        method
        for method in installed_methods()
        if (method.engine in (engines or ENGINES) if method.engine in ENGINES else peers)
    ]
    if not any(method.engine in ENGINES for method in methods):
        raise OptionError(f"not installed: {', '.join(engines)}")
    seconds: dict[str, Times] = {
        model: {method: {side: [] for side in sizes} for method in methods} for model in models
    }
    peaks: dict[str, list[float]] = {method.precision: [] for method in methods if method.takes_model}
    with contextlib.ExitStack() as stack:
        contenders = {method: stack.enter_context(Contender(method.command)) for method in (*methods, PEAK)}
        for turn in range(rounds):
            if note is not None:
                note(f"round {turn + 1} of {rounds}")
            for precision, rates in peaks.items():
                rates.append(contenders[PEAK].measure(precision))
            for side in sizes:
                for model in models:
                    for method in methods:
                        if method.takes_model or model == models[0]:
                            _take_turn(contenders[method], model, side, seconds[model][method][side])
    for times in seconds.values():
        times |= {method: seconds[models[0]][method] for method in methods if not method.takes_model}
    return Timings(seconds, peaks, rounds)


def _take_turn(contender: Contender, model: str, side: int, taken: list[float]) -> None:
    if not taken or taken[0] < _ONCE:
        taken.append(contender.measure(model, side))


def _cell(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"{seconds[0]:.3g}"
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"{statistics.median(seconds):.3f} ± {(high - low) / 2:.3f}"
