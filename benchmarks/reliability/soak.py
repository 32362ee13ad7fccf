"""Kill -9 at random moments, again and again: `python -m benchmarks.reliability.soak`.

Of `denoise` over a folder, `train`, `export`, and `data download` from a server on this machine. After each kill every
file that bears its final name must be whole; the next run goes on. Prints what was tried and what was lost; exit status
1 if anything was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from benchmarks.reliability.soak_subjects import SUBJECTS, Subject
from dncnn_tf import ModelConfig, build_dncnn
from dncnn_tf.models.weights import save_weights


@click.command()
@click.argument("names", nargs=-1)
@click.option("--kills", default=50, show_default=True, help="Of each command.")
@click.option("--seed", default=0, show_default=True)
def main(names: tuple[str, ...], kills: int, seed: int) -> None:
    """Kill the commands of these NAMES, or all."""
    rng, lost = np.random.default_rng(seed), False
    with tempfile.TemporaryDirectory() as work:
        model = Path(work) / "small.weights.h5"
        network = build_dncnn(ModelConfig(depth=3, filters=4), initialization="he", seed=0)
        save_weights(network, model, {"name": "small"})
        for kind in SUBJECTS:
            if names and kind.name not in names:
                continue
            subject = kind(Path(work) / kind.name.replace(" ", "-"), model)
            finished = torment(subject, kills, rng.uniform)
            seen = ", ".join(f"{count} {what}" for what, count in subject.found.items())
            click.echo(f"{subject.name}: {kills} kills, finished {finished} times in between; {seen}")
            for what in subject.lost:
                click.echo(f"{subject.name}: LOST {what}")
            lost |= bool(subject.lost)
    if lost:
        raise SystemExit(1)
    click.echo("nothing was lost")


def torment(subject: Subject, kills: int, uniform: Callable[[float, float], float]) -> int:
    """Start and kill; a run that ends well before is checked too, and the work begins anew.

    Returns:
        How often it ended well.
    """
    start = time.monotonic()
    subprocess.run(subject.command(), env=subject.environment(), capture_output=True, check=True)
    longest = 1.1 * (time.monotonic() - start)
    subject.check()
    subject.clear()
    done = finished = 0
    while done < kills:
        with subprocess.Popen(
            subject.command(),
            env=subject.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                errors = process.communicate(timeout=uniform(0, longest))[1]
                finished += 1
                subject.require(process.returncode == 0, f"exit {process.returncode}: {errors.decode()[-300:]}")
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                done += 1
        subject.check()
        if process.returncode == 0:
            subject.clear()
    return finished


if __name__ == "__main__":
    main()
