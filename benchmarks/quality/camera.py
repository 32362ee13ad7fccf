"""Does the simulated camera's noise look like a camera's?

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.camera

The noise of real pairs (PolyU's, those for tuning: the ones for measuring are not looked at) beside that of pictures of
CBSD432 through the simulation, by the same code; and what the simulation would be without some of its steps. Results:
camera.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from benchmarks.common.page import write_page
from dncnn_tf.data import datasets
from dncnn_tf.data.camera.grain import DISTANCES, Grain
from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import Shot, draw_shot
from dncnn_tf.data.camera.training_pairs import as_cameras_see, region_size, spoiled_patches

PAGE = Path(__file__).with_name("camera.md")
SIDE = 320  # of what is cut from a picture
EVERY, SHOTS = 6, 3
PATCH_SIZE, BATCH_SIZE = 96, 4

COLUMNS = (
    *("R", "G", "B"),
    *(f"G at {d}" for d in DISTANCES),
    *(f"Cr at {d}" for d in DISTANCES),
    "R with G",
    *(f"Y, flat, at {d}" for d in DISTANCES),
    "Y, steep / flat",
)

Change = Callable[[Shot], Shot]


def _without_chroma_smoothing(shot: Shot) -> Shot:
    return dataclasses.replace(shot, finish=dataclasses.replace(shot.finish, chroma=0.0, flat_chroma=0.0))


def _without_luma_smoothing(shot: Shot) -> Shot:
    return dataclasses.replace(shot, finish=dataclasses.replace(shot.finish, luma=0.0, flat_luma=0.0))


def _without_coding(shot: Shot) -> Shot:
    return dataclasses.replace(shot, camera=None, saved=None)


WITHOUT: dict[str, Change] = {
    "simulated": lambda shot: shot,
    "… without chroma's smoothing": _without_chroma_smoothing,
    "… without luma's": _without_luma_smoothing,
    "… without JPEG": _without_coding,
}


@click.command()
def main() -> None:
    """Measure both and write the page."""
    real = np.array([_real(path) for path in datasets.resolve("polyu-tune")])
    rows = [_row("PolyU, tune", real)]
    pictures = [picture[:SIDE, :SIDE] for picture in datasets.load("cbsd432", 3)[::EVERY]]
    for name, change in WITHOUT.items():
        simulated = _simulated(pictures, change)
        rows.append(_row(name, simulated))
        if name == "simulated":
            weakest, strongest = np.percentile(real[:, 1], (5, 95))
            alike = simulated[(simulated[:, 1] > weakest) & (simulated[:, 1] < strongest)]
            rows.append(_row(f"… where as strong as most of PolyU's ({len(alike) / len(simulated):.0%})", alike))
    how = (
        f"Means over {len(real)} real pairs and {len(pictures)} × {SHOTS} simulated ones, in brackets from the tenth "
        "to the ninetieth hundredth: standard deviation of R, G and B on the 0–255 scale, autocorrelation of G and Cr "
        "at so many pixels, correlation of R with G, autocorrelation of Y in the flattest quarter of a picture, and "
        "deviation of Y in its steepest quarter as a multiple of that in the flattest. Made by "
        "`DNCNN_TF_DATA=DIR python -m benchmarks.quality.camera` on"
    )
    table = [f"| noise | {' | '.join(COLUMNS)} |", "|---|" + "--:|" * len(COLUMNS), *rows]
    pace = f"A training patch of {PATCH_SIZE}×{PATCH_SIZE} pixels takes {_milliseconds(pictures):.1f} ms of one core."
    write_page(PAGE, "The simulated camera's noise beside real cameras'", how, [*table, "", pace])


def _real(clean: Path) -> np.ndarray:
    noisy = datasets.noisy_folder(clean) / clean.name
    return Grain.of(datasets.decode(noisy, 3), datasets.decode(clean, 3)).numbers


def _simulated(pictures: list[np.ndarray], change: Change) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array(
        [
            Grain.of(*photograph(as_cameras_see(picture, rng), change(draw_shot(rng)), rng)).numbers
            for picture in pictures
            for _ in range(SHOTS)
        ]
    )


def _row(name: str, numbers: np.ndarray) -> str:
    low, high = np.percentile(numbers, (10, 90), axis=0)
    digits = [1] * 3 + [2] * 11
    cells = (f"{m:.{d}f} ({a:.{d}f}–{b:.{d}f})" for m, a, b, d in zip(numbers.mean(0), low, high, digits, strict=True))
    click.echo(f"{name}: {numbers.mean(0).round(2)}")
    return f"| {name} | {' | '.join(cells)} |"


def _milliseconds(pictures: list[np.ndarray]) -> float:
    """Of processor time for one training patch."""
    side = region_size(PATCH_SIZE)
    regions = np.stack([picture[:side, :side] for picture in pictures[:BATCH_SIZE]])
    rng = np.random.default_rng(0)
    begin = time.process_time()
    for _ in range(20):
        spoiled_patches(regions, PATCH_SIZE, (0.0, 55.0), rng)
    return (time.process_time() - begin) / 20 / BATCH_SIZE * 1e3


if __name__ == "__main__":
    main()
