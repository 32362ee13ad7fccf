"""Denoise pictures one after the other, loading each model once."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dncnn_tf.cards import shipped_models
from dncnn_tf.config import RECIPES
from dncnn_tf.image_writing import losses, require_holds
from dncnn_tf.images import Picture
from dncnn_tf.inference import as_runtime, blend, denoise_batch
from dncnn_tf.model_choice import choose_model, misfits
from dncnn_tf.noise import Noise, estimate_noise
from dncnn_tf.runtimes import Runtime

# Beside the network's feature maps: the result, its blend with the noisy picture, and the levels to write.
_COPIES = 3


class Denoiser:
    """Turns noisy pictures into clean ones.

    Args:
        model: a model's name or path, or "auto".
        sigma: noise level on the 0–255 scale, None to estimate it.
        strength: share of the noise to subtract, 0 to 1.
        tile: largest side of a part, 0 for one part, or "auto".
        max_memory: bytes that the process should make do with.
        precision: "auto", "float32" or "bfloat16".
        note: prints a line for people.
    """

    def __init__(
        self,
        *,
        model: str,
        sigma: float | None,
        strength: float,
        tile: int | str,
        max_memory: int,
        precision: str,
        note: Callable[[str], None],
    ) -> None:
        self.model = model
        self.sigma = sigma
        self.strength = strength
        self.tile = tile
        self.max_memory = max_memory
        self.precision = "float32" if precision == "auto" else precision
        self.note = note
        self.runtimes: dict[str, Runtime] = {}

    def __call__(self, picture: Picture, format: str, name: str, progress: Callable[[float], None]) -> Picture:
        """Denoise one picture.

        Args:
            picture: the noisy picture.
            format: what it will be written as.
            name: what to call it in notes.
            progress: called with the share that is done.

        Raises:
            ImageError: `format` cannot hold the picture.
            ModelError: the model cannot be loaded.
        """
        require_holds(picture, format)
        for remark in (*picture.notes, *losses(picture, format)):
            self.note(f"{name}: {remark}")
        runtime = self._runtime(picture, name)
        denoised = denoise_batch(
            picture.pixels[None], runtime, tile=self.tile, max_memory=self._memory(picture), progress=progress
        )[0]
        return dataclasses.replace(picture, pixels=blend(picture.pixels, denoised, self.strength))

    def noise(self, noisy: Picture, clean: Picture) -> Picture:
        """What was removed, on mid-grey."""
        return Picture(noisy.pixels - clean.pixels + np.float32(0.5), None, "PNG", 8)

    def compare(self, noisy: Picture, clean: Picture) -> Picture:
        """Before and after, side by side."""
        return Picture(np.concatenate([noisy.pixels, clean.pixels], axis=1), None, "PNG", 8)

    def _runtime(self, picture: Picture, name: str) -> Runtime:
        if self.model != "auto" and self.model not in RECIPES:
            return self._open(self.model)
        noise = estimate_noise(picture.pixels) if self.sigma is None else Noise(self.sigma)
        level = f"σ {noise.sigma:g}" if self.sigma is not None else f"noise of σ {noise.sigma:.1f} (estimated)"
        model = self.model
        if model == "auto":
            model = choose_model(picture.pixels.shape[-1], noise.sigma, shipped_models())
        runtime = self._open(model)
        self.note(f"{name}: {level}, {model}")
        for remark in misfits(model, noise):
            self.note(f"{name}: {remark}")
        return runtime

    def _open(self, model: str) -> Runtime:
        if model not in self.runtimes:
            self.runtimes[model] = as_runtime(model, precision=self.precision)
        return self.runtimes[model]

    def _memory(self, picture: Picture) -> int:
        """What is left for the network's feature maps."""
        return max(0, self.max_memory - _resident() - _COPIES * picture.pixels.nbytes)


def _resident() -> int:
    """Bytes of memory that the process has now; TensorFlow's usual share where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 700 * 2**20


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, if that is a terminal, that counts up to `total` pictures."""
    quiet = click.get_current_context().meta["quiet"] or not sys.stderr.isatty()
    columns = (
        TextColumn("denoising"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("denoising", total=total)
        yield lambda done: bar.update(task, completed=done)
