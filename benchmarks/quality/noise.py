"""How good are the estimate of σ and the warning about noise that is not white?

    DNCNN_TF_DATA=DIR python -m benchmarks.quality.noise

Every picture of BSD68 and Urban100, in grey, gets noise of known kinds and is rounded to 8 bits; nothing is random but
the noise. Writes noise.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.restoration import estimate_sigma as wavelet_sigma

from benchmarks.common.page import write_page
from dncnn_tf.data import datasets
from dncnn_tf.data.degradations import add_gaussian_noise, jpeg
from dncnn_tf.images.arrays import from_float
from dncnn_tf.restoration.noise import Noise, estimate_noise

TABLE = Path(__file__).with_name("noise.md")
HOW = """`DNCNN_TF_DATA=DIR python -m benchmarks.quality.noise`: what `--sigma auto` makes of pictures in 8-bit grey
with added noise: the median of its σ̂, the mean of |σ̂ − σ| (in brackets that of scikit-image's wavelet estimate), and
the share of pictures whose noise it calls not white. The rule for the latter was chosen on a part of these pictures."""
SETS = ("bsd68", "urban100")
SIGMAS = (3, 5, 10, 15, 25, 50, 75)

Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _white(sigma: float) -> Degradation:
    return lambda clean, rng: add_gaussian_noise(clean, sigma, rng)


def _blurred(sigma: float, radius: float) -> Degradation:
    """Noise of deviation σ, smoothed by a Gaussian of `radius` pixels."""

    def degrade(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = gaussian_filter(rng.standard_normal(clean.shape[:2], np.float32), radius)[..., None]
        return clean + noise * np.float32(sigma / 255 / noise.std())

    return degrade


def _coded(sigma: float, quality: int) -> Degradation:
    return lambda clean, rng: jpeg(add_gaussian_noise(clean[..., 0], sigma, rng), quality)[..., None]


KINDS: dict[str, tuple[Degradation, str]] = {
    "none": (lambda clean, rng: clean, "no"),
    **{f"white, σ {sigma}": (_white(sigma), "no") for sigma in SIGMAS},
    "none, JPEG of quality 80": (_coded(0, 80), "no"),
    "white, σ 15, then JPEG of quality 90": (_coded(15, 90), "no"),
    **{f"smoothed by {r} pixels, σ {s}": (_blurred(s, r), "yes") for r in (0.5, 1.0) for s in (5, 10, 20)},
    "white, σ 15, then JPEG of quality 50": (_coded(15, 50), "yes"),
}


@click.command()
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Take one picture in so many.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), default=TABLE, show_default=True)
def main(every: int, page: Path) -> None:
    """Write the table."""
    images = {name: datasets.load(name, 1)[::every] for name in SETS}
    lines = [
        f"| noise | should it warn? | {' | | | '.join(SETS)} | | |",
        "|---|---|" + "--:|" * 3 * len(SETS),
        "| | |" + " median σ̂ | mean error | warned |" * len(SETS),
    ]
    for name, (degrade, warn) in KINDS.items():
        cells = [cell for pictures in images.values() for cell in _measure(name, degrade, pictures)]
        lines.append(f"| {name} | {warn} | {' | '.join(cells)} |")
        click.echo(lines[-1])
    write_page(page, "Estimating noise", HOW, lines, machine=False)


def _measure(name: str, degrade: Degradation, pictures: list[np.ndarray]) -> tuple[str, str, str]:
    estimates: list[Noise] = []
    wavelet: list[float] = []
    for seed, picture in enumerate(pictures):
        clean = picture.astype(np.float32) / 255
        noisy = from_float(degrade(clean, np.random.default_rng(seed)), np.uint8)
        estimates.append(estimate_noise(noisy))
        wavelet.append(wavelet_sigma(noisy[..., 0]))
    sigmas = np.array([noise.sigma for noise in estimates])
    warned = f"{np.mean([noise.correlated for noise in estimates]):.0%}"
    if not name.startswith("white, σ") or "JPEG" in name:
        return f"{np.median(sigmas):.1f}", "", warned
    sigma = float(name.removeprefix("white, σ "))
    errors = (float(np.mean(np.abs(found - sigma))) for found in (sigmas, np.array(wavelet)))
    return f"{np.median(sigmas):.1f}", "{:.1f} ({:.1f})".format(*errors), warned


if __name__ == "__main__":
    main()
