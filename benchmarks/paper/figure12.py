"""The paper's Fig. 12: one picture whose six regions are spoiled in six ways, restored by the one model.

    python -m benchmarks.paper.figure12

The picture is scikit-image's photograph “astronaut” in grey. Results: figure12.md and figure12.png, spoiled and
restored.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf.data.degradations import add_gaussian_noise, bicubic_down_up, jpeg
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.files import atomic_path
from dncnn_tf.images.arrays import from_float
from dncnn_tf.restoration.denoising import denoise

HERE = Path(__file__).parent
SPOIL = {
    "noise, σ 15": lambda clean: add_gaussian_noise(clean, 15, np.random.default_rng(0)),
    "noise, σ 25": lambda clean: add_gaussian_noise(clean, 25, np.random.default_rng(1)),
    "super-resolution ×2": lambda clean: bicubic_down_up(clean, 2),
    "super-resolution ×3": lambda clean: bicubic_down_up(clean, 3),
    "JPEG, quality 10": lambda clean: jpeg(clean, 10),
    "JPEG, quality 30": lambda clean: jpeg(clean, 30),
}
ROWS, COLUMNS = 2, 3
SIDE = 504  # a multiple of ×2, ×3, and of rows and columns


@click.command()
@click.option("--model", default="dncnn-3", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default=True)
def main(model: str, output: Path) -> None:
    """Restore the picture; write the table and the pictures under --output."""
    photograph = Image.fromarray(skimage.data.astronaut()).convert("L")
    clean = np.asarray(photograph)[:SIDE, :SIDE].astype(np.float32) / 255
    spoiled = compose(clean)
    restored = denoise(spoiled, model)
    lines = ["| region | spoiled | restored | gain in dB |", "|---|--:|--:|--:|"]
    for name, region in zip(SPOIL, regions(), strict=True):
        before, after = (psnr(clean[region], image[region], peak=1) for image in (spoiled, restored))
        lines.append(f"| {name} | {before:.2f} | {after:.2f} | {after - before:+.2f} |")
    click.echo("\n".join(lines))
    output.mkdir(parents=True, exist_ok=True)
    write_page(
        output / "figure12.md",
        f"Fig. 12: one picture spoiled in six ways, restored by `{model}`",
        "`python -m benchmarks.paper.figure12`: PSNR in dB. Left to right, top to bottom in the picture:",
        [*lines, "", "![spoiled and restored](figure12.png)"],
        machine=False,
    )
    with atomic_path(output / "figure12.png") as path:
        Image.fromarray(from_float(np.concatenate([spoiled, restored], axis=1), np.uint8)).save(path)


def compose(clean: np.ndarray) -> np.ndarray:
    """A picture whose regions are spoiled as `SPOIL` says, each as if the whole had been: float32 (SIDE, SIDE)."""
    spoiled = np.empty_like(clean)
    for spoil, region in zip(SPOIL.values(), regions(), strict=True):
        spoiled[region] = spoil(clean)[region]
    return spoiled


def regions() -> list[tuple[slice, slice]]:
    """Places of the six, left to right, top to bottom."""
    height, width = SIDE // ROWS, SIDE // COLUMNS
    corners = [(row * height, column * width) for row in range(ROWS) for column in range(COLUMNS)]
    return [np.s_[top : top + height, left : left + width] for top, left in corners]


if __name__ == "__main__":
    main()
