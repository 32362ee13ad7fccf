"""A model made ready to learn: its start, loss, optimizer and schedule."""

from __future__ import annotations

import keras
import tensorflow as tf

from ..config import TrainConfig
from ..engines.precision import KERAS_POLICIES, training_precision
from ..models.batch_norm import batch_norms, freeze_batch_norm, is_frozen, join_frozen
from ..models.cards import ModelError
from ..models.dncnn import build_dncnn, fold_batch_norm
from ..models.transfer import transfer_weights
from ..models.weights import load_model
from .losses import negative_psnr, psnr, root_mean_squared_error
from .optimizers import new_optimizer

_LOSSES = {"mse": "mse", "psnr": negative_psnr, "rmse": root_mean_squared_error}


def new_model(config: TrainConfig) -> keras.Model:
    """Build the model of a run, started from `config.init` where that is given; it has to be made ready to learn.

    Raises:
        ModelError: the model to start from cannot be loaded.
        ValueError: it does not fit.
    """
    dtype = KERAS_POLICIES[training_precision(config.precision)]
    model = build_dncnn(config.model, initialization=config.initialization, dtype=dtype, seed=config.seed)
    if config.init is not None:
        start = load_model(config.init)
        if config.model.batch_norm and not batch_norms(start):
            raise ModelError(
                f"{config.init}: has no batch normalisation, so a model that starts from it has none either; "
                "give `batch_norm` False"
            )
        transfer_weights(start if config.model.batch_norm else fold_batch_norm(start), model)
    return model


def make_ready(model: keras.Model, config: TrainConfig, epoch: int) -> None:
    """Bring a model into the phase that an epoch belongs to, with live or with frozen statistics, in place.

    At a phase's beginning it gets a new optimizer. Within one, as after a resume, it keeps what it has, at the rate
    that the configuration has for this step.

    Args:
        model: with the network of `config`.
        config: the run's.
        epoch: the one to come, counted from 0.
    """
    frozen = epoch >= config.live_epochs
    rate, loss_weight = schedule(config, frozen=frozen), _loss_weight(config)
    step = (epoch - (config.live_epochs if frozen else 0)) * config.steps_per_epoch
    begins = not model.compiled or (frozen and not is_frozen(model))
    if frozen:
        freeze_batch_norm(model)
        join_frozen(model)
    if begins:
        model.compile(
            optimizer=new_optimizer(config.optimizer, rate, config.weight_decay),
            loss=_LOSSES[config.loss],
            loss_weights=[loss_weight],
            metrics=[keras.metrics.MeanMetricWrapper(psnr, "psnr")],
            jit_compile=_xla_pays() and not config.quantization_aware,  # it cannot compile how rough a picture is
        )
    model.optimizer.learning_rate = rate
    model.optimizer.iterations.assign(step)


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
