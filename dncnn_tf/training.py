"""Train a DnCNN: strategy, `model.fit`, checkpoints, resume, and statistics that have caught up at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .batch_norm import freeze_batch_norm, is_frozen, reestimate_batch_norm
from .config import TrainConfig
from .data import datasets
from .data.pairs import load_pairs
from .data.patches import PatchSource
from .data.pipeline import patch_source, training_batches, validation_batches
from .losses import negative_psnr, psnr
from .model import build_dncnn
from .optimizers import Muon
from .precision import bfloat16_is_fast
from .recording import Record, tensorboard
from .runs import Run
from .transfer import transfer_weights
from .weights import load_model


class TrainingDivergedError(Exception):
    """The loss is no longer a number; the message says what to try."""


def train(
    config: TrainConfig | None,
    folder: Path,
    *,
    resume: bool = False,
    devices: list[str] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    note: Callable[[str], None] = lambda line: None,
) -> keras.Model:
    """Train as configured, leaving config, log, curves, checkpoints and models in a run folder.

    The mean squared error of the denoised image is, by x̂ − x = (y − x) − R(y), the paper's eq. (1) up to a constant
    factor. SGD, to which that matters, has the factor too.

    Args:
        config: what to train; None, with `resume`, for the run's own configuration.
        folder: the run folder.
        resume: go on from the newest checkpoint, with optimizer, schedule and data where they were.
        devices: TensorFlow device names to mirror over; None for all visible ones.
        callbacks: further Keras callbacks, such as a progress display.
        note: called with a line about something that a person should know.

    Returns:
        The trained model, with batch-normalisation statistics re-estimated at its final weights.

    Raises:
        RunError: the folder is taken, in use or damaged, or its run was configured otherwise.
        TrainingDivergedError: the loss became NaN or infinite.
        DatasetError, ValueError: the data cannot be used.
        ModelError: the model to start from cannot be loaded.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"training needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}")
    run = Run(folder)
    if resume:
        config = run.config(expected=config)
    else:
        run.require_empty()
        config = dataclasses.replace(config, precision=_resolved_precision(config.precision))
    training, validation = _images(config)
    # All that can be refused comes before anything is written.
    source = patch_source(training, config)
    strategy = _strategy(config, devices)
    validation_data = validation_batches(validation, config, replicas=strategy.num_replicas_in_sync)
    if resume:
        with run.locked():
            model, epoch = _latest_checkpoint(run, strategy, note) or (_new_model(config, strategy), 0)
            note(f"going on after epoch {epoch} of {config.epochs}")
            return _fit(model, epoch, config, run, strategy, source, validation_data, callbacks, note)
    model = _new_model(config, strategy)
    with run.locked():
        run.create(config)
        return _fit(model, 0, config, run, strategy, source, validation_data, callbacks, note)


def _fit(
    model: keras.Model,
    epoch: int,
    config: TrainConfig,
    run: Run,
    strategy: tf.distribute.Strategy,
    source: PatchSource,
    validation_data: tf.data.Dataset,
    callbacks: Iterable[keras.callbacks.Callback],
    note: Callable[[str], None],
) -> keras.Model:
    record = Record(config, run, run.read_log()[:epoch])
    if config.init is not None and epoch == 0:
        psnr_before = model.evaluate(validation_data, verbose=0, return_dict=True)["psnr"]
        note(f"started from {config.init}: validation {psnr_before:.2f} dB")
    for last_epoch in dict.fromkeys((config.live_epochs, config.epochs)):
        if epoch < last_epoch:
            if epoch >= config.live_epochs and not is_frozen(model):
                with strategy.scope():
                    freeze_batch_norm(model)
                    _compile(model, config)
            model.fit(
                training_batches(source, config, first_step=epoch * config.steps_per_epoch),
                epochs=last_epoch,
                initial_epoch=epoch,
                steps_per_epoch=config.steps_per_epoch,
                shuffle=False,
                validation_data=validation_data,
                callbacks=[_StopAtNaN(), record, *tensorboard(run), *callbacks],
                verbose=0,
            )
            epoch = last_epoch
        with strategy.scope():
            reestimate_batch_norm(
                model, training_batches(source, config, first_step=last_epoch * config.steps_per_epoch)
            )
    record.finish(model, model.evaluate(validation_data, verbose=0, return_dict=True)["psnr"])
    return model


def _latest_checkpoint(
    run: Run, strategy: tf.distribute.Strategy, note: Callable[[str], None]
) -> tuple[keras.Model, int] | None:
    """The model to go on with and the number of epochs behind it; None if the first one was never finished."""
    with strategy.scope():
        checkpoint = run.latest_checkpoint()
    if checkpoint is None:
        return None
    model, epoch, damaged = checkpoint
    for line in damaged:
        note(line)
    return model, epoch


