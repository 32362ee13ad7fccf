"""Train a DnCNN: strategy, `model.fit`, checkpoints, resume, and statistics that have caught up at the end."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .config import TrainConfig
from .data import datasets
from .data.pipeline import training_batches, validation_batches
from .model import build_dncnn
from .precision import bfloat16_is_fast
from .runs import Run, save_atomically, write_json
from .transfer import transfer_weights
from .weights import load_model

_STATISTICS_BATCHES = 200


class TrainingDiverged(Exception):
    """The loss is no longer a number; the message says what to try."""


def train(
    config: TrainConfig,
    folder: Path,
    *,
    resume: bool = False,
    devices: list[str] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    note: Callable[[str], None] = lambda line: None,
) -> keras.Model:
    """Train as configured, leaving config, log, curves, checkpoints and models in a run folder.

    The loss is the mean squared error of the denoised image, which by x̂ − x = (y − x) − R(y) is the paper's eq. (1) up
    to a constant factor.

    Args:
        config: what to train. With `resume`, the run's own configuration is taken instead.
        folder: the run folder.
        resume: go on from the newest checkpoint, with optimizer, schedule and data where they were.
        devices: TensorFlow device names to mirror over; None for all visible ones.
        callbacks: further Keras callbacks, such as a progress display.
        note: called with a line about something that a person should know.

    Returns:
        The trained model, with batch-normalisation statistics re-estimated at its final weights.

    Raises:
        RunError: the folder is taken, in use or damaged.
        TrainingDiverged: the loss became NaN or infinite.
        FileNotFoundError, ValueError: the data cannot be used.
    """
    run = Run(folder)
    if resume:
        config = run.config()
    training, validation = _images(config)
    with run.locked():
        if not resume:
            run.create(config)
        return _fit(config, run, training, validation, devices, callbacks, note)


def _fit(
    config: TrainConfig,
    run: Run,
    training: list[np.ndarray],
    validation: list[np.ndarray],
    devices: list[str] | None,
    callbacks: Iterable[keras.callbacks.Callback],
    note: Callable[[str], None],
) -> keras.Model:
    strategy = tf.distribute.MirroredStrategy(devices)
    with strategy.scope():
        checkpoint = run.latest_checkpoint()
        if checkpoint is None:
            model, epoch = new_model(config), 0
        else:
            model, epoch, damaged = checkpoint
            for line in damaged:
                note(line)
            note(f"going on after epoch {epoch} of {config.epochs}")
    validation_data = validation_batches(validation, config)
    record = _Record(config, run, run.read_log()[:epoch])
    history = record.rows
    if epoch < config.epochs:
        batches = training_batches(training, config, first_step=epoch * config.steps_per_epoch)
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=epoch,
            steps_per_epoch=config.steps_per_epoch,
            validation_data=validation_data,
            callbacks=[_StopAtNaN(), record, *_tensorboard(run), *callbacks],
            verbose=0,
        )
    final = _finish(model, config, training, validation_data)
    _keep_final(model, run, final, history, config, strategy.num_replicas_in_sync)
    return model


def new_model(config: TrainConfig) -> keras.Model:
    """Build and compile the model of a run, started from `config.init` where that is given."""
    mixed = config.precision == "bfloat16" or (config.precision == "auto" and bfloat16_is_fast())
    model = build_dncnn(
        config.model,
        initialization=config.initialization,
        dtype="mixed_bfloat16" if mixed else "float32",
        seed=config.seed,
    )
    if config.init is not None:
        transfer_weights(load_model(config.init), model)
    model.compile(optimizer=_optimizer(config), loss="mse", metrics=[keras.metrics.MeanMetricWrapper(psnr, "psnr")])
    return model


@keras.saving.register_keras_serializable(package="dncnn_tf")
def psnr(clean: tf.Tensor, denoised: tf.Tensor) -> tf.Tensor:
    """PSNR in dB of each image of a batch, float32 (N, H, W, C) in [0, 1] → (N,)."""
    error = keras.ops.mean(keras.ops.square(clean - denoised), axis=(1, 2, 3))
    return -10 * keras.ops.log10(keras.ops.maximum(error, 1e-10))


def _optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    rate = _schedule(config)
    decay = config.weight_decay or None
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, beta_2=0.99, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate, beta_2=0.99, weight_decay=decay)


def _schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule | float:
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "exponential":
        return keras.optimizers.schedules.ExponentialDecay(config.learning_rate, config.total_steps, 1e-3)
    warmup = min(config.warmup_steps, config.total_steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate if not warmup else 0.0,
        max(1, config.total_steps - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def _images(config: TrainConfig) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Training and validation images; without a validation set, one image in twenty is held out (12 at most)."""
    images = datasets.load(config.data, config.model.channels, luma=config.task == "general")
    if config.validation_data is not None:
        return images, datasets.load(config.validation_data, config.model.channels, luma=config.task == "general")
    held_out = max(1, min(12, len(images) // 20))
    if len(images) == 1:
        return images, images
    return images[:-held_out], images[-held_out:]


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise TrainingDiverged(
                f"the loss became {logs['loss']} after batch {batch + 1} of the epoch: training has diverged; "
                "try a lower --learning-rate, or --resume from the last checkpoint with --precision float32"
            )


class _Record(keras.callbacks.Callback):
    """After each epoch: the checkpoint, then log, curves and the best model so far."""

    def __init__(self, config: TrainConfig, run: Run, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.config, self.run, self.rows = config, run, rows

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        best = max((row["val_psnr"] for row in self.rows), default=-math.inf)
        row = {name: float(logs[name]) for name in ("loss", "psnr", "val_loss", "val_psnr")}
        row |= {
            "epoch": epoch + 1,
            "step": (epoch + 1) * self.config.steps_per_epoch,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.rows.append(row)
        self.run.save_checkpoint(self.model, epoch + 1)
        self.run.write_log(self.rows)
        draw_curves(self.rows, self.run.curves_file)
        if row["val_psnr"] > best:
            save_atomically(self.model, self.run.best_file)


def _tensorboard(run: Run) -> list[keras.callbacks.Callback]:
    if importlib.util.find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(run.folder / "tensorboard", write_graph=False)]


def _finish(
    model: keras.Model, config: TrainConfig, training: list[np.ndarray], validation_data: tf.data.Dataset
) -> dict[str, float]:
    reestimate_batch_norm(model, training_batches(training, config, first_step=config.total_steps))
    return model.evaluate(validation_data, verbose=0, return_dict=True)


def reestimate_batch_norm(model: keras.Model, batches: tf.data.Dataset, *, count: int = _STATISTICS_BATCHES) -> None:
    """Set the moving statistics to the mean over `count` batches at the present weights, in place.

    While training, they lag behind weights that move on; this is what an exported model should not inherit.

    Args:
        model: a DnCNN with batch normalisation; without, nothing happens.
        batches: training batches.
        count: how many of them.
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the statistics become those of the latest batch
    forward = tf.function(lambda noisy: model(noisy, training=True))
    sums = [[0.0, 0.0] for _ in norms]
    for noisy, _ in batches.take(count):
        forward(noisy)
        for total, norm in zip(sums, norms, strict=True):
            total[0] += np.asarray(norm.moving_mean, np.float64)
            total[1] += np.asarray(norm.moving_variance, np.float64)
    for (mean, variance), norm, momentum in zip(sums, norms, momenta, strict=True):
        norm.momentum = momentum
        norm.moving_mean.assign(mean / count)
        norm.moving_variance.assign(variance / count)


def _keep_final(
    model: keras.Model,
    run: Run,
    final: dict[str, float],
    rows: list[dict[str, float]],
    config: TrainConfig,
    devices: int,
) -> None:
    save_atomically(model, run.last_file)
    best = max(rows, key=lambda row: row["val_psnr"])
    if final["psnr"] >= best["val_psnr"] or not run.best_file.exists():
        save_atomically(model, run.best_file)
    result = {
        "steps": config.total_steps,
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "devices": devices,
        "val_psnr": final["psnr"],
        "best_val_psnr": max(final["psnr"], best["val_psnr"]),
    }
    write_json(run.result_file, result)


def draw_curves(rows: list[dict[str, float]], target: Path) -> None:
    """Training and validation PSNR over the steps, as a PNG."""
    from matplotlib.figure import Figure

    from .runs import atomic_path

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="PSNR in dB", title="Learning curve")
    steps = [row["step"] for row in rows]
    axes.plot(steps, [row["psnr"] for row in rows], label="training patches")
    axes.plot(steps, [row["val_psnr"] for row in rows], label="validation")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(target) as path:
        figure.savefig(path, dpi=120)
