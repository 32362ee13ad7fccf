"""`dncnn-tf export`: a model for TensorFlow Serving, LiteRT, or what reads ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..common import command, note, quiet_start
from ..parameters import Pixels

_OPTIONS_OF = {
    "savedmodel": ("version_number", "precision", "max_pixels"),
    "tflite": ("quantize", "overwrite"),
    "onnx": ("quantize", "overwrite"),
}


@command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(_OPTIONS_OF)),
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
    "--max-pixels",
    type=Pixels(),
    help="Of a file that a SavedModel is sent; it takes 600 bytes of memory for each.  [default: 4M]",
)
@click.option(
    "--quantize",
    type=click.Choice(["none", "float16", "dynamic", "int8"]),
    help="TFLite: weights of 16 bits, of 8 bits, or weights and features of 8 bits; ONNX: none or the last.  "
    "[default: none]",
)
@click.option("--overwrite", is_flag=True, help="Replace the .tflite or .onnx file if it exists.")
def export(format_: str, model: str | Path | None, output: Path, **options: Any) -> None:
    """Export a model, and check that what was written computes what the model does.

    \b
    dncnn-tf export                          DIR/NAME/VERSION/, for TensorFlow Serving
    dncnn-tf export --format tflite          DIR/NAME/NAME.tflite
    dncnn-tf export --format onnx            DIR/NAME/NAME.onnx
    """
    options = {name: value for name, value in options.items() if value not in (None, False)}
    for name in options.keys() - _OPTIONS_OF[format_]:
        raise click.UsageError(f"--{name.replace('_', '-')} does not go with --format {format_}")
    if format_ == "onnx" and options.get("quantize") in ("float16", "dynamic"):
        raise click.UsageError("--quantize with --format onnx is none or int8")
    from dncnn_tf import default_model

    if model is None:
        model = default_model()
        note(f"exporting {model}; --model takes another")
    with quiet_start():  # converters and engines print remarks of their own
        from dncnn_tf import export_onnx, export_saved_model, export_tflite

        if format_ == "tflite":
            kept = export_tflite(model, output, **options)
        elif format_ == "onnx":
            kept = export_onnx(model, output, **options)
        else:
            kept = export_saved_model(model, output, **options)
    note(
        f"{kept.size / 1e6:.2f} MB; differs from the model by {kept.difference:.1e} at most (of 1), "
        f"PSNR loss {max(0, kept.psnr_loss):.4f} dB"
    )
    if kept.warmup is False:
        note("no warm-up requests for TensorFlow Serving in it; these need: pip install tensorflow-serving-api")
    click.echo(kept.path)
