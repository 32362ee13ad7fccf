"""`dncnn-tf inspect`: what an image file holds, how noisy it is, and what denoise would do with it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf import __version__
from dncnn_tf.errors import describe_of

from ..common import command, error
from ..file_plan import find_inputs
from ..parameters import Memory, Pixels
from ..tables import JsonFile, json_option

if TYPE_CHECKING:
    from dncnn_tf.restoration.inspection import Inspection


@command("inspect")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--recursive/--no-recursive", default=False, show_default=True, help="Go into folders within folders.")
@click.option("--max-memory", type=Memory(), default="2G", show_default=True, help="As it would be for denoise.")
@click.option(
    "--max-pixels", type=Pixels(), default="179M", show_default=True, help="Refuse larger pictures, as denoise does."
)
@json_option("The same as JSON.")
def inspect(inputs: tuple[str, ...], recursive: bool, max_memory: int, max_pixels: int, json_file: JsonFile) -> None:
    """Show size, depth and colour of images, their estimated noise, and the model and tiles denoise would choose.

    INPUT is a file, a folder or a quoted glob.

    \b
    dncnn-tf inspect photo.jpg
    dncnn-tf inspect scans/ --json scans.json
    """
    from dncnn_tf.images.reading import allow_pixels, read
    from dncnn_tf.restoration.inspection import inspect_picture

    allow_pixels(max_pixels)
    files, failures = find_inputs(inputs, recursive)
    for failure in failures:
        error(failure)
    entries = []
    for file in files:
        try:
            inspection = inspect_picture(read(file), max_memory=max_memory)
        except Exception as failure:  # whatever is wrong with one file must not stop the others
            error(describe_of(failure, file))
            continue
        entries.append(_as_json(file, inspection))
        if not json_file.takes_stdout:
            _show(file, inspection)
    json_file.write({"images": entries, "settings": {"max_memory": max_memory}, "versions": _versions()})
    if len(entries) < len(files) + len(failures):
        click.get_current_context().exit(1)


def _show(file: Path, inspection: Inspection) -> None:
    kind = {1: "grey", 3: "RGB"}[inspection.channels] + (" and alpha" if inspection.alpha else "")
    quality = f", quality {inspection.jpeg_quality}" if inspection.jpeg_quality else ""
    tiles = f"tiles of {inspection.tile}×{inspection.tile}" if inspection.tile else "in one part"
    click.echo(os.fsencode(file))
    click.echo(f"  picture   {inspection.width}×{inspection.height}, {inspection.bits}-bit {kind}")
    click.echo(f"  file      {inspection.format}{quality}")
    click.echo(f"  noise     σ {inspection.noise.sigma:.1f} (estimated)")
    click.echo(f"  denoise   {inspection.model}, {tiles}")
    for remark in inspection.remarks:
        click.echo(f"  remark    {remark}")


def _as_json(file: Path, inspection: Inspection) -> dict[str, Any]:
    values = dataclasses.asdict(inspection)
    return {"file": str(file), **values, "noise": {**values["noise"], "correlated": inspection.noise.correlated}}


def _versions() -> dict[str, str]:
    return {"dncnn-tf": __version__, **{name: importlib.metadata.version(name) for name in ("numpy", "pillow")}}
