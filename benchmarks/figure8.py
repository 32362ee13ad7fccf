"""The paper's Fig. 8: what the blind models gain over BM3D at every noise level; and which shipped model is best there.

    pip install bm3d
    DNCNN_TF_DATA=DIR python benchmarks/figure8.py

BM3D is the package of its authors, with its default profile, and is told the true σ. Figures are kept and not measured
again unless the model has changed. Results: figure8.json, figure8.md and images/figure8.png.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

import bm3d
import click
import numpy as np
from machine import describe_machine

from dncnn_tf.cards import PRETRAINED, shipped_models
from dncnn_tf.data import datasets
from dncnn_tf.evaluation import Setting, evaluate, versions
from dncnn_tf.files import atomic_path
from dncnn_tf.runs import write_json

HERE = Path(__file__).parent
RESULTS, TABLE, PLOT = HERE / "figure8.json", HERE / "figure8.md", HERE / "images/figure8.png"
SIGMAS = range(5, 55, 5)
# BM3D takes some 5 s for a grey picture of BSD68 and 10 s for a colour one, so only some of the pictures are measured.
SETS = {1: ("bsd68", 6), 3: ("cbsd68", 12)}
NEAR = 12  # a model for one σ is measured this far from it


class BM3D:
    """BM3D for grey, CBM3D for colour, in the shape of a network (`dncnn_tf.runtimes.Runtime`)."""

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
    """Measure what is missing, and write table and plot."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for channels, (data, every) in SETS.items():
        files = datasets.resolve(data)[::every]
        for sigma in SIGMAS:
            _measure(
                results, f"BM3D {importlib.metadata.version('bm3d')}", BM3D(channels, sigma), channels, sigma, files
            )
            for name in _models(channels, sigma):
                _measure(results, _identity(name), name, channels, sigma, files)
    _write_table(results)
    _draw(results)


def _models(channels: int, sigma: float) -> list[str]:
    """Shipped models that can be meant for this σ."""
    blind = {1: "dncnn-b", 3: "cdncnn-b"}[channels]
    special = [f"dncnn-s-{level}" for level in (15, 25, 50) if channels == 1 and abs(level - sigma) <= NEAR]
    return [name for name in (blind, *special) if name in shipped_models()]


def _identity(name: str) -> str:
    """A model's name and the first digits of its weights' SHA-256."""
    return f"{name} {hashlib.sha256((PRETRAINED / f'{name}.weights.h5').read_bytes()).hexdigest()[:8]}"


def _key(method: str, channels: int, sigma: float) -> str:
    return f"{method}, {SETS[channels][0]}, σ {sigma}"


def _measure(results: dict, method: str, model: object, channels: int, sigma: float, files: list[Path]) -> None:
    key = _key(method, channels, sigma)
    if key not in results:
        results[key] = round(evaluate(model, files, Setting("denoise", sigma)).psnr, 3)
        click.echo(f"{key}: {results[key]}")
        write_json(RESULTS, results | {"machine": describe_machine(), "versions": versions()})


def _figure(results: dict, name: str, channels: int, sigma: float) -> float | None:
    method = f"BM3D {importlib.metadata.version('bm3d')}" if name == "BM3D" else _identity(name)
    return results.get(_key(method, channels, sigma))


def _write_table(results: dict) -> None:
    lines = [
        "# The blind models beside BM3D, and beside the models for one σ",
        "",
        "Mean PSNR in dB on every 6th picture of BSD68 and every 12th of CBSD68; **bold** is the best model. Made by",
        f"`DNCNN_TF_DATA=DIR python benchmarks/figure8.py` with the package bm3d {importlib.metadata.version('bm3d')} "
        "(default profile, told the true σ).",
    ]
    for channels, (data, every) in SETS.items():
        names = list(dict.fromkeys(name for sigma in SIGMAS for name in _models(channels, sigma)))
        count = len(datasets.resolve(data)[::every])
        lines += ["", f"## {data}, {count} pictures", "", f"| σ | BM3D | {' | '.join(names)} | blind model's gain |"]
        lines += ["|--:|--:|" + "--:|" * len(names) + "--:|"]
        for sigma in SIGMAS:
            peer = _figure(results, "BM3D", channels, sigma)
            figures = {name: _figure(results, name, channels, sigma) for name in _models(channels, sigma)}
            best = max(figures.values())
            cells = [_cell(figures.get(name), best) for name in names]
            lines.append(f"| {sigma} | {peer:.2f} | {' | '.join(cells)} | {figures[names[0]] - peer:+.2f} |")
    with atomic_path(TABLE) as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(psnr: float | None, best: float) -> str:
    if psnr is None:
        return ""
    return f"**{psnr:.2f}**" if psnr == best else f"{psnr:.2f}"


def _draw(results: dict) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for channels, (data, _) in SETS.items():
        blind = _models(channels, 25)[0]
        gains = [_figure(results, blind, channels, s) - _figure(results, "BM3D", channels, s) for s in SIGMAS]
        axes.plot(list(SIGMAS), gains, marker="o", label=f"{blind} over {'C' if channels == 3 else ''}BM3D, {data}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="σ", ylabel="gain in dB")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(PLOT) as path:
        figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
