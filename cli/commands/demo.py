"""`dncnn-tf demo`: the main job on what comes with the package."""

from __future__ import annotations

from pathlib import Path

import click

from ..common import command


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
    from dncnn_tf import demonstrate

    shown = demonstrate(output, overwrite=overwrite)
    click.echo(f"noise of σ {shown.sigma:g} on scikit-image's photograph “camera”, removed by {shown.model}")
    click.echo(f"noisy     PSNR {shown.noisy:.2f} dB")
    click.echo(f"denoised  PSNR {shown.denoised:.2f} dB")
    click.echo(shown.comparison)
