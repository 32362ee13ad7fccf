"""`dncnn-tf inspect`: what an image file holds, how noisy it is, and what denoise would do with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf import __version__
from dncnn_tf.errors import printable

from ..common import as_options, command, error
from ..options import max_memory_option, max_pixels_option
from ..tables import JsonFile, json_option

if TYPE_CHECKING:
    from dncnn_tf import Inspection


@command("inspect")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--recursive/--no-recursive", default=False, show_default=True, help="Go into folders within folders.")
@max_memory_option("As it would be for denoise.")
@max_pixels_option("Refuse larger pictures, as denoise does.")
@json_option("The same as JSON.")
def inspect(inputs: tuple[str, ...], json_file: JsonFile, **options: Any) -> None:
    """Show size, depth and colour of images, their estimated noise, and the model and tiles denoise would choose.

    INPUT is a file, a folder or a quoted glob.

    \b
    dncnn-tf inspect photo.jpg
    dncnn-tf inspect scans/ --json scans.json
    """
    from dncnn_tf import inspect_files

    inspected = inspect_files(
        inputs,
        on_done=None if json_file.takes_stdout else _show,
        on_failure=lambda failure: error(str(failure)),
        **options,
    )
    entries = [_as_json(file, inspection) for file, inspection in inspected.inspections.items()]
    json_file.write({"images": entries, "settings": {"max_memory": options["max_memory"]}, "versions": _versions()})
    if inspected.failures:
        click.get_current_context().exit(1)


def _show(file: Path, inspection: Inspection) -> None:
    kind = {1: "grey", 3: "RGB"}[inspection.channels] + (" and alpha" if inspection.alpha else "")
    quality = f", quality {inspection.jpeg_quality}" if inspection.jpeg_quality else ""
    tiles = f"tiles of {inspection.tile}×{inspection.tile}" if inspection.tile else "in one part"
    click.echo(printable(str(file)))
    click.echo(f"  picture   {inspection.width}×{inspection.height}, {inspection.bits}-bit {kind}")
    click.echo(f"  file      {inspection.format}{quality}")
    noise = inspection.noise  # of one colour all over, it correlates with nothing
    camera = f", a camera's: {noise.camera_sign}" if noise.of_camera else ""
    click.echo(f"  noise     σ {noise.sigma:.1f} (estimated{camera})")
    click.echo(f"  denoise   {inspection.model}, {tiles}")
    for remark in inspection.remarks:
        click.echo(f"  remark    {as_options(remark)}")


def _as_json(file: Path, inspection: Inspection) -> dict[str, Any]:
    values = dataclasses.asdict(inspection)
    said = {name: getattr(inspection.noise, name) for name in ("correlated", "of_camera", "camera_sign")}
    noise = {**values["noise"], **said}
    return {"file": str(file), **values, "noise": noise, "remarks": list(map(as_options, inspection.remarks))}


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"dncnn-tf": __version__, **{name: version(name) for name in ("numpy", "pillow")}}
