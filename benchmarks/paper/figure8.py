"""The paper's Fig. 8: what the blind models gain over BM3D at every noise level; and where a model for one σ is better.

    pip install bm3d
    DNCNN_TF_DATA=DIR python -m benchmarks.paper.figure8

BM3D is the package of its authors, with its default profile, and is told the true σ. Figures are kept and not measured
again unless the model has changed. Results: figure8.json, figure8.md and figure8.png.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import bm3d
import click
import numpy as np

from benchmarks.common.machine import describe_machine
from benchmarks.common.page import write_page
from dncnn_tf.data import datasets
from dncnn_tf.engines.opening import ModelLike
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import atomic_path, write_json
from dncnn_tf.models.cards import read_card, shipped_models

HERE = Path(__file__).parent
RESULTS, TABLE, PLOT = HERE / "figure8.json", HERE / "figure8.md", HERE / "figure8.png"
SIGMAS = range(5, 55, 5)
# BM3D takes some 5 s for a grey picture of BSD68 and 10 s for a colour one, so only some of the pictures are measured.
SETS = {"dncnn-b": ("bsd68", 6), "cdncnn-b": ("cbsd68", 17)}
SPECIAL_SIGMAS = (15, 25, 50)
OFFSETS = (-5, -3, -2, -1, 0, 1, 2, 3, 5)


class BM3D:
    """BM3D for grey, CBM3D for colour, in the shape of a network (`dncnn_tf.Engine`)."""

    receptive_radius = 0  # evaluation never tiles pictures of this size

    def __init__(self, channels: int, sigma: float) -> None:
        self.channels = channels
        self.sigma = sigma

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, channels) → the same shape."""
        denoise = bm3d.bm3d_rgb if self.channels == 3 else bm3d.bm3d
        images = [denoise(image if self.channels == 3 else image[..., 0], self.sigma / 255) for image in noisy]
        return np.stack(images).reshape(noisy.shape).astype(np.float32)


@click.command()
def main() -> None:
    """Measure what is missing, and write tables and plot."""
    figures = Figures()
    how = (
        "`DNCNN_TF_DATA=DIR python -m benchmarks.paper.figure8`: mean PSNR in dB on every 6th picture of BSD68 and "
        f"every 17th of CBSD68, with the package bm3d {importlib.metadata.version('bm3d')} (default profile, told the "
        "true σ)."
    )
    lines = [
        "![gain over BM3D at every σ](figure8.png)",
    ]
    blind = [name for name in SETS if name in shipped_models()]
    gains = {name: _beside_bm3d(figures, name, lines) for name in blind}
    _beside_special(figures, lines)
    _draw(gains)
    write_page(TABLE, "The blind models beside BM3D", how, lines, machine=False)


class Figures:
    """PSNRs, measured when they are asked for the first time."""

    def __init__(self) -> None:
        self.values = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}

    def bm3d(self, data: str, every: int, channels: int, sigma: float) -> float:
        """Of BM3D."""
        method = f"BM3D {importlib.metadata.version('bm3d')}"
        return self._of(method, BM3D(channels, sigma), data, every, sigma)

    def shipped(self, name: str, data: str, every: int, sigma: float) -> float:
        """Of a model in the box, known by the first digits of its weights' SHA-256."""
        return self._of(f"{name} {read_card(name)['sha256'][:8]}", name, data, every, sigma)

    def _of(self, method: str, model: ModelLike, data: str, every: int, sigma: float) -> float:
        key = f"{method}, {data} 1 in {every}, σ {sigma}"
        if key not in self.values:
            files = datasets.resolve(data)[::every]
            self.values[key] = round(evaluate(model, files, Setting("denoise", sigma)).psnr, 3)
            click.echo(f"{key}: {self.values[key]}")
            write_json(RESULTS, self.values | {"machine": describe_machine(), "versions": versions()})
        return self.values[key]


def _beside_bm3d(figures: Figures, name: str, lines: list[str]) -> list[float]:
    """Add a table; the gains at `SIGMAS`."""
    data, every = SETS[name]
    channels = 3 if name == "cdncnn-b" else 1
    peer = [figures.bm3d(data, every, channels, sigma) for sigma in SIGMAS]
    ours = [figures.shipped(name, data, every, sigma) for sigma in SIGMAS]
    rows = {
        "BM3D": [f"{psnr:.2f}" for psnr in peer],
        f"`{name}`": [f"{psnr:.2f}" for psnr in ours],
        "gain": [f"{a - b:+.2f}" for a, b in zip(ours, peer, strict=True)],
    }
    lines += ["", f"| {data}, σ | {' | '.join(map(str, SIGMAS))} |", "|---|" + "--:|" * len(SIGMAS)]
    lines += [f"| {label} | {' | '.join(cells)} |" for label, cells in rows.items()]
    return [a - b for a, b in zip(ours, peer, strict=True)]


def _beside_special(figures: Figures, lines: list[str]) -> None:
    data, every = SETS["dncnn-b"]
    header = " | ".join(f"{offset:+d}" if offset else "0" for offset in OFFSETS)
    lines += ["", "## The models for one σ beside the blind one", "", "Gain over `dncnn-b` in dB on the same pictures"]
    lines[-1] += ", at noise of that σ and a little less or more:"
    lines += ["", f"| model | {header} |", "|---|" + "--:|" * len(OFFSETS)]
    for sigma in SPECIAL_SIGMAS:
        gains = [
            figures.shipped(f"dncnn-s-{sigma}", data, every, sigma + offset)
            - figures.shipped("dncnn-b", data, every, sigma + offset)
            for offset in OFFSETS
        ]
        lines.append(f"| `dncnn-s-{sigma}` | {' | '.join(f'{gain:+.2f}' for gain in gains)} |")


def _draw(gains: dict[str, list[float]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in gains.items():
        peer = "CBM3D" if name == "cdncnn-b" else "BM3D"
        axes.plot(list(SIGMAS), values, marker="o", label=f"{name} over {peer}, {SETS[name][0]}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="σ", ylabel="gain in dB")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(PLOT) as path:
        figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
