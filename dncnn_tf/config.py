"""What a model is and how it is trained, as plain frozen dataclasses; the seven named models and their recipes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

from .errors import OptionError

Task = Literal["denoise", "general", "pairs", "photo"]
Initialization = Literal["he", "identity"]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class ModelConfig:
    """Shape of one DnCNN (paper, Fig. 1).

    Attributes:
        depth: number of convolutions, at least 3. The receptive field is (2·depth + 1)² pixels.
        filters: feature maps of every hidden layer.
        channels: 1 for grey images, 3 for RGB.
        residual: predict the noise and subtract it (eq. 1); False predicts the clean image (Fig. 2).
        batch_norm: batch normalisation in the middle layers; False leaves it out (Fig. 2).
    """

    depth: int = 17
    filters: int = 64
    channels: int = 1
    residual: bool = True
    batch_norm: bool = True

    def __post_init__(self) -> None:
        for name in ("depth", "filters", "channels"):
            number = getattr(self, name)
            if not isinstance(number, Integral) or isinstance(number, bool):
                raise OptionError(f"{name} must be a whole number. Received: {name}={number!r}")
        for name in ("residual", "batch_norm"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} must be true or false. Received: {name}={getattr(self, name)!r}")
        if self.depth < 3:
            raise OptionError(f"depth must be at least 3 (first, middle, last layer). Received: depth={self.depth}")
        if self.filters < 1:
            raise OptionError(f"filters must be at least 1. Received: filters={self.filters}")
        if self.channels not in (1, 3):
            raise OptionError(f"channels must be 1 (grey) or 3 (RGB). Received: channels={self.channels}")

    @property
    def receptive_radius(self) -> int:
        """Pixels on each side that can change one output pixel: 1 per 3×3 convolution."""
        return self.depth


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run computes.

    Attributes:
        name: the run's name, and the folder under `runs/` that it is written to.
        model: the network.
        task: "denoise" (Gaussian noise), "general" (noise, super-resolution and JPEG mixed; DnCNN-3), "photo" (as
            cameras write pictures, simulated: `data.camera`) or "pairs" (the noise of the images in `noisy_data`).
        sigma: lowest and highest noise level on the 0–255 scale; equal for a fixed level. Of no effect on pairs, and on
            photographs for the white noise among them.
        data: a published set's name or a folder of images.
        noisy_data: for pairs, a folder of noisy images named as the clean ones of `data`.
        validation_data: the same for validation; None holds images of `data` out.
        patch_size: side of the square training patches in pixels.
        batch_size: patches in one step, over all devices together.
        shards: groups that the images are dealt out to; each makes an equal part of every batch, so that as many
            workers can share the images and see the batches that one alone would see.
        steps_per_epoch: optimizer steps between two validations and checkpoints.
        epochs: number of such rounds; the schedule spans all of them.
        frozen_share: share of the epochs, the last ones, in which batch normalisation uses fixed statistics, as it does
            when the model is used. They have a schedule of their own, at half the rate if others come before. Of no
            effect on a network without batch normalisation.
        scales: each image is used at these sizes too.
        loss: "mse" (eq. 1), "psnr" (each patch's PSNR, so that little noise counts as much as much noise) or "rmse"
            (each patch's root mean squared error, between the two).
        optimizer: "muon" (`optimizers.Muon`), "adam", "adamw" (decoupled weight decay) or "sgd" (momentum 0.9).
        learning_rate: the highest rate.
        schedule: "cosine" to zero, "exponential" to a thousandth, or "constant".
        warmup_steps: steps over which the rate rises from zero (cosine only).
        weight_decay: 0 for none.
        initialization: "he" (the paper's) or "identity": orthogonal with the last convolution at zero, so that
            training starts from the identity instead of from noise.
        init: a model to start from, by name or path; it may be shallower, or grey for a colour model. For a network
            without batch normalisation, that of the start is folded away.
        start_share: of each weight of the finished model, how much is the start's; 0 for what training ended with. A
            model that is used on pictures unlike those it was trained on, such as real photographs after simulated
            ones, is better in between (Wortsman et al. 2022). It takes the place of the best validated one.
        quantization_aware: round features while learning, so that int8 costs the finished model less.
        precision: "auto", "float32" or "bfloat16" (mixed: float32 variables, bfloat16 arithmetic).
        seed: decides weights, patches and noise.
    """

    name: str = "dncnn-s-25"
    model: ModelConfig = field(default_factory=ModelConfig)
    task: Task = "denoise"
    sigma: tuple[float, float] = (25.0, 25.0)
    data: str = "sample"
    noisy_data: str | None = None
    validation_data: str | None = None
    patch_size: int = 64
    batch_size: int = 8
    shards: int = 1
    steps_per_epoch: int = 500
    epochs: int = 40
    frozen_share: float = 0.0
    scales: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7)
    loss: Literal["mse", "psnr", "rmse"] = "mse"
    optimizer: Literal["muon", "adam", "adamw", "sgd"] = "muon"
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "exponential", "constant"] = "cosine"
    warmup_steps: int = 100
    weight_decay: float = 0.0
    initialization: Initialization = "identity"
    init: str | None = None
    start_share: float = 0.0
    quantization_aware: bool = False
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.sigma
        if not 0 <= low <= high <= 255:
            raise OptionError(
                f"sigma must satisfy 0 <= low <= high <= 255 (0-255 scale). Received: sigma={low:g}-{high:g}"
            )
        for name in ("patch_size", "batch_size", "shards", "steps_per_epoch", "epochs"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be at least 1. Received: {name}={getattr(self, name)}")
        if self.batch_size % self.shards:
            raise OptionError(
                f"batch_size must be a multiple of shards, of which there is one for each worker. "
                f"Received: batch_size={self.batch_size}, shards={self.shards}"
            )
        if not 0 <= self.frozen_share <= 1:
            raise OptionError(f"frozen_share must be from 0 to 1. Received: frozen_share={self.frozen_share}")
        if not 0 <= self.start_share < 1:
            raise OptionError(f"start_share must be at least 0 and below 1. Received: start_share={self.start_share}")
        if self.start_share and (self.init is None or (self.model.batch_norm and self.live_epochs)):
            raise OptionError(
                "start_share needs init, and statistics that stay the start's: frozen_share 1. "
                f"Received: start_share={self.start_share}, init={self.init!r}, frozen_share={self.frozen_share}"
            )
        if self.quantization_aware and (self.init is None or (self.model.batch_norm and self.live_epochs)):
            raise OptionError(
                "`quantization_aware` goes on from a trained model, with its statistics: take a `recipe` NAME-finish, "
                f"or frozen_share 1 with `init`. Received: init={self.init!r}, frozen_share={self.frozen_share}"
            )
        if self.learning_rate <= 0:
            raise OptionError(f"learning_rate must be above 0. Received: learning_rate={self.learning_rate}")
        if self.task == "general" and self.model.channels != 1:
            raise OptionError(
                "the general model (DnCNN-3) works on luminance: channels must be 1. Received: channels=3"
            )
        if self.task == "photo" and self.model.channels != 3:
            raise OptionError("photographs are noisy in color: channels must be 3. Received: channels=1")
        if (self.task == "pairs") != (self.noisy_data is not None):
            raise OptionError(
                f"pairs need noisy_data, and nothing else does. Received: task={self.task!r}, "
                f"noisy_data={self.noisy_data!r}"
            )
        if self.task == "pairs" and self.validation_data is not None:
            raise OptionError(
                f"some of the pairs are held out for validation. Received: validation_data={self.validation_data!r}"
            )

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def live_epochs(self) -> int:
        """Epochs before the statistics of batch normalisation are fixed; all, where there are none."""
        return self.epochs - round(self.epochs * self.frozen_share) if self.model.batch_norm else self.epochs

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`, also after a round trip through JSON (tuples come back as lists)."""
        values = dict(values)
        values["model"] = ModelConfig(**values["model"])
        values["sigma"] = tuple(values["sigma"])
        values["scales"] = tuple(values["scales"])
        return cls(**values)


_S = TrainConfig(name="dncnn-s-25")
_FROM_S = dataclasses.replace(_S, init="dncnn-s-25", learning_rate=5e-4, epochs=12)
_BLIND = TrainConfig(
    name="dncnn-b",
    model=ModelConfig(depth=20),
    sigma=(0.0, 55.0),
    loss="psnr",
    init="dncnn-s-25",
    epochs=50,
    frozen_share=0.2,
)
_FROM_BLIND = dataclasses.replace(_BLIND, init="dncnn-b", frozen_share=1.0)

RECIPES: dict[str, TrainConfig] = {
    recipe.name: recipe
    for recipe in (
        dataclasses.replace(_FROM_S, name="dncnn-s-15", sigma=(15.0, 15.0)),
        _S,
        dataclasses.replace(_FROM_S, name="dncnn-s-50", sigma=(50.0, 50.0)),
        _BLIND,
        dataclasses.replace(_FROM_BLIND, name="cdncnn-b", model=ModelConfig(depth=20, channels=3), epochs=24),
        dataclasses.replace(_FROM_BLIND, name="dncnn-3", task="general", loss="rmse", epochs=160),
        dataclasses.replace(
            _FROM_BLIND,
            name="dncnn-photo",
            model=ModelConfig(depth=20, channels=3),
            task="photo",
            init="cdncnn-b",
            patch_size=96,
            batch_size=4,
            learning_rate=7e-4,
            epochs=8,
            start_share=0.35,
        ),
    )
}
"""The seven named models with the short recipe: Muon, warm-up, cosine, a start from the identity or a shipped model."""

PUBLISHED = tuple(name for name, recipe in RECIPES.items() if recipe.task != "photo")
"""Those of them that the paper has."""

_PAPER_PATCHES = {"dncnn-s-15": 1_600, "dncnn-s-25": 1_600, "dncnn-s-50": 1_600, "dncnn-3": 8_000}


def finishing_recipe(name: str) -> TrainConfig:
    """A second stage for a named model: with fixed statistics, and a cosine of its own.

    It starts from the model in the box; to repeat one that was finished so, its `init` is the first stage's run.

    Args:
        name: one of `RECIPES`.
    """
    recipe = RECIPES[name]
    return dataclasses.replace(
        recipe,
        name=f"{name}-finish",
        init=name,
        learning_rate=5e-4,
        epochs=120,
        frozen_share=1.0,
    )


def paper_recipe(name: str) -> TrainConfig:
    """The published training of a named model (paper, section IV.A): SGD, 50 epochs, batches of 128 patches.

    The paper draws its patches once and goes over them every epoch; here every step draws fresh ones, as many
    per epoch as the paper had.

    Args:
        name: one of `PUBLISHED`.
    """
    recipe = RECIPES[name]
    return dataclasses.replace(
        recipe,
        name=f"{name}-paper",
        patch_size=40 if recipe.model.depth == 17 else 50,
        batch_size=128,
        steps_per_epoch=_PAPER_PATCHES.get(name, 3_000),
        epochs=50,
        frozen_share=0.0,
        loss="mse",
        optimizer="sgd",
        learning_rate=1e-1,
        schedule="exponential",
        warmup_steps=0,
        weight_decay=1e-4,
        initialization="he",
        init=None,
        start_share=0.0,
        precision="float32",
    )
