"""The loops that train: Keras' `fit` for one process, a small one of our own for several workers."""

from __future__ import annotations

import abc
import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..config import TrainConfig
from ..errors import OptionError
from ..models.batch_norm import reestimate_batch_norm
from .batches import TrainingData
from .compiling import make_ready
from .losses import psnr
from .workers import Cluster, ClusterError


class _Loop(abc.ABC):
    """Trains a model from phase to phase.

    Args:
        strategy: under which models are to be built.
        data: the run's images.
        together: how many pictures are validated at once.

    Raises:
        OptionError: the devices cannot share the batch out evenly.
    """

    def __init__(self, strategy: tf.distribute.Strategy, data: TrainingData, together: int) -> None:
        replicas, batch_size = strategy.num_replicas_in_sync, data.config.batch_size
        if batch_size % replicas:
            raise OptionError(
                f"the batch is shared out over the devices, so its size must be a multiple of their number. "
                f"Received: batch_size={batch_size} for {replicas} devices"
            )
        self.strategy, self.data, self.validation_data = strategy, data, data.validation(together)
        self.model: keras.Model = None

    def begin(self, model: keras.Model, config: TrainConfig, epoch: int) -> None:
        """Take a model that has so many epochs behind it; a new one is made ready for the first.

        Raises:
            ClusterError: another worker goes on from another checkpoint.
        """
        self.model = model
        if not model.compiled:
            self._enter_phase(config, epoch)

    def train(self, config: TrainConfig, epoch: int, callbacks: list[keras.callbacks.Callback]) -> None:
        """Train to the end, first with live statistics of batch normalisation, then with frozen ones.

        Args:
            config: of the run.
            epoch: how many epochs are behind it.
            callbacks: get each epoch's means so far, and at its end those of the validation.
        """
        for last_epoch in dict.fromkeys((config.live_epochs, config.epochs)):
            if epoch < last_epoch:
                self._enter_phase(config, epoch)
                batches = self.data.batches(epoch * config.steps_per_epoch)
                self._fit(batches, range(epoch, last_epoch), config.steps_per_epoch, callbacks)
                epoch = last_epoch
            self._reestimate_batch_norm(self.data.batches(last_epoch * config.steps_per_epoch))

    def _enter_phase(self, config: TrainConfig, epoch: int) -> None:
        with self.strategy.scope():
            make_ready(self.model, config, epoch)

    @abc.abstractmethod
    def validation_psnr(self) -> float:
        """Mean over the validation data, in dB; the same for all workers, each by itself."""

    @abc.abstractmethod
    def _fit(
        self, batches: tf.data.Dataset, epochs: range, steps_per_epoch: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        """Train for some epochs, counted from 0, on endless (degraded, clean)."""

    @abc.abstractmethod
    def _reestimate_batch_norm(self, batches: tf.data.Dataset) -> None:
        """As `batch_norm.reestimate_batch_norm`, over the batches of all workers."""


class OneProcess(_Loop):
    """On the devices of this process.

    Args:
        data: the run's images.
        devices: TensorFlow device names; None for all visible ones.
    """

    def __init__(self, data: TrainingData, devices: list[str] | None) -> None:
        strategy = tf.distribute.MirroredStrategy(devices)
        super().__init__(strategy, data, together=strategy.num_replicas_in_sync)

    def _fit(
        self, batches: tf.data.Dataset, epochs: range, steps_per_epoch: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        self.model.fit(
            batches,
            epochs=epochs.stop,
            initial_epoch=epochs.start,
            steps_per_epoch=steps_per_epoch,
            shuffle=False,
            validation_data=self.validation_data,
            callbacks=callbacks,
            verbose=0,
        )

    def validation_psnr(self) -> float:  # noqa: D102 (the base has it)
        return float(self.model.evaluate(self.validation_data, verbose=0, return_dict=True)["psnr"])

    def _reestimate_batch_norm(self, batches: tf.data.Dataset) -> None:
        @tf.function
        def forward(degraded: tf.Tensor) -> None:
            self.model(degraded, training=True)

        with self.strategy.scope():
            reestimate_batch_norm(self.model, batches, forward=forward)


class OneOfWorkers(_Loop):
    """Together with the other workers; Keras' `fit` fails there (keras#20585).

    Whatever waits for them raises a ClusterError when one is gone.

    Args:
        data: this worker's part of the run's images.
        cluster: the workers, which are waited for.
    """

    def __init__(self, data: TrainingData, cluster: Cluster) -> None:
        cluster.meet(json.dumps(data.config.to_dict() | {"workers": cluster.addresses}, sort_keys=True))
        super().__init__(tf.distribute.MultiWorkerMirroredStrategy(), data, together=1)

    def begin(self, model: keras.Model, config: TrainConfig, epoch: int) -> None:  # noqa: D102 (the base has it)
        with _others_watched("before the first epoch"):
            epochs = self.strategy.run(lambda: tf.constant(float(epoch)))
            mean = float(self.strategy.reduce("MEAN", epochs, axis=None))
        if mean != epoch:
            raise ClusterError(
                f"the workers see different checkpoints, this one that of epoch {epoch}; see whether all of them reach "
                "the same run folder and start them again"
            )
        super().begin(model, config, epoch)

    def _fit(
        self, batches: tf.data.Dataset, epochs: range, steps_per_epoch: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        told = keras.callbacks.CallbackList(callbacks, model=self.model, epochs=epochs.stop, steps=steps_per_epoch)
        iterator = self._iterator(batches)
        step = self._training_step()
        told.on_train_begin()
        for epoch in epochs:
            told.on_epoch_begin(epoch)
            sums = np.zeros(2)
            for i in range(steps_per_epoch):
                told.on_train_batch_begin(i)
                with _others_watched(f"in epoch {epoch + 1}"):
                    sums += np.array(step(next(iterator)))
                logs = _named(sums / (i + 1))
                told.on_train_batch_end(i, logs)
            told.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in self._evaluate().items()})
        told.on_train_end()

    def validation_psnr(self) -> float:  # noqa: D102 (the base has it)
        return self._evaluate()["psnr"]

    def _evaluate(self) -> dict[str, float]:
        return _named(np.mean([np.array(self._validation_step(*batch)) for batch in self.validation_data], axis=0))

    @functools.cached_property
    def _validation_step(self) -> Callable[..., Any]:
        """(degraded, clean) → loss and PSNR; traced once, not in every epoch."""

        @tf.function
        def step(degraded: tf.Tensor, clean: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            restored = self.model(degraded, training=False)
            return self.model.compute_loss(y=clean, y_pred=restored), tf.reduce_mean(psnr(clean, restored))

        return step

    def _reestimate_batch_norm(self, batches: tf.data.Dataset) -> None:
        @tf.function
        def forward(degraded: tf.Tensor) -> None:
            self.strategy.run(lambda part: self.model(part, training=True), args=(degraded,))

        with _others_watched("after the last epoch"):
            reestimate_batch_norm(self.model, self._iterator(batches), forward=forward)

    def _iterator(self, batches: tf.data.Dataset) -> Iterator[Any]:
        """This worker's batches, shared out over its devices."""
        replicas = len(self.strategy.extended.worker_devices)
        return iter(self.strategy.distribute_datasets_from_function(lambda context: _divided(batches, replicas)))

    def _training_step(self) -> Callable[..., Any]:
        """One step of all workers: (degraded, clean) → the batch's loss and PSNR."""
        model, strategy = self.model, self.strategy
        variables = model.trainable_variables

        def on_replica(degraded: tf.Tensor, clean: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                restored = model(degraded, training=True)
                loss = model.compute_loss(y=clean, y_pred=restored)  # divided by the number of replicas
            model.optimizer.apply(tape.gradient(loss, variables), variables)
            return loss, tf.reduce_mean(psnr(clean, restored))

        @tf.function
        def step(batch: tuple[Any, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            losses, psnrs = strategy.run(on_replica, args=batch)
            return strategy.reduce("SUM", losses, axis=None), strategy.reduce("MEAN", psnrs, axis=None)

        return step


def _named(figures: np.ndarray) -> dict[str, float]:
    return dict(zip(("loss", "psnr"), figures.tolist(), strict=True))


def _divided(batches: tf.data.Dataset, replicas: int) -> tf.data.Dataset:
    size = batches.element_spec[0].shape[0]
    return batches.rebatch(size // replicas) if replicas > 1 else batches


def open_loop(
    data: TrainingData, cluster: Cluster, devices: list[str] | None, note: Callable[[str], None]
) -> OneProcess | OneOfWorkers:
    """What trains here: by itself, or with the other workers once they are there.

    Args:
        data: the run's images, as far as they are needed here.
        cluster: the workers.
        devices: TensorFlow device names to mirror over; None for all visible ones.
        note: is told that the others are waited for.

    Raises:
        OptionError: the devices cannot be chosen, or the batch not be shared out evenly.
        ClusterError: another worker does not come.
        DatasetError: a validation image is too small.
    """
    if cluster.size == 1:
        return OneProcess(data, devices)
    if devices is not None:
        raise OptionError(
            "each worker trains on all devices it sees; hide others by CUDA_VISIBLE_DEVICES, not by `devices`"
        )
    note(f"worker {cluster.index + 1} of {cluster.size}: waiting for the others")
    return OneOfWorkers(data, cluster)


@contextlib.contextmanager
def _others_watched(when: str) -> Iterator[None]:
    """Turn what the end of another worker causes here into a line."""
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.InternalError,
    ) as failure:
        reasons = [line for line in str(failure).splitlines() if line.startswith("Collective ops is aborted by")]
        said = reasons[0] if reasons else failure.message.partition("\n")[0]
        raise ClusterError(
            f"another worker is gone, or this one failed, {when}; start all of them again with `resume`, and training "
            f"goes on from the last checkpoint ({said})"
        ) from failure
