"""One run from its configuration to its model: data, devices, `fit`, checkpoints, resume."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras

from ..config import TrainConfig
from ..engines.precision import training_precision
from ..errors import DnCNNError, OptionError
from ..models.transfer import mix_in
from .batches import TrainingData
from .compiling import new_model
from .configs import finetuning_config
from .heap import memory_kept
from .loops import open_loop
from .recording import Record, tensorboard
from .rounding import with_rounding
from .run_folder import Run
from .workers import Cluster


class TrainingDivergedError(DnCNNError):
    """The loss is no longer a number; the message says what to try."""


@memory_kept()
def train(
    config: TrainConfig | None,
    output: str | Path,
    *,
    resume: bool = False,
    epochs: int | None = None,
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
        output: the run folder.
        resume: go on from the newest checkpoint, with optimizer, schedule and data where they were.
        epochs: for how many, in place of the configuration's. A resumed run goes on at the rate that a schedule over
            so many has where the run is.
        devices: TensorFlow device names to mirror over; None for all visible ones.
        callbacks: further Keras callbacks, such as a progress display.
        note: called with a line about something that a person should know.

    Returns:
        The trained model, with batch-normalisation statistics re-estimated at its final weights.

    Raises:
        RunError: the folder is taken, in use or damaged, or its run was configured otherwise.
        ClusterError: TF_CONFIG makes no sense, or another worker is gone.
        TrainingDivergedError: the loss became NaN or infinite.
        DatasetError: the data cannot be used.
        OptionError: the configuration does not fit the devices, or there is none.
        ModelError, ValueError: the model to start from cannot be loaded, or does not fit.
    """
    if keras.backend.backend() != "tensorflow":
        raise OptionError(f"training needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}")
    cluster, run = Cluster.from_environment(), Run(Path(output))
    before, config = _configurations(config, run, cluster, resume=resume, epochs=epochs)
    # All that can be refused comes before anything is written.
    data = TrainingData.load(config, cluster.own_shards(config.shards))
    loop = open_loop(data, cluster, devices, note)
    with loop.strategy.scope():
        new = None if resume and not config.start_share else new_model(config)
        start = new.get_weights() if new is not None and config.start_share else None
    with run.locked(new=not resume) if cluster.is_chief else contextlib.nullcontext():
        with loop.strategy.scope():
            found = run.latest_checkpoint(note) if resume else None
            model, epoch = found or (_beginning(new or new_model(config), config, data), 0)
        if resume:
            note(f"going on after epoch {epoch} of {config.epochs}")
            if config.epochs != before.epochs:
                note(f"the learning rate is that of {config.epochs} epochs from here on, not of {before.epochs}")
        loop.begin(model, config, epoch)
        if cluster.is_chief:
            run.write_config(config)
        record = Record(config, run, run.read_log()[:epoch])
        watching = [record, *tensorboard(run), *callbacks] if cluster.is_chief else []
        if config.init is not None and epoch == 0:
            note(f"started from {config.init}: validation {loop.validation_psnr():.2f} dB")
        loop.train(config, epoch, [_StopAtNaN(), *watching])
        if start is not None:
            mix_in(model, start, config.start_share)
        if cluster.is_chief:
            record.finish(model, loop.validation_psnr())
    return record.network(model)


def _beginning(model: keras.Model, config: TrainConfig, data: TrainingData) -> keras.Model:
    """What a run trains of a new model, before its first step."""
    return with_rounding(model, data.batches()) if config.quantization_aware else model


def _configurations(
    config: TrainConfig | None, run: Run, cluster: Cluster, *, resume: bool, epochs: int | None
) -> tuple[TrainConfig, TrainConfig]:
    """That of a run as it was left and that with which it goes on; of a new one, the same twice."""
    if config is not None and epochs is not None:
        config = dataclasses.replace(config, epochs=epochs)
    if resume:
        before = run.config(expected=config)
        return before, run.rescheduled(before, epochs or (config or before).epochs)
    if config is None:
        raise OptionError("only `resume` goes without a configuration. Received: config=None, resume=False")
    if cluster.is_chief:
        run.require_empty()
    shards = cluster.size if config.shards == 1 else config.shards
    config = dataclasses.replace(config, precision=training_precision(config.precision), shards=shards)
    return config, config


def finetune(
    noisy: str | Path,
    clean: str | Path,
    *,
    model: str | Path = "auto",
    output: str | Path = "runs/finetuned",
    devices: list[str] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    note: Callable[[str], None] = lambda line: None,
    **options: Any,
) -> keras.Model:
    """Adapt a model to the noise of your own pictures: pairs of noisy and clean ones, under the same names.

    One pair in twenty, at least one, is held out to tell whether it helps.

    Args:
        noisy: a folder of pictures as they come.
        clean: a folder of the same ones without noise, such as the mean of many exposures.
        model: where to start, a name or path; "auto" for the model for photographs in the box if a picture has colour,
            and for the blind grey one if none has.
        output: the run folder.
        devices: as for `train`.
        callbacks: as for `train`.
        note: as for `train`.
        **options: of `finetuning_config`: epochs, steps_per_epoch, batch_size, patch_size, learning_rate, precision,
            seed.

    Returns:
        The trained model; the run folder has it as `best.keras` and `last.keras`.

    Raises:
        DatasetError: a picture cannot be read or lacks its counterpart, or there are too few.
        ModelError: the model to start from cannot be loaded.
        RunError, OptionError, TrainingDivergedError: as for `train`.
    """
    config = finetuning_config(noisy, clean, model=model, name=Path(output).name, **options)
    return train(config, output, devices=devices, callbacks=callbacks, note=note)


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {})["loss"]
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss became {loss} after batch {batch + 1} of the epoch: training has diverged; "
                "start again with a lower learning rate or in float32 precision"
            )
