"""The figures of a model on a set: averages, a table for people, JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DnCNNError
from .paper import PaperFigure
from .protocol import PROTOCOL
from .settings import Setting
from .versions import versions


class EvaluationError(DnCNNError):
    """An image cannot be evaluated; the message says which, why and what to do."""


@dataclass(frozen=True)
class ImageScore:
    """One image's figures.

    Attributes:
        name: of its file, without the ending.
        psnr, ssim: of what the network made of it.
        input_psnr, input_ssim: of what the network was given.
    """

    name: str
    psnr: float
    ssim: float
    input_psnr: float
    input_ssim: float


@dataclass(frozen=True)
class Restoration:
    """One image before and after the network, each float32 (H, W, C) in [0, 1], none of them clipped."""

    clean: np.ndarray
    degraded: np.ndarray
    restored: np.ndarray


@dataclass(frozen=True)
class Result:
    """A model's figures on a set in one setting.

    Attributes:
        model: its name or path, or what kind of object it is.
        data: the set's name or folder, or how many files.
        setting: what was done to the images.
        precision: of the network's arithmetic.
        images: each image's figures.
        failures: of images that could not be evaluated and were left out.
        paper: what the paper has for the model that corresponds to this one, on the same images; None where it has
            nothing, or where images were left out.
    """

    model: str
    data: str
    setting: Setting
    precision: str
    images: tuple[ImageScore, ...]
    failures: tuple[EvaluationError, ...] = ()
    paper: PaperFigure | None = None

    @property
    def psnr(self) -> float:
        """Average in decibels."""
        return float(np.mean([image.psnr for image in self.images]))

    @property
    def ssim(self) -> float:
        """Average."""
        return float(np.mean([image.ssim for image in self.images]))

    @property
    def input_psnr(self) -> float:
        """Average of what the network was given, in decibels."""
        return float(np.mean([image.input_psnr for image in self.images]))

    @property
    def input_ssim(self) -> float:
        """Average of what the network was given."""
        return float(np.mean([image.input_ssim for image in self.images]))

    @property
    def title(self) -> str:
        """Model, task, set and degree, for people."""
        task, _, degree = self.setting.text.partition(", ")
        return ", ".join(part for part in (self.model, task, self.data, degree) if part)

    def table(self) -> list[list[str]]:
        """Heading, images and average as text, the paper's figures in the last column where there are any."""
        rows = [["image", "input PSNR", "PSNR", "input SSIM", "SSIM"]]
        rows += [_row(image.name, image) for image in self.images]
        rows.append(_row("average", self))
        if (paper := self.paper) is None:
            return rows
        average = f"{paper.psnr:.2f}" + (f" / {paper.ssim:.4f}" if paper.ssim is not None else "")
        images = (f"{paper.images[image.name]:.2f}" if image.name in paper.images else "" for image in self.images)
        cells = [f"paper ({paper.model})", *images, average]
        return [[*row, cell] for row, cell in zip(rows, cells, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """The figures as plain JSON types, which have no infinity: the PSNR of equal images is None."""
        paper = self.paper
        return {
            "task": self.setting.task,
            "data": self.data,
            "level": self.setting.degree,
            "psnr": _finite(self.psnr),
            "ssim": self.ssim,
            "input_psnr": _finite(self.input_psnr),
            "input_ssim": self.input_ssim,
            "paper_model": paper.model if paper else None,
            "paper_psnr": paper.psnr if paper else None,
            "paper_ssim": paper.ssim if paper else None,
            "images": [
                {
                    "name": image.name,
                    "psnr": _finite(image.psnr),
                    "ssim": image.ssim,
                    "input_psnr": _finite(image.input_psnr),
                    "input_ssim": image.input_ssim,
                    **({"paper_psnr": paper.images[image.name]} if paper and image.name in paper.images else {}),
                }
                for image in self.images
            ],
        }


def evaluation_json(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of one model on one set in several settings, and all that made them: protocol, settings, versions.

    Args:
        results: at least one; they differ only in the degree.
    """
    first = results[0]
    setting = first.setting
    return {
        "results": [result.to_json() for result in results],
        "protocol": {name: PROTOCOL[name] for name in (setting.task, "psnr", "ssim")},
        "settings": {
            "model": first.model,
            "precision": first.precision,
            "seed": setting.seed,
            "noisy": str(setting.noisy) if setting.noisy else None,
        },
        "versions": versions(),
    }


def _row(name: str, of: ImageScore | Result) -> list[str]:
    return [name, f"{of.input_psnr:.2f}", f"{of.psnr:.2f}", f"{of.input_ssim:.4f}", f"{of.ssim:.4f}"]


def _finite(psnr: float) -> float | None:
    return psnr if math.isfinite(psnr) else None
