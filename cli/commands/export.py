"""`dncnn-tf export`: a model for TensorFlow Serving or LiteRT."""

from __future__ import annotations

from pathlib import Path

import click

from ..common import command, note, quiet_start, start_keras


@command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["savedmodel", "tflite", "onnx"]),
    default="savedmodel",
    show_default=True,
    help="For TensorFlow Serving, for LiteRT, or for ONNX Runtime and OpenVINO.",
)
@click.option("--model", metavar="MODEL", help="Name or path.  [default: the newest finished run, else dncnn-b]")
@click.option("--output", type=click.Path(path_type=Path), default="exported", show_default=True, metavar="DIR")
@click.option("--version-number", type=click.IntRange(1), metavar="N", help="SavedModel only.  [default: the next one]")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="Arithmetic of the SavedModel.  [default: float32]",
)
@click.option(
    "--quantize",
    type=click.Choice(["none", "float16", "dynamic", "int8"]),
    help="TFLite only: weights of 16 bits, of 8 bits, or weights and features of 8 bits.  [default: none]",
)
@click.option("--overwrite", is_flag=True, help="Replace the .tflite or .onnx file if it exists.")
def export(
    format_: str,
    model: str | None,
    output: Path,
    version_number: int | None,
    precision: str | None,
    quantize: str | None,
    overwrite: bool,
) -> None:
    """Export a model, and check that what was written computes what the model does.

    \b
    dncnn-tf export                          DIR/NAME/VERSION/, for TensorFlow Serving
    dncnn-tf export --format tflite          DIR/NAME/NAME.tflite
    dncnn-tf export --format onnx            DIR/NAME/NAME.onnx
    """
    if format_ == "savedmodel":
        _refuse("--format savedmodel", quantize=quantize, overwrite=overwrite or None)
    else:
        _refuse(f"--format {format_}", version_number=version_number, precision=precision)
    if format_ == "onnx":
        _refuse("--format onnx", quantize=quantize)

    start_keras()
    from dncnn_tf.export.exports import default_model, export_name, export_onnx, export_saved_model, export_tflite
    from dncnn_tf.models.weights import load_model

    if model is None:
        model = default_model()
        note(f"exporting {model}; --model takes another")
    source, name = load_model(model), export_name(model)
    with quiet_start():  # converters and engines print remarks of their own
        if format_ == "tflite":
            result = export_tflite(source, name, output, quantize=quantize or "none", overwrite=overwrite)
        elif format_ == "onnx":
            result = export_onnx(source, name, output, overwrite=overwrite)
        else:
            result = export_saved_model(source, name, output, version=version_number, precision=precision or "float32")
    note(
        f"{result.size / 1e6:.2f} MB; differs from the model by {result.difference:.1e} at most (of 1), "
        f"PSNR loss {max(0, result.psnr_loss):.4f} dB"
    )
    if result.warmup is False:
        note("no warm-up requests for TensorFlow Serving in it; these need: pip install tensorflow-serving-api")
    click.echo(result.path)


def _refuse(format_: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with {format_}")
