"""What is done to clean images before a model is to restore them, and what of it goes together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ..data.datasets import is_paired, noisy_folder, resolve
from ..errors import OptionError
from ..models.cards import DEGREE_NAMES, task_and_degree

EvaluationTask = Literal["denoise", "super-resolution", "jpeg"]

_RANGES = {"sigma": (0, 255), "scale": (2, 16), "quality": (1, 100)}


@dataclass(frozen=True)
class Setting:
    """What happens to the clean images.

    Attributes:
        task: "denoise", "super-resolution" or "jpeg".
        degree: σ on the 0–255 scale, the scale factor, or the JPEG quality; None with `noisy`.
        seed: decides the noise, together with each image's name.
        noisy: a folder of images that are noisy already, with the clean images' names; only for "denoise".

    Raises:
        OptionError: these do not go together, or the degree is none that the task has.
    """

    task: EvaluationTask
    degree: float | None
    seed: int = 0
    noisy: str | Path | None = None

    def __post_init__(self) -> None:
        if self.task not in get_args(EvaluationTask):
            raise OptionError(f"`task` must be one of {', '.join(get_args(EvaluationTask))}. Received: {self.task}")
        name = DEGREE_NAMES[self.task]
        if self.noisy is not None:
            if self.task != "denoise" or self.degree is not None:
                raise OptionError("`noisy` brings its own noise; leave out `sigma` and `task`")
            return
        if self.degree is None:
            raise OptionError(f"`task` {self.task} needs `{name}`")
        low, high = _RANGES[name]
        whole = self.task == "denoise" or float(self.degree).is_integer()
        if not (low <= self.degree <= high and whole):
            kind = "a number" if self.task == "denoise" else "a whole number"
            raise OptionError(f"`{name}` must be {kind} from {low} to {high}. Received: {self.degree:g}")

    @classmethod
    def each(
        cls,
        task: EvaluationTask,
        *,
        sigma: Sequence[float] = (),
        scale: Sequence[int] = (),
        quality: Sequence[int] = (),
        noisy: str | Path | None = None,
        seed: int = 0,
        data: str = "",
    ) -> list[Setting]:
        """One setting for each degree, in the order given, without repetitions.

        Args:
            task, noisy, seed: as of a setting.
            sigma, scale, quality: the degrees; only those that belong to the task may be given.
            data: what is to be measured; a published set of pairs has noise of its own.

        Raises:
            OptionError: these do not go together, or there is no degree.
        """
        given: dict[str, Sequence[float]] = {"sigma": sigma, "scale": scale, "quality": quality}
        wanted = DEGREE_NAMES[task]
        for name, degrees in given.items():
            if degrees and name != wanted:
                raise OptionError(f"`{name}` does not belong to `task` {task}; give `{wanted}`")
        wanted_degrees: list[float | None] = [*dict.fromkeys(given[wanted])] or [None]
        if task == "denoise" and is_paired(data):
            if sigma:
                raise OptionError("a set of pairs brings its own noise; leave out `sigma`")
            noisy = noisy or noisy_folder(resolve(data)[0])
        return [cls(task, degree, seed, noisy) for degree in wanted_degrees]

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Setting:
        """What one row of a card's "measured" was measured in."""
        task, degree = task_and_degree(row)
        if degree is None:
            return cls.each("denoise", data=row["data"])[0]
        return cls(cast(EvaluationTask, task), degree)

    @property
    def factor(self) -> int:
        """The degree as a whole number: scale or quality."""
        assert self.degree is not None  # as `__post_init__` has seen to
        return int(self.degree)

    @property
    def text(self) -> str:
        """For people, such as "denoise, sigma 25"."""
        return self.task if self.degree is None else f"{self.task}, {DEGREE_NAMES[self.task]} {self.degree:g}"
