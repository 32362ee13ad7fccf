"""A model made ready to learn: its start, loss, optimizer and schedule."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..config import TrainConfig
from ..engines.precision import KERAS_POLICIES, training_precision
from ..models.batch_norm import freeze_batch_norm, is_frozen
from ..models.dncnn import build_dncnn
from ..models.transfer import transfer_weights
from ..models.weights import load_model
from .losses import negative_psnr, psnr, root_mean_squared_error
from .optimizers import ClippedSGD, Muon

_LOSSES = {"mse": "mse", "psnr": negative_psnr, "rmse": root_mean_squared_error}


def new_model(config: TrainConfig) -> keras.Model:
    """Build and compile the model of a run, started from `config.init` where that is given."""
    model = build_dncnn(
        config.model,
        initialization=config.initialization,
        dtype=KERAS_POLICIES[training_precision(config.precision)],
        seed=config.seed,
    )
    if config.init is not None:
        transfer_weights(load_model(config.init), model)
    if not config.live_epochs:
        freeze_batch_norm(model)
    compile_model(model, config)
    return model


def compile_model(model: keras.Model, config: TrainConfig) -> None:
    """Make ready for the phase of training that the model is in: with live or with frozen statistics."""
    model.compile(
        optimizer=_optimizer(config, frozen=is_frozen(model)),
        loss=_LOSSES[config.loss],
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


def _optimizer(config: TrainConfig, *, frozen: bool) -> keras.optimizers.Optimizer:
    rate = schedule(config, frozen=frozen)
    decay = config.weight_decay or None
    if config.optimizer == "sgd":
        # The paper mentions no clipping. Without it, its rate of 0.1 diverges from He's start. In some hundred steps of
        # DnCNN-S, a norm of 0.1 learned more slowly than 0.3, and 1 killed the network without normalisation.
        return ClippedSGD(rate, norm=0.3, momentum=0.9, weight_decay=decay)
    if config.optimizer == "muon":
        return Muon(rate, weight_decay=decay)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, beta_2=0.99, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate, beta_2=0.99, weight_decay=decay)


def schedule(config: TrainConfig, *, frozen: bool) -> keras.optimizers.schedules.LearningRateSchedule | float:
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
