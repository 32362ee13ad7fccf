"""Pictures one after the other: while the network works on one, the next is fetched and a small last one is written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import describe_of
from ..files import atomic_path
from ..images.content import read_content
from ..images.formats import SUFFIXES
from ..images.picture import Picture
from ..images.reading import pixel_count, read
from ..images.writing import encode, write, write_to
from ..models.cards import ModelError
from .places import Place, comes_once, is_remote
from .plan import Job
from .recorder import Recorder
from .restorer import Restorer
from .rules import FileRules

# Of larger pictures, one at a time is in memory.
_SMALL = 4_000_000


class Conveyor:
    """Restores pictures; the failure of one stops no other.

    Args:
        jobs: what to read and where to write.
        rules: what holds for each file.
        extras: further pictures of each, as `Restorer.extras` names them.
        restorer: makes a picture of a picture.
        recorder: hears of each.
        streams: for the job that has no source, or no target.
    """

    def __init__(
        self,
        jobs: list[Job],
        rules: FileRules,
        extras: tuple[str, ...],
        restorer: Restorer,
        recorder: Recorder,
        streams: tuple[BinaryIO | None, BinaryIO | None] = (None, None),
    ) -> None:
        self._jobs, self._rules, self._extras, self._restorer = jobs, rules, extras, restorer
        self._recorder = recorder
        self._source, self._target = streams
        # The network has a thread too, since what a library computes cannot be interrupted, and waiting for it can.
        self._reader, self._network, self._writer = (ThreadPoolExecutor(1) for _ in range(3))
        self._ahead: dict[int, Future[Picture | bytes]] = {}
        self._writing: tuple[Job, Future[None]] | None = None

    def run(self) -> None:
        """Restore them all.

        Raises:
            ModelError: the model cannot be loaded.
        """
        interrupted = True
        try:
            for i, job in enumerate(self._jobs):
                self._attempt(job, self._restore, i)
                self._progress(i + 1)
            self._finish_writing()
            interrupted = False
        finally:
            for thread in (self._reader, self._network, self._writer):
                thread.shutdown(wait=not interrupted, cancel_futures=True)

    def _progress(self, done: float) -> None:
        self._recorder.progress(done, len(self._jobs))

    def _attempt(self, job: Job, work: Callable[..., None], *arguments: Any) -> bool:
        try:
            work(*arguments)
        except ModelError:
            raise
        except Exception as failure:  # whatever is wrong with one file must not stop the others
            self._recorder.fail(job, describe_of(failure, job.name, job.target))
            return False
        return True

    def _restore(self, i: int) -> None:
        job = self._jobs[i]
        picture = (self._ahead.pop(i, None) or self._reader.submit(self._read, job)).result()
        if isinstance(picture, bytes):
            picture = self._reader.submit(self._decode, picture).result()
        small = picture.levels[..., 0].size < _SMALL
        self._read_ahead(i + 1, small)
        format = self._format(job, picture.format)
        restoring = self._network.submit(
            self._restorer, picture, format, job.name, lambda share: self._progress(i + share)
        )
        result = restoring.result()
        del restoring
        extras = [self._restorer.extras[kind](picture, result) for kind in self._extras]
        del picture  # a large one takes the memory that writing the result needs
        self._finish_writing()
        self._writing = job, self._writer.submit(self._write, job, result, format, extras)
        if not small:
            del result
            self._finish_writing()

    def _read_ahead(self, i: int, beside_small: bool) -> None:
        """Begin to fetch the next picture, and where both are small, to unpack it."""
        source = self._jobs[i].source if i < len(self._jobs) else None
        if source is None:
            return
        if is_remote(source):
            self._ahead[i] = self._reader.submit(self._fetch, source)
        elif not beside_small or comes_once(source):
            return
        elif 0 < pixel_count(source, max_pixels=self._rules.max_pixels) < _SMALL:
            self._ahead[i] = self._reader.submit(self._read, self._jobs[i])

    def _finish_writing(self) -> None:
        """Wait for the picture that is being written, and say that it is there."""
        if self._writing is None:
            return
        (job, writing), self._writing = self._writing, None
        if self._attempt(job, writing.result):
            self._recorder.succeed(job)

    def _format(self, job: Job, own: str) -> str:
        """The format asked for, in words or by another ending, or else the picture's own."""
        if self._rules.format != "keep":
            return self._rules.format.upper()
        same_ending = job.target and job.source and job.target.suffix.lower() == job.source.suffix.lower()
        return own if job.target is None or same_ending else SUFFIXES[job.target.suffix.lower()]

    def _read(self, job: Job) -> Picture:
        if job.source is None:
            assert self._source is not None
            return self._decode(self._source)
        return self._decode(self._fetch(job.source) if is_remote(job.source) else job.source)

    def _fetch(self, source: Place) -> bytes:
        with source.open("rb") as stream:
            return read_content(stream, max_pixels=self._rules.max_pixels)

    def _decode(self, source: Path | bytes | BinaryIO) -> Picture:
        return read(source, max_pixels=self._rules.max_pixels)

    def _write(self, job: Job, result: Picture, format: str, extras: list[Picture | bytes]) -> None:
        if job.target is None:
            assert self._target is not None
            write_to(self._target, result, format, self._rules.quality)
            return
        for target, extra in zip(job.extras, extras, strict=True):
            self._write_file(extra, target, "PNG", None, job.source)
        self._write_file(result, job.target, format, self._rules.quality, job.source)

    def _write_file(
        self, made: Picture | bytes, target: Place, format: str, quality: int | None, source: Place | None
    ) -> None:
        """Whole or not at all: a store shows what is put there when it has all of it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        overwrite = self._rules.overwrite
        # What is there stays: another run has written it meanwhile, or one before that was stopped.
        with contextlib.suppress(FileExistsError) if self._rules.skip_existing else contextlib.nullcontext():
            if not is_remote(target):
                here = None if source is None or is_remote(source) else source
                if isinstance(made, Picture):
                    write(made, target, format, quality, overwrite=overwrite, source=here)
                else:
                    with atomic_path(target, overwrite=overwrite, source=here) as path:
                        path.write_bytes(made)
            elif target.exists() and not overwrite:
                raise FileExistsError(f"{target}: exists already; give `overwrite` to replace it")
            else:
                target.write_bytes(encode(made, format, quality) if isinstance(made, Picture) else made)
