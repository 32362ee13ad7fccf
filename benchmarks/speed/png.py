"""What a PNG file costs to write, in time and in bytes, beside Pillow's usual way: `python -m benchmarks.speed.png`.

Photographs of scikit-image with noise of σ 15, denoised as `dncnn-tf denoise` does it, and what is no photograph as it
is. CPU time of one process, the best of several rounds in turns. Results: png.md.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf import denoise
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.images.arrays import from_float, to_float
from dncnn_tf.images.png import encode

TABLE = Path(__file__).with_name("png.md")
PHOTOGRAPHS, OTHERS, SIGMA = ("coffee", "astronaut", "cat", "camera"), ("page", "text", "colorwheel", "logo"), 15


@click.command()
@click.option("--rounds", default=7, show_default=True)
def main(rounds: int) -> None:
    """Measure and write the table."""
    pictures = {f"{name}, denoised": restored(getattr(skimage.data, name)()) for name in PHOTOGRAPHS}
    pictures |= {f"{name}, as it is": getattr(skimage.data, name)() for name in OTHERS}
    lines = [
        "| | Pillow, bytes | ours, bytes | ours / Pillow | Pillow, ms | ours, ms | times as fast |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, levels in pictures.items():
        (before, slow), (after, fast) = measure(levels, rounds)
        sizes = f"{before:,} | {after:,} | {after / before:.2f}"
        lines.append(f"| {name} | {sizes} | {slow:.1f} | {fast:.1f} | {slow / fast:.1f} |")
    click.echo("\n".join(lines))
    how = (
        f"`python -m benchmarks.speed.png`: photographs with noise of σ {SIGMA}, denoised, and others; CPU time, the "
        f"best of {rounds} rounds in turns. Pillow: its default, zlib's level 6. Ours: Paeth's prediction and runs."
    )
    write_page(TABLE, "PNG files: time and size", how, lines)


def restored(clean: np.ndarray) -> np.ndarray:
    """A photograph after noise and denoising, uint8."""
    noisy = add_gaussian_noise(to_float(clean), SIGMA, np.random.default_rng(0))
    result: np.ndarray = denoise(from_float(noisy, np.uint8), engine="openvino")
    return result


def measure(levels: np.ndarray, rounds: int) -> list[tuple[int, float]]:
    """Bytes, and milliseconds at best, of both ways."""
    shaped = levels if levels.ndim == 3 else levels[..., None]
    ways: list[Callable[[], bytes]] = [lambda: by_pillow(levels), lambda: encode(shaped)]
    taken: list[list[float]] = [[], []]
    for _ in range(rounds):
        for way, times in zip(ways, taken, strict=True):
            start = time.process_time_ns()
            way()
            times.append((time.process_time_ns() - start) / 1e6)
    return [(len(way()), min(times)) for way, times in zip(ways, taken, strict=True)]


def by_pillow(levels: np.ndarray) -> bytes:
    """A PNG file as Pillow writes it where nothing is said."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
