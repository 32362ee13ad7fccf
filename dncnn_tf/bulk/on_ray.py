"""Pictures restored by Ray Data: on the machines of a cluster, or in several processes here."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from dncnn_tf.models.cards import ModelError

from .common import quiet_start
from .file_plan import Job
from .places import Place, is_remote, place
from .tally import Tally

if TYPE_CHECKING:
    from .pictures import Files
    from .restorer import Restorer

_AT_ONCE = 8  # pictures that an actor takes; more where there are so many that Ray would have too much to count
_MOST_BLOCKS = 10_000
_RETRIES = 3


def restore_on_ray(
    jobs: list[Job],
    files: Files,
    make_restorer: Callable[..., Restorer],
    progress: Callable[[float], None],
    tally: Tally,
    note: Callable[[str], None],
) -> None:
    """Restore pictures, each by the rules of one machine; a process that dies loses none.

    Only names travel through Ray; each actor reads and writes by itself, so that memory does not grow with the
    pictures. The cluster is RAY_ADDRESS's, or one that lives as long as this command.

    Args:
        jobs: with files or URLs that all machines reach by these names.
        files: the options for files, with `actors`.
        make_restorer: called in each actor with `Restorer`'s option `note`.
        progress: called with the number of pictures that are done.
        tally: is told of each.
        note: prints a line for people.

    Raises:
        click.UsageError: Ray is not installed, or standard streams are asked for.
        ModelError: the model cannot be loaded.
    """
    rows = [{"job": i, "source": _name(job.source), "target": _name(job.target)} for i, job in enumerate(jobs)]
    with contextlib.redirect_stdout(sys.stderr), _ray() as ray:  # Ray prints what it has to say of its processes
        actors, share = _actors_and_share(ray.nodes(), files.actors)
        at_once = max(_AT_ONCE, math.ceil(len(rows) / _MOST_BLOCKS))
        results = ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / at_once)).map_batches(
            _Actor,
            fn_constructor_args=(files, make_restorer),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=share,
            max_task_retries=_RETRIES,
        )
        unheard = dict(enumerate(jobs))
        for batch in results.iter_batches(batch_size=None):
            for i, reason, notes in zip(batch["job"], batch["reason"], batch["notes"], strict=True):
                if i < 0:
                    raise ModelError(os.fsdecode(reason))
                job = unheard.pop(int(i))
                for line in notes.splitlines():
                    note(os.fsdecode(line))
                if reason:
                    tally.fail(_as_given(os.fsdecode(reason), job))
                else:
                    tally.succeed(job)
            progress(len(jobs) - len(unheard))
        for job in unheard.values():
            tally.fail(
                f"{job.source}: no process of Ray's lived to finish it and its neighbours in {_RETRIES + 1} attempts; "
                "run again with --skip-existing, and this picture by itself without Ray (whose logs are in "
                "/tmp/ray/session_latest/logs, on the machine where it runs)"
            )
        note(f"{tally} (actors: {actors})")


@contextlib.contextmanager
def _ray() -> Iterator[Any]:
    """Ray, started or connected to, quiet."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to Ray's makers unasked
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # lesser things would go to stderr
    address = os.environ.get("RAY_ADDRESS", "")
    _require_answer(address)
    own_cluster = {} if address else {"address": "local", "include_dashboard": False}
    stopped = signal.getsignal(signal.SIGTERM)
    try:
        with quiet_start():
            import ray
            import ray.data

            # Its processes look for modules where it was started, and a checkout would hide what is installed.
            with contextlib.chdir("/"):
                ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **own_cluster)
    except ImportError:
        raise click.UsageError("--engine ray needs Ray: pip install 'dncnn-tf[ray]'") from None
    for library in ("ray", "ray.data"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what fails is said here, in one line
    signal.signal(signal.SIGTERM, stopped)  # Ray has put its own there
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # those of processes that die again and again; all other failures are results
    try:
        with warnings.catch_warnings(action="ignore", category=ray.util.annotations.RayDeprecationWarning):
            yield ray  # max_task_retries is to become a named parameter
    except ray.exceptions.RayError as failure:
        reason = str(failure).strip().splitlines()[-1]
        raise RuntimeError(f"Ray: {reason}; --debug shows all of it") from failure
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Check that somebody is there; Ray would go on trying for minutes without a word."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as failure:
            raise RuntimeError(
                f"RAY_ADDRESS={address}: no cluster answers there ({failure.strerror or failure}); start it, or unset "
                "RAY_ADDRESS for one on this machine"
            ) from None


def _actors_and_share(nodes: list[dict[str, Any]], wanted: int | None) -> tuple[int, float]:
    """How many actors, and the CPUs that each claims: together all of a machine but one, which Ray keeps.

    Args:
        nodes: as `ray.nodes()` gives them.
        wanted: actors in all; None for one on each machine.
    """
    cpus = [node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]]
    working = [count for count in cpus if count > 0]
    if not working:
        raise RuntimeError("Ray: no machine of the cluster has a CPU for an actor; add one")
    actors = wanted or len(working)
    on_each = math.ceil(actors / len(working))
    free = max(0.5, min(working) - 1)
    share = free / on_each
    return actors, math.floor(share) if share >= 1 else math.floor(share * 100) / 100


class _Actor:
    """Holds a network and restores what it is given."""

    def __init__(self, files: Files, make_restorer: Callable[..., Restorer]) -> None:
        from dncnn_tf.images.reading import allow_pixels

        allow_pixels(files.max_pixels)
        self.files = files
        self.notes: list[str] = []
        self.restorer = make_restorer(note=self.notes.append)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        from .conveyor import Conveyor

        jobs = [
            Job(place(os.fsdecode(source)), place(os.fsdecode(target)))
            for source, target in zip(batch["source"], batch["target"], strict=True)
        ]
        numbers = dict(zip(jobs, batch["job"].tolist(), strict=True))
        results: list[tuple[int, bytes, bytes]] = []  # names in them may be no text, which Ray's strings must be

        def finish(job: Job, reason: str = "") -> None:
            results.append((numbers[job], os.fsencode(reason), os.fsencode("\n".join(self.notes))))
            self.notes.clear()

        try:
            Conveyor(jobs, self.files, self.restorer, progress=lambda done: None, succeed=finish, fail=finish).run()
        except ModelError as failure:
            results.append((-1, os.fsencode(str(failure)), b""))
        finished, reasons, notes = zip(*results, strict=True)
        return {"job": np.array(finished), "reason": np.array(reasons, object), "notes": np.array(notes, object)}


def _as_given(line: str, job: Job) -> str:
    """A failure's line with the names that this command was given."""
    for given in (job.source, job.target):
        name = os.fsdecode(_name(given))
        if line.startswith(name):
            return f"{given}{line.removeprefix(name)}"
    return line


def _name(where: Place | None) -> bytes:
    """The same for all machines, as far as they share it."""
    if where is None:
        raise click.UsageError("--engine ray works on files; for standard input and output, leave it out")
    return os.fsencode(str(where if is_remote(where) else where.absolute()))