def _new_model(config: TrainConfig, strategy: tf.distribute.Strategy) -> keras.Model:
    with strategy.scope():
        return new_model(config)


def _strategy(config: TrainConfig, devices: list[str] | None) -> tf.distribute.Strategy:
    strategy = tf.distribute.MirroredStrategy(devices)
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise ValueError(
            f"the batch is shared out over the devices, so its size must be a multiple of their number. "
            f"Received: batch_size={config.batch_size} for {replicas} devices"
        )
    return strategy


def new_model(config: TrainConfig) -> keras.Model:
    """Build and compile the model of a run, started from `config.init` where that is given."""
    precision = _resolved_precision(config.precision)
    model = build_dncnn(
        config.model,
        initialization=config.initialization,
        dtype="mixed_bfloat16" if precision == "bfloat16" else "float32",
        seed=config.seed,
    )
    if config.init is not None:
        transfer_weights(load_model(config.init), model)
    if not config.live_epochs:
        freeze_batch_norm(model)
    _compile(model, config)
    return model


def _compile(model: keras.Model, config: TrainConfig) -> None:
    """Make ready for the phase of training that the model is in: with live or with frozen statistics."""
    model.compile(
        optimizer=_optimizer(config, frozen=is_frozen(model)),
        loss=negative_psnr if config.loss == "psnr" else "mse",
        loss_weights=[_loss_weight(config)],
        metrics=[keras.metrics.MeanMetricWrapper(psnr, "psnr")],
        jit_compile=_xla_pays(),
    )


def _loss_weight(config: TrainConfig) -> float:
    """Eq. (1) sums over a patch and halves, where the mean squared error averages."""
    eq_1 = config.optimizer == "sgd" and config.loss == "mse"
    return config.patch_size**2 * config.model.channels / 2 if eq_1 else 1.0


def _xla_pays() -> bool:
    """On one GPU, XLA joins the small operations between convolutions; on CPUs it is slower than oneDNN.

    Keras leaves it off under any distribution strategy, where it works on one device too.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return replicas == 1 and bool(tf.config.list_physical_devices("GPU"))


def _resolved_precision(precision: str) -> str:
    if precision == "auto":
        return "bfloat16" if bfloat16_is_fast() else "float32"
    return precision


def _optimizer(config: TrainConfig, *, frozen: bool) -> keras.optimizers.Optimizer:
    rate = _schedule(config, frozen=frozen)
    decay = config.weight_decay or None
    if config.optimizer == "sgd":
        # The paper mentions no clipping. Without it, its rate of 0.1 diverges from He's start. In some hundred steps of
        # DnCNN-S, a norm of 0.1 learned more slowly than 0.3, and 1 killed the network without normalisation.
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay, global_clipnorm=0.3)
    if config.optimizer == "muon":
        return Muon(rate, weight_decay=decay)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, beta_2=0.99, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate, beta_2=0.99, weight_decay=decay)


def _schedule(config: TrainConfig, *, frozen: bool) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Each of the two phases has a schedule of its own; where frozen statistics come second, at half the rate."""
    epochs = config.epochs - config.live_epochs if frozen else config.live_epochs
    steps = epochs * config.steps_per_epoch
    rate = config.learning_rate / 2 if frozen and config.live_epochs else config.learning_rate
    if config.schedule == "constant":
        return rate
    if config.schedule == "exponential":
        return keras.optimizers.schedules.ExponentialDecay(rate, steps, 1e-3)
    warmup = min(config.warmup_steps, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        rate if not warmup else 0.0,
        max(1, steps - warmup),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def _images(config: TrainConfig) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Training and validation images; without a validation set, one image in twenty is held out (12 at most)."""
    channels = config.model.channels
    if config.task == "pairs":
        images = load_pairs(Path(config.noisy_data), Path(config.data), channels)
    else:
        images = datasets.load(config.data, channels)
    if config.validation_data is not None:
        return images, datasets.load(config.validation_data, channels)
    if len(images) == 1:
        raise ValueError("without validation data, training needs at least 2 images. Received: 1 image")
    held_out = max(1, min(12, len(images) // 20))
    return images[:-held_out], images[-held_out:]


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise TrainingDivergedError(
                f"the loss became {logs['loss']} after batch {batch + 1} of the epoch: training has diverged; "
                "start again with a lower learning rate or in float32 precision"
            )
