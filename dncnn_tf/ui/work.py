"""What is done with uploaded pictures: a part of one at once, one as a whole, and files as the commands write them."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..bulk.rules import FileRules
from ..bulk.tally import Tally
from ..bulk.tasks import deblock_files, denoise_files, upscale_files
from ..engines.opening import as_engine
from ..images.orientation import as_stored, upright
from ..restoration.choice import misfits
from ..restoration.denoising import denoise
from ..restoration.luminance import GENERAL_MODEL, deblock, upscale
from ..restoration.noise import Noise
from ..viewing.encoding import as_image, as_png
from .kept_engine import CancelledError, KeptEngine
from .network_turns import Turns
from .pictures import UploadedPicture, eight_bits, said
from .settings import Settings

_TILE = 256  # small, so that what is urgent need not wait long
_WHOLE = 1_500_000  # pixels of a picture that is done in one part
_AROUND = 4  # pixels that bicubic enlargement looks at

Cancelled = Callable[[], bool]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Shown:
    """A result as it is seen.

    Attributes:
        id: what it is known by.
        of: the network's settings that made it.
        pixels: uint8 (H, W, 1 to 4), upright.
        folder: where it is, and the network's output.
        remarks: for people.
    """

    id: str
    of: tuple[Any, ...]
    pixels: np.ndarray
    folder: Path
    remarks: tuple[str, ...]


class Workshop:
    """Does what the page asks for.

    Args:
        max_pixels: of a picture that is read.
    """

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self._turns = Turns()
        self._shown: dict[str, Shown] = {}

    def result(self, picture: UploadedPicture, settings: Settings, progress: Progress, cancelled: Cancelled) -> Shown:
        """The picture with all of its noise taken away, deblocked or enlarged.

        Args:
            picture: what was uploaded.
            settings: what to do; their strength is left to the browser.
            progress: called with the share that is done.
            cancelled: asked between parts.

        Raises:
            CancelledError: it was cancelled.
            DnCNNError: as the library's functions.
        """
        last = self._shown.get(picture.id)
        if last and last.of == settings.network:
            return last
        folder = picture.folder / secrets.token_urlsafe(16)
        folder.mkdir()
        try:
            engine = KeptEngine(self._engine(picture, settings), self._turns, cancelled, folder)
            restored = _restore(picture.levels, engine, settings, tile=_tile(picture, settings), progress=progress)
            np.save(folder / "shown", eight_bits(restored, folder / "result"))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        pixels = upright(np.load(folder / "shown.npy", mmap_mode="r"), picture.orientation)
        shown = Shown(folder.name, settings.network, pixels, folder, self._remarks(picture, settings))
        last, self._shown[picture.id] = self._shown.get(picture.id), shown
        if last:
            shutil.rmtree(last.folder, ignore_errors=True)
        return shown

    def shown(self, picture: UploadedPicture, id: str) -> Shown:
        """A result that is there.

        Raises:
            KeyError: it is not there any more.
        """
        if (shown := self._shown[picture.id]).id != id:
            raise KeyError(id)
        return shown

    def preview(self, picture: UploadedPicture, settings: Settings, x: int, y: int, width: int, height: int) -> bytes:
        """A part of the result, at once.

        Args:
            picture, settings: as for `result`.
            x, y, width, height: the part, in pixels of the picture as it is seen.

        Returns:
            A PNG file, as large as that part of the result.
        """
        engine = KeptEngine(self._engine(picture, settings), self._turns, lambda: False, None, urgent=True)
        enlargement = settings.enlargement
        around = -(-engine.receptive_radius // enlargement) + _AROUND
        left, top = max(0, x - around), max(0, y - around)
        seen = upright(picture.levels, picture.orientation)[top : y + height + around, left : x + width + around]
        stored = np.ascontiguousarray(as_stored(seen, picture.orientation))
        restored = upright(_restore(stored, engine, settings, tile=0), picture.orientation)
        first = (y - top) * enlargement, (x - left) * enlargement
        part = restored[first[0] :, first[1] :][: height * enlargement, : width * enlargement]
        return as_png(as_image(part), picture.icc)

    def file(
        self, picture: UploadedPicture, settings: Settings, progress: Progress, cancelled: Cancelled
    ) -> tuple[Path | None, str]:
        """The file that the command would write.

        Returns:
            The file and "", or None and the line that says why there is none.
        """
        output = picture.folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()

        def go_on(done: float, _: int) -> None:
            if cancelled():
                raise CancelledError("cancelled")
            progress(done)

        options: dict[str, Any] = {"progress": go_on, "rules": FileRules(max_pixels=self.max_pixels)}
        with self._network(picture, settings, cancelled) as network:
            tally = _write(picture.file, output, settings, **network, **options)
        if cancelled():
            raise CancelledError("cancelled")
        if tally.failures:
            return None, said(str(tally.failures[0]), picture.file)
        return next(output.iterdir()), ""

    def archive(
        self,
        pictures: list[UploadedPicture],
        settings: Settings,
        target: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> list[str]:
        """Write a ZIP file of what the command would write for several pictures.

        Returns:
            A line for each that failed; they are in the archive too.
        """
        failures = []
        taken: set[str] = set()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for i, picture in enumerate(pictures):

                def all_progress(share: float, i: int = i) -> None:
                    progress((i + share) / len(pictures))

                file, failure = self.file(picture, settings, all_progress, cancelled)
                if file:
                    archive.write(file, _free_name(file, taken))
                    file.unlink()
                else:
                    failures.append(failure)
            if failures:
                archive.writestr("failed.txt", "\n".join(failures) + "\n")
        return failures

    def forget(self, picture: UploadedPicture) -> None:
        """Remove a picture and its results."""
        self._shown.pop(picture.id, None)
        picture.remove()

    def _engine(self, picture: UploadedPicture, settings: Settings) -> Any:
        with self._turns.turn(urgent=True):  # one is opened at a time
            return as_engine(picture.model(settings) if settings.task == "denoise" else GENERAL_MODEL)

    @contextlib.contextmanager
    def _network(self, picture: UploadedPicture, settings: Settings, cancelled: Cancelled) -> Iterator[dict[str, Any]]:
        """The options of the library's functions for files that say how the network is run."""
        if picture.pages > 1:  # the command chooses a model for each page
            with self._turns.turn():
                yield {"model": settings.model} if settings.task == "denoise" else {}
            return
        last = self._shown.get(picture.id)
        kept = last.folder if last and last.of == settings.network else None
        engine = KeptEngine(self._engine(picture, settings), self._turns, cancelled, kept)
        yield {"model": engine, "tile": _tile(picture, settings)}

    def _remarks(self, picture: UploadedPicture, settings: Settings) -> tuple[str, ...]:
        """What `denoise` says of a model that was asked for."""
        if settings.task != "denoise":
            return ()
        noise = picture.inspection.noise if settings.sigma is None else Noise(settings.sigma)
        return tuple(misfits(picture.model(settings), noise))


def _restore(levels: np.ndarray, engine: Any, settings: Settings, **options: Any) -> np.ndarray:
    if settings.task == "denoise":
        return denoise(levels, engine, **options)
    if settings.task == "deblock":
        return deblock(levels, engine, **options)
    return upscale(levels, settings.scale, engine, **options)


def _write(file: Path, output: Path, settings: Settings, **options: Any) -> Tally:
    if settings.task == "denoise":
        return denoise_files(file, output, sigma=settings.sigma, strength=settings.strength, **options)
    if settings.task == "deblock":
        return deblock_files(file, output, **options)
    return upscale_files(file, output, scale=settings.scale, **options)


def _tile(picture: UploadedPicture, settings: Settings) -> int:
    """The same for what is seen and for files, so that the network's output serves for both."""
    height, width = (side * settings.enlargement for side in picture.levels.shape[:2])
    return _TILE if height * width > _WHOLE else 0


def _free_name(file: Path, taken: set[str]) -> str:
    """The file's name, with a number if there is one such already."""
    name, number = file.name, 1
    while name in taken:
        number += 1
        name = f"{file.stem} ({number}){file.suffix}"
    taken.add(name)
    return name
