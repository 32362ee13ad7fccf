"""The loops that train: Keras' `fit` for one process, a small one of our own for several workers."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from ..models.batch_norm import reestimate_batch_norm
from .losses import psnr
from .workers import ClusterError


class OneProcess:
    """Trains on all devices of this process.

    Args:
        strategy: under which the model was built.
        model: compiled.
        validation_data: (degraded, clean) for all devices at once.
    """

    def __init__(self, strategy: tf.distribute.Strategy, model: keras.Model, validation_data: tf.data.Dataset) -> None:
        self.strategy, self.model, self.validation_data = strategy, model, validation_data

    def fit(
        self,
        batches: tf.data.Dataset,
        *,
        epochs: range,
        steps_per_epoch: int,
        callbacks: list[keras.callbacks.Callback],
    ) -> None:
        """Train.

        Args:
            batches: endless (degraded, clean).
            epochs: those to do, counted from 0.
            steps_per_epoch: batches in each.
            callbacks: get the epoch's means so far, and at its end those of the validation.
        """
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

    def validation_psnr(self) -> float:
        """Mean over the validation data, in dB."""
        return self.model.evaluate(self.validation_data, verbose=0, return_dict=True)["psnr"]

    def reestimate_batch_norm(self, batches: tf.data.Dataset) -> None:
        """As `batch_norm.reestimate_batch_norm`."""
        with self.strategy.scope():
            reestimate_batch_norm(self.model, batches)


class OneOfWorkers:
    """Trains together with the other workers; Keras' `fit` fails there (keras#20585).

    Args:
        strategy: under which the model was built.
        model: compiled.
        validation_data: (degraded, clean), for this worker alone.
    """

    def __init__(
        self,
        strategy: tf.distribute.MultiWorkerMirroredStrategy,
        model: keras.Model,
        validation_data: tf.data.Dataset,
    ) -> None:
        self.strategy, self.model, self.validation_data = strategy, model, validation_data

    def fit(
        self,
        batches: tf.data.Dataset,
        *,
        epochs: range,
        steps_per_epoch: int,
        callbacks: list[keras.callbacks.Callback],
    ) -> None:
        """As `OneProcess`, with this worker's part of each batch.

        Raises:
            ClusterError: another worker is gone.
        """
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

    def validation_psnr(self) -> float:
        """As `OneProcess`; the same for all workers, each by itself."""
        return self._evaluate()["psnr"]

    def _evaluate(self) -> dict[str, float]:
        return _named(np.mean([np.array(self._validation_step(*batch)) for batch in self.validation_data], axis=0))

    @functools.cached_property
    def _validation_step(self) -> Callable:
        """(degraded, clean) → loss and PSNR; traced once, not in every epoch."""

        @tf.function
        def step(degraded: tf.Tensor, clean: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            restored = self.model(degraded, training=False)
            return self.model.compute_loss(y=clean, y_pred=restored), tf.reduce_mean(psnr(clean, restored))

        return step

    def reestimate_batch_norm(self, batches: tf.data.Dataset) -> None:
        """As `batch_norm.reestimate_batch_norm`, over the batches of all workers."""

        @tf.function
        def forward(degraded: tf.Tensor) -> None:
            self.strategy.run(lambda part: self.model(part, training=True), args=(degraded,))

        with _others_watched("after the last epoch"):
            reestimate_batch_norm(self.model, self._iterator(batches), forward=forward)

    def _iterator(self, batches: tf.data.Dataset) -> Iterator:
        """This worker's batches, shared out over its devices."""
        replicas = len(self.strategy.extended.worker_devices)
        return iter(self.strategy.distribute_datasets_from_function(lambda context: _divided(batches, replicas)))

    def _training_step(self) -> Callable:
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
        def step(batch: tuple) -> tuple[tf.Tensor, tf.Tensor]:
            losses, psnrs = strategy.run(on_replica, args=batch)
            return strategy.reduce("SUM", losses, axis=None), strategy.reduce("MEAN", psnrs, axis=None)

        return step


def _named(figures: np.ndarray) -> dict[str, float]:
    return dict(zip(("loss", "psnr"), figures.tolist(), strict=True))


def _divided(batches: tf.data.Dataset, replicas: int) -> tf.data.Dataset:
    size = batches.element_spec[0].shape[0]
    return batches.rebatch(size // replicas) if replicas > 1 else batches


def require_same(strategy: tf.distribute.MultiWorkerMirroredStrategy, epoch: int) -> None:
    """Check that all workers go on from the same checkpoint.

    Raises:
        ClusterError: they do not.
    """
    with _others_watched("before the first epoch"):
        epochs = strategy.run(lambda: tf.constant(float(epoch)))
        mean = float(strategy.reduce("MEAN", epochs, axis=None))
    if mean != epoch:
        raise ClusterError(
            f"the workers see different checkpoints, this one that of epoch {epoch}; see whether all of them reach the "
            "same run folder and start them again"
        )


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
            f"another worker is gone, or this one failed, {when}; start all of them again with --resume, and training "
            f"goes on from the last checkpoint ({said})"
        ) from failure
