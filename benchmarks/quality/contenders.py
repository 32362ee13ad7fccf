"""The ways to train that `benchmarks.quality.recipes` compares."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
import numpy as np

from dncnn_tf.config import ModelConfig, TrainConfig

EPOCHS = 10

DEFAULT = TrainConfig(data="train400", precision="bfloat16", epochs=EPOCHS)
PLAIN = dataclasses.replace(DEFAULT, init="dncnn-s-25", model=ModelConfig(batch_norm=False), learning_rate=5e-4)
"""Goes on from the model in the box, its normalisation folded away."""


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        words: what it is.
        config: the training, but for its length.
        shallow: a depth to train first, at a constant rate and for `share` of the time; it is then grown.
        share: of the minutes that the shallow model gets.
        averaging: of each step, the share of the old averaged weights that is kept; 1 for their plain mean over the
            last epoch, which is the last tenth; None to use the last weights.
    """

    words: str
    config: TrainConfig = DEFAULT
    shallow: int | None = None
    share: float = 0.4
    averaging: float | None = None

    @property
    def stages(self) -> list[tuple[TrainConfig, float]]:
        """One configuration, or the shallow one and the deep one; and which share of the time each has."""
        if self.shallow is None:
            return [(self.config, 1.0)]
        model = dataclasses.replace(self.config.model, depth=self.shallow)
        shallow = dataclasses.replace(self.config, model=model, schedule="constant")
        return [(shallow, self.share), (self.config, 1 - self.share)]


FROM_NOTHING = {
    "adam-he": Contender(
        "Adam from He's initialisation", dataclasses.replace(DEFAULT, optimizer="adam", initialization="he")
    ),
    "adam": Contender("Adam from the identity", dataclasses.replace(DEFAULT, optimizer="adam")),
    "muon": Contender("**Muon from the identity: the default recipe**"),
    "muon-half": Contender("… at half the rate", dataclasses.replace(DEFAULT, learning_rate=5e-4)),
    "muon-large": Contender("… batches of 16×64²", dataclasses.replace(DEFAULT, batch_size=16)),
    "muon-small": Contender("… batches of 32×32²", dataclasses.replace(DEFAULT, batch_size=32, patch_size=32)),
    "muon-psnr": Contender("… each patch's PSNR as the loss", dataclasses.replace(DEFAULT, loss="psnr")),
    "muon-averaged": Contender(
        "… constant rate, averaged weights (EMA 0.998)",
        dataclasses.replace(DEFAULT, schedule="constant"),
        averaging=0.998,
    ),
    "muon-grown": Contender("… depth 9 for 40 % of the time, then grown to 17", shallow=9),
}

GOING_ON = {
    "on-frozen": Contender(
        "batch normalisation with fixed statistics",
        dataclasses.replace(PLAIN, model=DEFAULT.model, frozen_share=1.0),
    ),
    "on-folded": Contender("**plain convolutions, rate 5e-4, 8×64² of `train400`**", PLAIN),
    "on-folded-2e-4": Contender("… rate 2e-4", dataclasses.replace(PLAIN, learning_rate=2e-4)),
    "on-folded-more-data": Contender(
        "… of `train400` and `cbsd432`", dataclasses.replace(PLAIN, data="train400+cbsd432")
    ),
    "on-folded-cbsd432": Contender("… of `cbsd432` alone", dataclasses.replace(PLAIN, data="cbsd432")),
    "on-folded-4x96": Contender("… 4×96²", dataclasses.replace(PLAIN, batch_size=4, patch_size=96)),
    "on-folded-averaged": Contender("… mean of the weights over the last tenth", PLAIN, averaging=1.0),
}

CONTENDERS = FROM_NOTHING | GOING_ON


class Averaging(keras.callbacks.Callback):
    """Keeps an average of the weights, which takes their place when training ends.

    Args:
        momentum: as `Contender.averaging`.
    """

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.average: list[np.ndarray] = []
        self.count = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start with the weights as they are."""
        if epoch == (self.params["epochs"] - 1 if self.momentum == 1 else 0):
            self.average = [np.array(weights) for weights in self.model.trainable_weights]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the average a little towards the weights."""
        if not self.average:
            return
        self.count += 1
        share = 1 / self.count if self.momentum == 1 else 1 - self.momentum
        for average, weights in zip(self.average, self.model.trainable_weights, strict=True):
            average += share * (np.array(weights) - average)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Use the average."""
        for average, weights in zip(self.average, self.model.trainable_weights, strict=True):
            weights.assign(average)
