"""Files in, files out: what there is to do, what may be written, and where it is done."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engines.available import LARGE
from ..errors import OptionError
from .places import Existing, comes_once
from .plan import Input, Job, Output, Results, make_plan
from .recorder import Recorder
from .rules import FileRules
from .tally import Listeners, Tally

if TYPE_CHECKING:
    from .restorer import Restorer

# Of a picture that would have to be fetched to know, or comes through a pipe, once.
_PIXELS_ELSEWHERE = 1_000_000

_WHERE = ("local", "ray")


@dataclass(frozen=True)
class Work:
    """What is done with each picture, and where.

    Attributes:
        results: what is made of each.
        make_restorer: makes what does it; called when there is something to do, once in each process, with
            `Restorer`'s options `large` and `note`.
        on: "local", or "ray" for a cluster.
        actors: processes that Ray starts, each with the network; None for one on each machine.
        dry_run: only say what would be done.
    """

    results: Results
    make_restorer: Callable[..., Restorer]
    on: str = "local"
    actors: int | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.on not in _WHERE:
            raise OptionError(f"`on` must be one of {', '.join(_WHERE)}. Received: {self.on}")
        if self.actors is not None and self.on == "local":
            raise OptionError("`actors` are Ray's; give `on` ray")
        if self.actors is not None and self.actors < 1:
            raise OptionError(f"`actors` must be at least 1. Received: {self.actors}")


def run(
    inputs: Input | Sequence[Input], output: Output | None, rules: FileRules, work: Work, listeners: Listeners
) -> Tally:
    """Do every picture that there is; the failure of one stops no other.

    Args:
        inputs: what to read; a stream alone.
        output: where to write; None for beside each input.
        rules: what holds for each file.
        work: what is done with each.
        listeners: whom to tell.

    Raises:
        OptionError: something does not go together.
        ModelError: the model cannot be loaded.
    """
    recorder = Recorder(listeners)
    plan = make_plan(inputs, output, rules, work.results)
    for failure in plan.failures:
        recorder.fail_input(failure)
    if plan.skipped:
        recorder.note(f"passing over results of an earlier run ({plan.skipped})")
    jobs = _not_done(plan.jobs, rules, recorder)
    if work.dry_run:
        for job in jobs:
            recorder.succeed(job)
    elif jobs:
        recorder.progress(0, len(jobs))
        make_restorer = functools.partial(work.make_restorer, large=_is_large(jobs, rules.max_pixels))
        if work.on == "ray":
            from .on_ray import restore_on_ray

            restore_on_ray(jobs, rules, work.results.extras, make_restorer, recorder, work.actors)
        else:
            from .conveyor import Conveyor

            restorer = make_restorer(note=recorder.note)
            Conveyor(jobs, rules, work.results.extras, restorer, recorder, (plan.source, plan.target)).run()
    return recorder.tally


def _not_done(jobs: list[Job], rules: FileRules, recorder: Recorder) -> list[Job]:
    """Those whose results are not there, or may be replaced."""
    exists = Existing()
    wanted = jobs
    if rules.skip_existing:
        wanted = [job for job in jobs if job.target is None or not exists(job.target)]
        recorder.tally.skipped = len(jobs) - len(wanted)
        if recorder.tally.skipped:
            recorder.note(f"{recorder.tally.skipped} of {len(jobs)} are done already")
    free = []
    for job in wanted:
        taken = [target for target in (job.target, *job.extras) if target and exists(target)]
        if taken and not (rules.overwrite or rules.skip_existing):
            reason = f"{taken[0]}: exists already; give `overwrite` to replace it, or another `output` or `suffix`"
            recorder.fail(job, reason)
            continue
        if rules.skip_existing:  # a run that was killed has left them beside a result that is missing
            for extra in taken:
                recorder.note(f"{extra}: is there already and stays as it is")
        free.append(job)
    return free


def _is_large(jobs: list[Job], max_pixels: int) -> bool:
    """Whether the pictures have many pixels in all; of a stream it is not known."""
    from ..images.reading import pixel_count

    sources = (job.source for job in jobs if job.source)
    sizes = (
        _PIXELS_ELSEWHERE if comes_once(source) else pixel_count(source, max_pixels=max_pixels) for source in sources
    )
    return any(total >= LARGE for total in itertools.accumulate(sizes))
