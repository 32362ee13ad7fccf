"""`dncnn-tf convert`: released weights to a Keras model."""

from __future__ import annotations

from pathlib import Path

import click

from ..common import command, note, quiet_start


@command("convert")
@click.argument("weights", type=click.Path(path_type=Path), metavar="WEIGHTS.mat|.pth")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="MODEL.keras", help="File to write."
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def convert(weights: Path, output: Path, overwrite: bool) -> None:
    """Convert released weights to a Keras model.

    Reads MatConvNet's .mat files (MATLAB 7.3) and KAIR's .pth files (with PyTorch installed), batch normalisation
    merged or not, grey or colour.
    """
    from dncnn_tf import convert_weights

    with quiet_start():  # Keras is imported on the way
        model = convert_weights(weights, output, overwrite=overwrite)
        from dncnn_tf import model_config

    config = model_config(model)
    note(
        f"{'colour' if config.channels == 3 else 'grey'} model of {config.depth} layers, batch normalisation "
        f"{'kept' if config.batch_norm else 'merged'}"
    )
    click.echo(output)
