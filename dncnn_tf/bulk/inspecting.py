"""Inspect files: what they hold, and what denoising would do with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError, describe_of
from ..images.formats import MAX_PIXELS
from ..restoration.tiling import require_parts
from .places import is_remote, place
from .rules import require_max_pixels
from .search import find
from .tally import Failure

if TYPE_CHECKING:
    from ..restoration.inspection import Inspection


@dataclass
class Inspected:
    """What there is to say of files.

    Attributes:
        inspections: of each file that could be read, in the order in which they were found.
        failures: in the order in which they came.
    """

    inspections: dict[Path, Inspection] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def inspect_files(
    inputs: str | Path | Sequence[str | Path],
    *,
    recursive: bool = False,
    max_memory: int | None = None,
    max_pixels: int = MAX_PIXELS,
    on_done: Callable[[Path, Inspection], None] | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Inspected:
    """Measure image files: size, depth, colour, estimated noise, and the model and tiles that denoising would choose.

    Args:
        inputs: files, folders or globs of this machine.
        recursive: go into folders within folders.
        max_memory: bytes that a process that denoises them may take, as for `dncnn_tf.denoise`.
        max_pixels: refuse larger pictures.
        on_done: called with each file and what there is to say of it.
        on_failure: called with each input that failed.

    Returns:
        What there is to say of each file, and what failed, with the reason.

    Raises:
        OptionError: an input is a URL, or a limit is out of range.
    """
    require_parts("auto", max_memory)
    require_max_pixels(max_pixels)
    places = [place(given) for given in ([inputs] if isinstance(inputs, str | Path) else inputs)]
    for given in filter(is_remote, places):
        raise OptionError(f"{given}: only files of this machine can be read here; copy it first")
    inspected = Inspected()

    def fail(failure: Failure) -> None:
        inspected.failures.append(failure)
        if on_failure:
            on_failure(failure)

    found = find(places, recursive=recursive)
    for failure in found.failures:
        fail(failure)
    if found.files:
        from ..images.reading import read
        from ..restoration.inspection import inspect_picture
    for file, _ in found.files:
        try:
            inspection = inspect_picture(read(file, max_pixels=max_pixels), max_memory=max_memory)
        except Exception as failure:  # whatever is wrong with one file must not stop the others
            fail(Failure(str(file), describe_of(failure, file)))
            continue
        inspected.inspections[file] = inspection
        if on_done:
            on_done(file, inspection)
    return inspected
