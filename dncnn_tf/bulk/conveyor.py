"""Pictures one after the other: while the network works on one, the next is fetched and a small last one is written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from dncnn_tf.errors import describe_of
from dncnn_tf.images.formats import SUFFIXES
from dncnn_tf.images.picture import Picture
from dncnn_tf.images.reading import pixel_count, read
from dncnn_tf.images.writing import encode, write, write_to
from dncnn_tf.models.cards import ModelError

from .file_plan import Job
from .places import Place, is_remote
from .restorer import Restorer

if TYPE_CHECKING:
    from .pictures import Files

# Of larger pictures, one at a time is in memory.
_SMALL = 4_000_000


class Conveyor:
    """Restores pictures; the failure of one stops no other.

    Args:
        jobs: what to read and where to write.
        files: the options for files.
        restorer: makes a picture of a picture.
        progress: called with the number of pictures that are done, and shares of one.
        succeed: called with each job whose result is written.
        fail: called with each that failed, and a line that says why.
    """

    def __init__(
        self,
        jobs: list[Job],
        files: Files,
        restorer: Restorer,
        *,
        progress: Callable[[float], None],
        succeed: Callable[[Job], None],
        fail: Callable[[Job, str], None],
    ) -> None:
        self._jobs, self._files, self._restorer, self._progress = jobs, files, restorer, progress
        self._succeed, self._fail = succeed, fail
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

    def _attempt(self, job: Job, work: Callable[..., None], *arguments: Any) -> bool:
        try:
            work(*arguments)
        except ModelError:
            raise
        except Exception as failure:  # whatever is wrong with one file must not stop the others
            self._fail(job, describe_of(failure, job.source or "standard input", job.target))
            return False
        return True

    def _restore(self, i: int) -> None:
        job, following = self._jobs[i], self._jobs[i + 1 : i + 2]
        picture = (self._ahead.pop(i, None) or self._reader.submit(_read, job)).result()
        if isinstance(picture, bytes):
            picture = self._reader.submit(read, picture).result()
        small = picture.levels[..., 0].size < _SMALL
        if following and is_remote(following[0].source):
            self._ahead[i + 1] = self._reader.submit(following[0].source.read_bytes)
        elif small and following and 0 < pixel_count(following[0].source) < _SMALL:
            self._ahead[i + 1] = self._reader.submit(_read, following[0])
        format = self._format(job, picture.format)
        name = str(job.source or "standard input")
        restoring = self._network.submit(self._restorer, picture, format, name, lambda share: self._progress(i + share))
        result = restoring.result()
        del restoring
        extras = {kind: self._restorer.extras[kind](picture, result) for kind in self._files.extras}
        del picture  # a large one takes the memory that writing the result needs
        self._finish_writing()
        self._writing = job, self._writer.submit(_write, job, result, format, self._files.quality, extras)
        if not small:
            del result
            self._finish_writing()

    def _finish_writing(self) -> None:
        """Wait for the picture that is being written, and say that it is there."""
        if self._writing is None:
            return
        (job, writing), self._writing = self._writing, None
        if self._attempt(job, writing.result):
            self._succeed(job)

    def _format(self, job: Job, own: str) -> str:
        """The format asked for, in words or by another ending, or else the picture's own."""
        if self._files.format != "keep":
            return self._files.format.upper()
        same_ending = job.target and job.source and job.target.suffix.lower() == job.source.suffix.lower()
        return own if job.target is None or same_ending else SUFFIXES[job.target.suffix.lower()]


def _read(job: Job) -> Picture:
    if job.source is None:
        return read(click.get_binary_stream("stdin").read())
    return read(job.source.read_bytes() if is_remote(job.source) else job.source)


def _write(job: Job, result: Picture, format: str, quality: int | None, extras: dict[str, Picture]) -> None:
    if job.target is None:
        write_to(click.get_binary_stream("stdout"), result, format, quality)
        return
    for name, picture in extras.items():
        _write_file(picture, job.beside(name), "PNG", None)
    _write_file(result, job.target, format, quality)


def _write_file(picture: Picture, target: Place, format: str, quality: int | None) -> None:
    """Whole or not at all: a store shows what is put there when it has all of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_remote(target):
        target.write_bytes(encode(picture, format, quality))
    else:
        write(picture, target, format, quality)
