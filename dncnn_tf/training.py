"""Train a DnCNN: strategy, `model.fit`, checkpoints, resume, and statistics that have caught up at the end."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .batch_norm import freeze_batch_norm, is_frozen, join_frozen
from .cluster import Cluster
from .config import TrainConfig
from .data import datasets
from .data.pairs import load_pairs
from .data.patches import PatchSource
from .data.pipeline import patch_sources, training_batches, validation_batches
from .learning import compile_model, new_model, resolved_precision
from .recording import Record, tensorboard
from .runs import Run
from .training_loops import OneOfWorkers, OneProcess, require_same


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

    Where TF_CONFIG names several workers, all of them call this; the first one alone writes. They need the same data
    and, to resume, the same folder.

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
        ClusterError: TF_CONFIG makes no sense, or another worker is gone.
        TrainingDivergedError: the loss became NaN or infinite.
        DatasetError, ValueError: the data cannot be used.
        ModelError: the model to start from cannot be loaded.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"training needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}")
    cluster, run = Cluster.from_environment(), Run(folder)
    if resume:
        config = run.config(expected=config)
    else:
        if cluster.is_chief:
            run.require_empty()
        shards = cluster.size if config.shards == 1 else config.shards
        config = dataclasses.replace(config, precision=resolved_precision(config.precision), shards=shards)
    # All that can be refused comes before anything is written.
    training, validation = _images(config)
    own_shards = cluster.own_shards(config.shards)
    strategy = _strategy(config, cluster, devices, note)
    sources = patch_sources(training, config, own_shards)
    together = strategy.num_replicas_in_sync if cluster.size == 1 else 1
    validation_data = validation_batches(validation, config, replicas=together)
    started = None if resume else _new_model(config, strategy)
    with run.locked() if cluster.is_chief else contextlib.nullcontext():
        if resume:
            model, epoch = _latest_checkpoint(run, strategy, note) or (_new_model(config, strategy), 0)
            if cluster.size > 1:
                require_same(strategy, epoch)
            note(f"going on after epoch {epoch} of {config.epochs}")
        else:
            model, epoch = started, 0
            if cluster.is_chief:
                run.create(config)
        loop = (OneProcess if cluster.size == 1 else OneOfWorkers)(strategy, model, validation_data)
        record = Record(config, run, run.read_log()[:epoch])
        watching = [record, *tensorboard(run), *callbacks] if cluster.is_chief else []
        if config.init is not None and epoch == 0:
            note(f"started from {config.init}: validation {loop.validation_psnr():.2f} dB")
        _fit(loop, epoch, config, sources, [_StopAtNaN(), *watching])
        if cluster.is_chief:
            record.finish(model, loop.validation_psnr())
    return model


def _fit(
    loop: OneProcess | OneOfWorkers,
    epoch: int,
    config: TrainConfig,
    sources: dict[int, PatchSource],
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Train to the end, first with live statistics of batch normalisation, then with frozen ones."""
    for last_epoch in dict.fromkeys((config.live_epochs, config.epochs)):
        if epoch < last_epoch:
            if epoch >= config.live_epochs and not is_frozen(loop.model):
                with loop.strategy.scope():
                    freeze_batch_norm(loop.model)
                    compile_model(loop.model, config)
            if is_frozen(loop.model):
                join_frozen(loop.model)
            loop.fit(
                training_batches(sources, config, first_step=epoch * config.steps_per_epoch),
                epochs=range(epoch, last_epoch),
                steps_per_epoch=config.steps_per_epoch,
                callbacks=callbacks,
            )
            epoch = last_epoch
        loop.reestimate_batch_norm(training_batches(sources, config, first_step=last_epoch * config.steps_per_epoch))


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


def _strategy(
    config: TrainConfig, cluster: Cluster, devices: list[str] | None, note: Callable[[str], None]
) -> tf.distribute.Strategy:
    if cluster.size == 1:
        strategy = tf.distribute.MirroredStrategy(devices)
    elif devices is not None:
        raise ValueError(
            "each worker trains on all devices it sees; hide others by CUDA_VISIBLE_DEVICES, not --devices"
        )
    else:
        note(f"worker {cluster.index + 1} of {cluster.size}: waiting for the others")
        cluster.meet(json.dumps(config.to_dict() | {"workers": cluster.addresses}, sort_keys=True))
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise ValueError(
            f"the batch is shared out over the devices, so its size must be a multiple of their number. "
            f"Received: batch_size={config.batch_size} for {replicas} devices"
        )
    return strategy


def _images(config: TrainConfig) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Training and validation images; without a validation set, one image in twenty is held out (12 at most)."""
    channels = config.model.channels
    if config.task == "pairs":
        images = load_pairs(Path(config.noisy_data), Path(config.data), channels)
    else:
        images = datasets.load(config.data, channels)
    if config.task == "photo" and not any(map(_has_color, images)):
        raise ValueError(f"{config.data}: all images are grey, but photographs are noisy in color")
    if config.validation_data is not None:
        return images, datasets.load(config.validation_data, channels)
    if len(images) == 1:
        raise ValueError("without validation data, training needs at least 2 images. Received: 1 image")
    held_out = max(1, min(12, len(images) // 20))
    return images[:-held_out], images[-held_out:]


def _has_color(image: np.ndarray) -> bool:
    """Whether the channels of a uint8 (H, W, 3) image differ."""
    return bool((image != image[..., :1]).any())


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise TrainingDivergedError(
                f"the loss became {logs['loss']} after batch {batch + 1} of the epoch: training has diverged; "
                "start again with a lower learning rate or in float32 precision"
            )
