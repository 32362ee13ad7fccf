"""Does `denoise` take the right model for a picture's noise?

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.routing --precision bfloat16

Pictures with noise of several kinds go through the blind model and `dncnn-photo`; the mean PSNR of what the rule takes
stands beside that of always taking the better one, which nobody knows who has no clean picture. The rule sees the whole
picture; PSNR is measured in its middle. It was chosen on all kinds but those of `polyu-test`, with another seed.
Results: routing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks.common.page import write_page
from dncnn_tf.data import datasets
from dncnn_tf.data.camera.coding import Coding, coded
from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import draw_shot
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.engines.opening import as_engine
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.images.arrays import from_float
from dncnn_tf.restoration.denoising import denoise
from dncnn_tf.restoration.noise import estimate_noise

PAGE = Path(__file__).with_name("routing.md")
BLIND = {1: "dncnn-b", 3: "cdncnn-b"}
SIGMAS = (5, 15, 25, 50)
CODING = Coding(90, "4:2:0")
SIDE = 256  # of the middle that PSNR is measured in
HIGHEST = 60.0  # dB; a picture that stays as it is would be at infinity
UNSEEN = 45.0  # dB; nobody sees the difference that is left

COLUMNS = (
    *("pictures", "blind", "`dncnn-photo`", "the better", "the rule's"),
    *("short", "short, up to 45 dB", "to `dncnn-photo`"),
)

Pairs = Iterator[tuple[np.ndarray, np.ndarray]]
"""Noisy and clean pictures, uint8 (H, W, 3 or 1)."""


def real_pairs(name: str, every: int, channels: int = 3) -> Pairs:
    """Of a set of pairs, one in so many."""
    for path in datasets.resolve(name)[::every]:
        yield datasets.decode(datasets.noisy_folder(path) / path.name, channels), datasets.decode(path, channels)


def clean_pairs(name: str, every: int) -> Pairs:
    """Of a set, one picture in so many, as it is on both sides."""
    for path in datasets.resolve(name)[::every]:
        picture = datasets.decode(path, 3)
        yield picture, picture


def _white(sigma: float, coding: Coding | None, every: int, seed: int) -> Pairs:
    for i, picture in enumerate(datasets.load("cbsd68", 3)[::every]):
        noisy = add_gaussian_noise(picture.astype(np.float32) / 255, sigma, np.random.default_rng([seed, i]))
        yield coded(from_float(noisy, np.uint8), coding), picture


def _simulated(every: int, seed: int) -> Pairs:
    for i, picture in enumerate(datasets.load("cbsd68", 3)[::every]):
        rng = np.random.default_rng([seed, i])
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        yield photograph(even, draw_shot(rng), rng)


def kinds(every: int, seed: int) -> dict[str, Callable[[], Pairs]]:
    """Pictures by what is wrong with them.

    Args:
        every: take one picture in so many.
        seed: of the noise.
    """
    noise: dict[str, Callable[[], Pairs]] = {}
    for coding, file in ((None, "PNG"), (CODING, f"JPEG of quality {CODING.quality}")):
        for sigma in SIGMAS:
            noise[f"CBSD68, white noise of σ {sigma}, {file}"] = lambda s=sigma, c=coding: _white(s, c, every, seed)
    return {
        "PolyU, test": lambda: real_pairs("polyu-test", every),
        "PolyU, tune": lambda: real_pairs("polyu-tune", every),
        "PolyU, test, in grey": lambda: real_pairs("polyu-test", every, 1),
        "PolyU, tune, in grey": lambda: real_pairs("polyu-tune", every, 1),
        "CBSD68, simulated camera": lambda: _simulated(every, seed),
        **noise,
        "CBSD68, clean": lambda: clean_pairs("cbsd68", every),
        "PolyU test's clean sides": lambda: clean_pairs("polyu-test", every),
        "PolyU tune's clean sides": lambda: clean_pairs("polyu-tune", every),
    }


@click.command()
@click.option("--photo", default="dncnn-photo", show_default=True, metavar="MODEL", help="What stands for dncnn-photo.")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Take one picture in so many.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the noise.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), default=PAGE, show_default=True)
def main(photo: str, every: int, seed: int, precision: str, page: Path) -> None:
    """Measure both models on all kinds and write the page."""
    blind = {channels: as_engine(name, precision=precision, large=True) for channels, name in BLIND.items()}
    for_photographs = as_engine(photo, precision=precision, large=True)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|" + "--:|" * (len(COLUMNS) - 1)]
    for name, pairs in kinds(every, seed).items():
        figures, chosen = [], []
        for noisy, clean in pairs():
            engines = (blind[noisy.shape[-1]], for_photographs)
            figures.append([float(psnr(middle(clean), denoise(middle(noisy), engine))) for engine in engines])
            chosen.append(int(estimate_noise(noisy).of_camera))
        lines.append(_row(name, np.array(figures), np.array(chosen)))
        click.echo(lines[-1])
    how = (
        f"Mean PSNR in dB of the middle {SIDE} × {SIDE} pixels, of a picture at most {HIGHEST:g}, in {precision}"
        f"{f', one picture in {every}' if every > 1 else ''}; the blind model is `cdncnn-b` or, in grey, `dncnn-b`. "
        "Then how much the rule's choice is short of the better one, and how much it is where more than "
        f"{UNSEEN:g} dB count as that much; and the share that it sends to `dncnn-photo`. Made by "
        f"`DNCNN_TF_DATA=DIR python -m benchmarks.quality.routing --precision {precision}` on"
    )
    write_page(page, "Which model for which noise", how, lines)


def middle(picture: np.ndarray) -> np.ndarray:
    """At most `SIDE` × `SIDE` pixels of a picture."""
    top, left = (max(0, (side - SIDE) // 2) for side in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE]


def _row(name: str, figures: np.ndarray, chosen: np.ndarray) -> str:
    """One row of the table.

    Args:
        name: of the kind.
        figures: PSNR (pictures, 2) by the blind model and the one for photographs.
        chosen: (pictures,) 0 or 1, which of them the rule takes.
    """

    def better_and_taken(highest: float) -> tuple[float, float]:
        capped = np.minimum(figures, highest)
        return capped.max(axis=1).mean(), capped[np.arange(len(capped)), chosen].mean()

    better, taken = better_and_taken(HIGHEST)
    better_seen, taken_seen = better_and_taken(UNSEEN)
    both = np.minimum(figures, HIGHEST).mean(axis=0)
    cells = (*both, better, taken, better - taken, better_seen - taken_seen)
    return f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} | {chosen.mean():.0%} |"


if __name__ == "__main__":
    main()
