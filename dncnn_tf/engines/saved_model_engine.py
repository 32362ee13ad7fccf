"""A SavedModel, run by TensorFlow."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..forks import need_threads
from ..models.cards import ModelError
from ..models.folded import Network
from .contract import INPUT, OUTPUT, SIGNATURE
from .precision import Precision


class SavedModelEngine:
    """A SavedModel, in the precision it was written with.

    Args:
        folder: as `saved_model.write_saved_model` made it; it is read here and not needed again.
        channels, receptive_radius: of the network.

    Raises:
        ModelError: it is damaged, or was not exported by dncnn-tf.
    """

    def __init__(self, folder: Path, channels: int, receptive_radius: int) -> None:
        self.channels, self.receptive_radius = channels, receptive_radius
        need_threads("tensorflow")
        try:
            self._model = tf.saved_model.load(folder)  # kept: the function does not hold its variables
            self._forward = self._model.signatures[SIGNATURE]
        except Exception as error:  # a damaged folder fails in many ways
            raise ModelError(f"{folder}: damaged, or not exported by dncnn-tf; export it again") from error

    @classmethod
    def of(cls, network: Network, precision: Precision) -> SavedModelEngine:
        """The engine for a network."""
        from .saved_model_graph import write_saved_model

        need_threads("tensorflow")
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work) / "model"
            write_saved_model(network, folder, precision=precision)
            return cls(folder, network.config.channels, network.config.receptive_radius)

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Engine`."""
        need_threads("tensorflow")
        denoised: np.ndarray = self._forward(**{INPUT: np.asarray(noisy, np.float32)})[OUTPUT].numpy()
        return denoised
