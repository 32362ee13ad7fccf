"""Pictures restored by Ray Data: on the machines of a cluster, or in several processes here."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DnCNNError, OptionError
from ..models.cards import ModelError
from .places import Place, is_remote, place
from .plan import Job
from .recorder import Recorder
from .rules import FileRules
from .tally import Listeners

if TYPE_CHECKING:
    from .restorer import Restorer

_AT_ONCE = 8  # pictures that an actor takes; more where there are so many that Ray would have too much to count
_MOST_BLOCKS = 10_000
_RETRIES = 3


class RayError(DnCNNError):
    """Ray cannot do the work; the message says why."""


def restore_on_ray(
    jobs: list[Job],
    rules: FileRules,
    extras: tuple[str, ...],
    make_restorer: Callable[..., Restorer],
    recorder: Recorder,
    actors: int | None,
) -> None:
    """Restore pictures, each by the rules of one machine; a process that dies loses none.

    Only names travel through Ray; each actor reads and writes by itself, so that memory does not grow with the
    pictures. The cluster is the one that this process is connected to, or RAY_ADDRESS's, or one that lives as long as
    the call.

    Args:
        jobs: with files or URLs that all machines reach by these names.
        rules: what holds for each file.
        extras: further pictures of each.
        make_restorer: called in each actor with `Restorer`'s option `note`.
        recorder: hears of each.
        actors: processes, each with the network; None for one on each machine.

    Raises:
        OptionError: Ray is not installed, or streams are asked for.
        ModelError: the model cannot be loaded.
        RayError: Ray cannot do it.
    """
    rows = [
        {"job": i, "source": _name(job.source), "target": _name(job.target), "extras": list(map(_name, job.extras))}
        for i, job in enumerate(jobs)
    ]
    with _ray() as ray:
        actors, share = _actors_and_share(ray.nodes(), actors)
        at_once = max(_AT_ONCE, math.ceil(len(rows) / _MOST_BLOCKS))
        results = ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / at_once)).map_batches(
            _Actor,
            fn_constructor_args=(rules, extras, make_restorer),
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
                    recorder.note(os.fsdecode(line))
                if reason:
                    recorder.fail(job, _as_given(os.fsdecode(reason), job))
                else:
                    recorder.succeed(job)
            recorder.progress(len(jobs) - len(unheard), len(jobs))
        for job in unheard.values():
            reason = (
                f"{job.name}: no process of Ray's lived to finish it and its neighbours in {_RETRIES + 1} attempts; "
                "run again with `skip_existing`, and this picture by itself without Ray (whose logs are in "
                "/tmp/ray/session_latest/logs, on the machine where it runs)"
            )
            recorder.fail(job, reason)
        recorder.note(f"{recorder.tally} (actors: {actors})")


@contextlib.contextmanager
def _ray() -> Iterator[Any]:
    """Ray, started or connected to, quiet."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to Ray's makers unasked
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # lesser things would go to stderr
    _require_answer(os.environ.get("RAY_ADDRESS", ""))
    try:
        import ray
        import ray.data
    except ImportError:
        raise OptionError("`on` ray needs Ray: pip install 'dncnn-tf[ray]'") from None
    connected = ray.is_initialized()
    if not connected:
        _start(ray)
    for library in ("ray", "ray.data"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what fails is told to the recorder
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # those of processes that die again and again; all other failures are results
    try:
        yield ray
    except ray.exceptions.RayError as failure:
        raise RayError(f"Ray: {str(failure).strip().splitlines()[-1]}") from failure
    finally:
        if not connected:
            ray.shutdown()


def _start(ray: Any) -> None:
    own_cluster = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "include_dashboard": False}
    stopped = signal.getsignal(signal.SIGTERM)
    # Its processes look for modules where it was started, and a checkout would hide what is installed.
    with contextlib.chdir("/"):
        ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **own_cluster)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stopped)  # Ray has put its own there


def _require_answer(address: str) -> None:
    """Check that somebody is there; Ray would go on trying for minutes without a word."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as failure:
            raise RayError(
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
        raise RayError("Ray: no machine of the cluster has a CPU for an actor; add one")
    actors = wanted or len(working)
    on_each = math.ceil(actors / len(working))
    free = max(0.5, min(working) - 1)
    share = free / on_each
    return actors, math.floor(share) if share >= 1 else math.floor(share * 100) / 100


class _Actor:
    """Holds a network and restores what it is given."""

    def __init__(self, rules: FileRules, extras: tuple[str, ...], make_restorer: Callable[..., Restorer]) -> None:
        import ray

        warnings.simplefilter("ignore")  # this process is Ray's, and nobody reads what it says
        self.takes_over = ray.get_runtime_context().was_current_actor_reconstructed
        self.rules, self.extras = rules, extras
        self.notes: list[str] = []
        self.restorer = make_restorer(note=self.notes.append)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        from .conveyor import Conveyor

        jobs = [
            Job(_place(source), _place(target), tuple(map(_place, extras)))
            for source, target, extras in zip(batch["source"], batch["target"], batch["extras"], strict=True)
        ]
        heard = _Heard(dict(zip(jobs, batch["job"].tolist(), strict=True)), self.notes)
        rules = self.rules
        if self.takes_over and not rules.overwrite:  # what is there, a process wrote that died before it could say so
            rules = dataclasses.replace(rules, overwrite=True, skip_existing=False)
            for job in [job for job in jobs if job.target is not None and job.target.exists()]:
                jobs.remove(job)
                heard.succeed(job)
        try:
            Conveyor(jobs, rules, self.extras, self.restorer, heard).run()
        except ModelError as failure:
            heard.results.append((-1, os.fsencode(str(failure)), b""))
        finished, reasons, notes = zip(*heard.results, strict=True)
        return {"job": np.array(finished), "reason": np.array(reasons, object), "notes": np.array(notes, object)}


class _Heard(Recorder):
    """What an actor tells of its jobs, by their numbers; names in it may be no text, which Ray's strings must be."""

    def __init__(self, numbers: dict[Job, int], notes: list[str]) -> None:
        super().__init__(Listeners())
        self.results: list[tuple[int, bytes, bytes]] = []
        self._numbers, self._notes = numbers, notes

    def succeed(self, job: Job) -> None:
        self.fail(job, "")

    def fail(self, job: Job, reason: str) -> None:
        self.results.append((self._numbers[job], os.fsencode(reason), os.fsencode("\n".join(self._notes))))
        self._notes.clear()


def _as_given(line: str, job: Job) -> str:
    """A failure's line with the names that the call was given."""
    for given in (job.source, job.target):
        name = os.fsdecode(_name(given))
        if line.startswith(name):
            return f"{given}{line.removeprefix(name)}"
    return line


def _name(where: Place | None) -> bytes:
    """The same for all machines, as far as they share it."""
    if where is None:
        raise OptionError("`on` ray works on files; for streams, such as standard input and output, leave it out")
    return os.fsencode(str(where if is_remote(where) else where.absolute()))


def _place(name: bytes) -> Place:
    return place(os.fsdecode(name))
