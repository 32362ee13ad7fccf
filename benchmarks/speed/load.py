"""Many clients at once, against a stand-in for TensorFlow Serving: `python -m benchmarks.speed.load`.

The stand-in is its official gRPC service, or its REST API, on an exported SavedModel, in a process of its own; the
clients are threads here. Every answer is compared with the local result. It shows that nothing is lost and what the
client costs, not how fast the real server is. Results on standard output.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np

from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.engines.serving import Client
from dncnn_tf.export.exports import export_saved_model

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
MODEL = "dncnn-b"
SIDES = (1, 16, 33, 64, 97, 128, 200, 256)
BOUND = 1e-5


@click.command()
@click.option("--clients", default=8, show_default=True)
@click.option("--requests", "count", default=500, show_default=True)
@click.option("--protocol", type=click.Choice(["grpc", "rest"]), default="grpc", show_default=True)
@click.option("--serve", type=click.Path(path_type=Path), hidden=True)
def main(clients: int, count: int, protocol: str, serve: Path | None) -> None:
    """Send the requests and say what became of them."""
    if serve is not None:
        _serve(serve, protocol)
        return
    with tempfile.TemporaryDirectory() as work:
        saved_model = export_saved_model(MODEL, Path(work)).path
        command = [sys.executable, "-m", "benchmarks.speed.load", "--serve", str(saved_model), "--protocol", protocol]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            images = _images(count)
            expected = _expected(images)
            start = time.perf_counter()
            answers = _ask(url, images, clients)
            seconds = time.perf_counter() - start
            server.stdin.close()
    differences = [np.abs(answer - local).max() for (answer, _), local in zip(answers, expected, strict=True)]
    waits = np.array([wait for _, wait in answers]) * 1000
    click.echo(f"{len(answers)} answers to {count} requests of {clients} clients in {seconds:.1f} s ({protocol})")
    click.echo(f"largest difference from the local result: {max(differences):.1e}")
    click.echo(
        f"p50 {np.percentile(waits, 50):.0f} ms, p99 {np.percentile(waits, 99):.0f} ms, most {waits.max():.0f} ms"
    )
    if max(differences) > BOUND:
        raise click.ClickException(f"answers must be within {BOUND:g} of the local results")


def _serve(saved_model: Path, protocol: str) -> None:
    from helpers.standins import Served, grpc_server, rest_server

    with {"grpc": grpc_server, "rest": rest_server}[protocol](Served(saved_model, MODEL)) as url:
        click.echo(url)
        sys.stdout.flush()
        sys.stdin.read()  # until the other side closes it


def _images(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = rng.choice(SIDES, (count, 2))
    return [rng.normal(0.5, 0.2, (1, *shape, 1)).astype(np.float32) for shape in shapes]


def _expected(images: list[np.ndarray]) -> list[np.ndarray]:
    engine: Engine = open_engine(MODEL, engine="keras", precision="float32")
    return [engine(image) for image in images]


def _ask(url: str, images: list[np.ndarray], clients: int) -> list[tuple[np.ndarray, float]]:
    """Answers and how long each took, every thread with a client of its own."""
    own = threading.local()

    def ask(image: np.ndarray) -> tuple[np.ndarray, float]:
        if not hasattr(own, "client"):
            own.client = Client(url, MODEL)
        start = time.perf_counter()
        return own.client(image), time.perf_counter() - start

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, images))


if __name__ == "__main__":
    main()
