"""`dncnn-tf demo`: the main job on what comes with the package."""

from __future__ import annotations

from pathlib import Path

import click

from ..common import command

_SIGMA = 25.0
_MODEL = "dncnn-s-25"


@command("demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="dncnn-demo",
    show_default=True,
    metavar="DIR",
    help="Where the pictures go.",
)
@click.option("--overwrite", is_flag=True, help="Replace pictures that exist.")
def demo(output: Path, overwrite: bool) -> None:
    """Add noise of σ 25 to a photograph, remove it, and show how well that went.

    Works without a network connection. Writes noisy.png, denoised.png, clean.png and the three side by side,
    comparison.png.
    """
    targets = {name: output / f"{name}.png" for name in ("noisy", "denoised", "clean", "comparison")}
    taken = [target for target in targets.values() if target.exists()]
    if taken and not overwrite:
        raise FileExistsError(f"{taken[0]}: exists already; give --overwrite to replace it, or another -o")
    import numpy as np

    from dncnn_tf.data.datasets import resolve
    from dncnn_tf.data.degradations import add_gaussian_noise
    from dncnn_tf.evaluation.metrics import psnr
    from dncnn_tf.images.arrays import from_float
    from dncnn_tf.images.picture import Picture
    from dncnn_tf.images.reading import read
    from dncnn_tf.images.writing import write
    from dncnn_tf.restoration.denoising import denoise

    photograph = next(path for path in resolve("sample") if path.stem == "camera")
    clean = read(photograph).pixels
    noisy = add_gaussian_noise(clean, _SIGMA, np.random.default_rng(0))
    denoised = denoise(noisy, _MODEL, _SIGMA)
    pictures = {"noisy": noisy, "denoised": denoised, "clean": clean}
    pictures["comparison"] = np.concatenate(list(pictures.values()), axis=1)
    output.mkdir(parents=True, exist_ok=True)
    for name, pixels in pictures.items():
        write(Picture(from_float(pixels, np.uint8), None, "PNG"), targets[name])
    click.echo(f"noise of σ {_SIGMA:g} on scikit-image's photograph “camera”, removed by {_MODEL}")
    click.echo(f"noisy     PSNR {psnr(clean, noisy, peak=1):.2f} dB")
    click.echo(f"denoised  PSNR {psnr(clean, np.rint(denoised * 255) / 255, peak=1):.2f} dB")
    click.echo(targets["comparison"])
