"""Which files are read, and how their results are named and written."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OptionError
from ..images.formats import FORMATS, MAX_PIXELS


@dataclass(frozen=True)
class FileRules:
    """What holds for each file of a run.

    Attributes:
        format: of the results, one of `dncnn_tf.FORMATS`: "keep" for each input's own.
        suffix: goes between a result's name and its ending; None for the task's own, such as "_denoised". In folders
            and globs, files whose names end in it are results of an earlier run and are passed over.
        recursive: go into folders within folders.
        quality: of JPEG, WebP and AVIF results, 1 to 100; None for the input's, or 95.
        overwrite: replace files that exist; without it, one that does is a failure.
        skip_existing: pass over inputs whose result exists, to go on with a folder.
        max_pixels: refuse pictures of more.
        shard: (i, n) to do the i-th of n parts only, counted from 1, for n machines. Which part a picture belongs to is
            decided by its name, so that it stays where it is when others come and go.

    Raises:
        OptionError: one is out of its range, or two do not go together.
    """

    format: str = "keep"
    suffix: str | None = None
    recursive: bool = False
    quality: int | None = None
    overwrite: bool = False
    skip_existing: bool = False
    max_pixels: int = MAX_PIXELS
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if self.overwrite and self.skip_existing:
            raise OptionError("`overwrite` and `skip_existing` exclude each other")
        if self.suffix is not None and "/" in self.suffix:
            raise OptionError(f"`suffix` is a part of a file's name, without /. Received: {self.suffix}")
        if self.format not in FORMATS:
            raise OptionError(f"`format` must be one of {', '.join(FORMATS)}. Received: {self.format}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise OptionError(f"`quality` must be from 1 to 100. Received: {self.quality}")
        require_max_pixels(self.max_pixels)
        part, parts = self.shard
        if not 1 <= part <= parts:
            raise OptionError(f"`shard` is a part such as (2, 8), the second of eight. Received: {self.shard}")


def require_max_pixels(max_pixels: int) -> None:
    """Check a limit of pixels.

    Raises:
        OptionError: no picture is within it.
    """
    if not max_pixels >= 1:
        raise OptionError(f"`max_pixels` must be at least 1. Received: {max_pixels}")
