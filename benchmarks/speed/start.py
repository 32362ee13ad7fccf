"""Where the time goes between `dncnn-tf denoise` and the file written: one 512×512 PNG, stage by stage.

    python -m benchmarks.speed.start

Each turn is a process of its own, that does what the command does, in its order and by its functions: with an empty
cache, weights are read, made a graph and compiled; else what was kept is taken back. Results: start.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.common.page import write_page

TABLE = Path(__file__).with_name("start.md")
MODEL = "dncnn-b"
PRECISIONS = ("float32", "bfloat16", "int8")
AGAIN = "(the network a second time)"


@click.command()
@click.option("--rounds", default=9, show_default=True)
@click.option("--stages", "picture", type=click.Path(path_type=Path), hidden=True)
@click.option("--precision", hidden=True)
@click.option("--kept", is_flag=True, hidden=True)
@click.option("--begun", type=float, hidden=True)
def main(rounds: int, picture: Path | None, precision: str, kept: bool, begun: float) -> None:
    """Measure and write the table."""
    if picture is not None:
        click.echo(json.dumps(stages(picture, precision, kept, begun)))
        return
    columns = [(precision, kept) for precision in PRECISIONS for kept in (False, True)]
    taken: dict[tuple[str, bool], list[dict[str, float]]] = {column: [] for column in columns}
    with tempfile.TemporaryDirectory() as work:
        picture = Path(work) / "noisy.png"
        make_picture(picture)
        for turn in range(rounds + 1):
            for precision, kept in columns:
                times = one_start(picture, precision, kept)
                if turn:  # the first one keeps what is compiled
                    taken[precision, kept].append(times)
    heads = [f"{precision}, {'kept' if kept else 'compiled'}" for precision, kept in columns]
    lines = [f"| milliseconds | {' | '.join(heads)} |", f"|---|{'--:|' * len(columns)}"]
    medians = [
        {stage: statistics.median(each[stage] for each in taken[column]) for stage in taken[column][0]}
        for column in columns
    ]
    for stage in dict.fromkeys(stage for each in medians for stage in each):
        lines.append(f"| {stage} | {' | '.join(f'{each[stage]:.0f}' if stage in each else '' for each in medians)} |")
    sums = [sum(ms for stage, ms in each.items() if stage != AGAIN) for each in medians]
    lines.append(f"| **in all** | {' | '.join(f'**{ms:.0f}**' for ms in sums)} |")
    click.echo("\n".join(lines))
    how = f"`python -m benchmarks.speed.start`: grey, `{MODEL}`, medians of {rounds} rounds in turns."
    write_page(TABLE, "Where the time of a start goes", how, lines)


def make_picture(target: Path) -> None:
    """A photograph with noise of σ 25."""
    import numpy as np
    import skimage.data
    from PIL import Image

    from dncnn_tf.data.degradations import add_gaussian_noise
    from dncnn_tf.images.arrays import from_float

    clean = np.asarray(skimage.data.camera(), np.float32) / 255
    Image.fromarray(from_float(add_gaussian_noise(clean, 25, np.random.default_rng(0)), np.uint8)).save(target)


def one_start(picture: Path, precision: str, kept: bool) -> dict[str, float]:
    """Milliseconds of each stage, in a new process."""
    command = [sys.executable, "-m", __spec__.name, "--stages", str(picture), "--precision", precision]
    done = subprocess.run(
        [*command, *(["--kept"] if kept else []), "--begun", str(time.time())],
        env=os.environ | {"DNCNN_TF_CACHE_DIR": str(picture.with_name("cache"))},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def stages(picture: Path, precision: Any, kept: bool, begun: float) -> dict[str, float]:
    """Milliseconds of each stage in this process, which began at a time."""
    taken: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        taken[name] = (time.perf_counter() - start) * 1000
        return result

    taken["Python starts, and click"] = (time.time() - begun) * 1000
    stage("import the rest of the command", import_command)
    stage("import the library, NumPy and Pillow", import_library)

    from dncnn_tf.engines.opening import open_engine
    from dncnn_tf.images.arrays import to_float
    from dncnn_tf.images.reading import read
    from dncnn_tf.images.writing import write
    from dncnn_tf.restoration.noise import estimate_noise

    noisy = stage("read the PNG", lambda: read(picture))
    stage("estimate its noise", lambda: estimate_noise(noisy.levels))
    stage("import OpenVINO", import_openvino)
    if kept:
        engine = stage("take back what was kept", lambda: open_engine(MODEL, engine="openvino", precision=precision))
    else:
        engine = compiled(stage, precision)
    x = to_float(noisy.levels[None])
    stage("the network", lambda: engine(x))
    stage(AGAIN, lambda: engine(x))
    stage("write the PNG", lambda: write(noisy, picture.with_name("result.png"), overwrite=True))
    return taken


def compiled(stage: Callable[[str, Callable[[], Any]], Any], precision: Any) -> Any:
    """An engine with nothing to go on from."""
    from dncnn_tf.engines.openvino_engine import OpenVINOEngine

    def network() -> Any:
        from dncnn_tf.models.source import find_source
        from dncnn_tf.models.weights import read_calibrated, read_network

        return (read_calibrated if precision == "int8" else read_network)(find_source(MODEL))

    def graph(of: Any) -> bytes:
        from dncnn_tf.engines.onnx_graph import onnx_model

        return onnx_model(of, int8=precision == "int8")

    read = stage("import h5py, read the weights", network)
    made = stage("import onnx, make the graph", lambda: graph(read))
    shape = read.config.channels, read.config.receptive_radius
    return stage("compile", lambda: OpenVINOEngine(made, *shape, precision=precision))


def import_command() -> None:
    """What `dncnn-tf denoise` imports before it calls the library."""
    import dncnn_tf.cli.commands.denoise
    import dncnn_tf.cli.main  # noqa: F401


def import_library() -> None:
    """What it imports of the library, but for engines."""
    import dncnn_tf.bulk.conveyor
    import dncnn_tf.bulk.denoiser
    import dncnn_tf.bulk.tasks  # noqa: F401


def import_openvino() -> None:
    """The library itself, without its converter, as the command does."""
    sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]
    import dncnn_tf.engines.openvino_alone  # noqa: F401


if __name__ == "__main__":
    main()
