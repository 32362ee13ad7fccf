"""What is to be done with pictures, as the page says it, and as a command line says it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError
from ..images.formats import MAX_PIXELS
from ..models.cards import shipped_models
from ..restoration.luminance import require_scale
from ..restoration.shares import Shares, require_sigma

TASKS = ("denoise", "deblock", "upscale")


@dataclass(frozen=True)
class Settings:
    """What is to be done.

    Attributes:
        task: one of `TASKS`.
        model: a shipped one that denoises, or "auto"; the other tasks have one.
        sigma: as for `dncnn_tf.denoise`.
        strength: as for `dncnn_tf.denoise`.
        scale: as for `dncnn_tf.upscale`.

    Raises:
        OptionError: one is out of its range.
    """

    task: str = "denoise"
    model: str = "auto"
    sigma: float | None = None
    strength: float = 1.0
    scale: int = 2

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise OptionError(f"`task` must be one of {', '.join(TASKS)}. Received: {self.task}")
        if self.model not in ("auto", *shipped_models()):
            raise OptionError(f"`model` must be auto or a model in the box. Received: {self.model}")
        require_sigma(self.sigma)
        Shares(self.strength)
        require_scale(self.scale)

    @classmethod
    def of(cls, given: Any) -> Settings:
        """From what the page sent.

        Raises:
            OptionError: it is something else, or out of range.
        """
        try:
            return cls(
                task=str(given["task"]),
                model=str(given["model"]),
                sigma=None if given["sigma"] is None else float(given["sigma"]),
                strength=float(given["strength"]),
                scale=int(given["scale"]),
            )
        except (TypeError, KeyError, ValueError, OverflowError) as failure:
            if isinstance(failure, OptionError):
                raise
            raise OptionError("settings are `task`, `model`, `sigma`, `strength` and `scale`") from failure

    @property
    def enlargement(self) -> int:
        """How many times as wide and high the result is."""
        return self.scale if self.task == "upscale" else 1

    @property
    def network(self) -> tuple[Any, ...]:
        """What the network's output depends on; strength is no part of it."""
        return (self.task, self.model, self.sigma) if self.task == "denoise" else (self.task, self.enlargement)

    def command(self, names: Sequence[str], max_pixels: int) -> str:
        """The command line that does the same.

        Args:
            names: of the files.
            max_pixels: of a picture that is read.
        """
        words = ["dncnn-tf", self.task]
        words += [f"./{name}" if name.startswith("-") else name for name in names]
        if self.task == "upscale":
            words += ["--scale", str(self.scale)]
        if self.task == "denoise":
            words += ["--model", self.model] if self.model != "auto" else []
            words += ["--sigma", f"{self.sigma:g}"] if self.sigma is not None else []
            words += ["--strength", f"{self.strength:g}"] if self.strength != 1 else []
        words += ["--max-pixels", str(max_pixels)] if max_pixels != MAX_PIXELS else []
        return shlex.join(words)
