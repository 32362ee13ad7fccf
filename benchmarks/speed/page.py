"""How soon `dncnn-tf ui` answers, and how long its pictures take beside `denoise_files` in a process that is warm.

    python -m benchmarks.speed.page    # needs pip install ".[ui]"

The page's server is asked as its page asks it; it and this process take turns. Results: page.md.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import requests
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf import FileRules, denoise_files

TABLE = Path(__file__).with_name("page.md")
SETTINGS = {"task": "denoise", "model": "auto", "sigma": None, "strength": 1.0, "scale": 2}
SIGMA, PART = 25, 256


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> None:
    """Measure and write the table."""
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {}

    def timed(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        begun = time.perf_counter()
        result = function(*arguments, **options)
        times.setdefault(name, []).append(time.perf_counter() - begun)
        return result

    with tempfile.TemporaryDirectory() as work:
        small, large, target = (Path(work) / name for name in ("small.png", "large.jpg", "target.png"))
        Image.fromarray(noisy(np.tile(skimage.data.coffee(), (10, 10, 1)), rng)).save(large, quality=95)
        for _ in range(rounds):
            stop(timed("from the command to the page's first answer", start)[0])
        process, origin = start()
        try:
            for turn in range(rounds + 1):
                Image.fromarray(noisy(skimage.data.astronaut(), rng)).save(small)  # another one each time
                timed("512×512: `denoise_files`", denoise_files, small, target, rules=FileRules(overwrite=True))
                id = timed("512×512: upload and result on the page", shown, origin, small)
                timed("512×512: its file, downloaded", downloaded, origin, id)
                id = timed("24 megapixels: uploaded, read and inspected", uploaded, origin, large)
                timed("24 megapixels: from there to the first part", first_part, origin, id)
                if turn == 0:
                    times = {name: taken for name, taken in times.items() if "command" in name}  # now all is warm
        finally:
            stop(process)
    lines = ["| | seconds, median | slowest |", "|---|--:|--:|"]
    lines += [f"| {name} | {statistics.median(taken):.2f} | {max(taken):.2f} |" for name, taken in times.items()]
    click.echo("\n".join(lines))
    how = f"`python -m benchmarks.speed.page`: colour with noise of σ {SIGMA}, {rounds} rounds in turns."
    write_page(TABLE, "The page: how soon it answers", how, lines)


def noisy(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8, with noise."""
    return np.clip(clean + rng.normal(0, SIGMA, clean.shape), 0, 255).astype(np.uint8)


def start() -> tuple[subprocess.Popen, str]:
    """The command's process, and its page's address when that has answered."""
    command = [str(Path(sys.executable).with_name("dncnn-tf")), "ui", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    origin = process.stdout.readline().strip().rstrip("/")
    requests.get(origin, timeout=60).raise_for_status()
    return process, origin


def stop(process: subprocess.Popen) -> None:
    """End the command's process."""
    process.terminate()
    process.wait(60)


def ask(origin: str, path: str, **options: Any) -> requests.Response:
    """As the page asks."""
    answer = requests.post(origin + path, headers={"Origin": origin}, timeout=600, **options)
    answer.raise_for_status()
    return answer


def uploaded(origin: str, file: Path) -> str:
    """What a picture is known by, when it is read and inspected."""
    return ask(origin, "/pictures", params={"name": file.name}, data=file.read_bytes()).json()["id"]


def shown(origin: str, file: Path) -> str:
    """The same, when its result is there to be shown."""
    id = uploaded(origin, file)
    ask(origin, f"/pictures/{id}/result", json={"settings": SETTINGS})
    return id


def first_part(origin: str, id: str) -> None:
    """What is shown first of a large picture's result."""
    ask(origin, f"/pictures/{id}/preview", json={"settings": SETTINGS, "area": [2560, 2048, PART, PART]})


def downloaded(origin: str, id: str) -> None:
    """Get a picture's file."""
    lines = ask(origin, "/files", json={"pictures": [id], "settings": SETTINGS}).text.splitlines()
    requests.get(origin + json.loads(lines[-1])["file"], timeout=60).raise_for_status()


if __name__ == "__main__":
    main()
