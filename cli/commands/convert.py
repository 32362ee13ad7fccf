"""`dncnn-tf convert`: released weights to a Keras model."""

from __future__ import annotations

from pathlib import Path

import click

from ..common import command, note, start_keras


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
    if output.suffix != ".keras":
        raise click.UsageError(f"the model's name must end in .keras. Received: {output}")
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output}: exists already; give --overwrite or another name")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output}: there is no folder {output.parent}; create it first")

    start_keras()
    from dncnn_tf.models.conversion import convert_weights
    from dncnn_tf.models.dncnn import model_config
    from dncnn_tf.training.run_folder import save_atomically

    model = convert_weights(weights)
    save_atomically(model, output)
    config = model_config(model)
    note(
        f"{'colour' if config.channels == 3 else 'grey'} model of {config.depth} layers, batch normalisation "
        f"{'kept' if config.batch_norm else 'merged'}"
    )
    click.echo(output)
