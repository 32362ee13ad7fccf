"""How fast is a training step of DnCNN-S, beside a plain PyTorch DnCNN and the machine's peak?

    pip install torch
    python -m benchmarks.speed.training

Every contender is a process of its own that waits while another one works. They take turns, several times over, so
that a machine whose speed drifts treats them alike; each round's ratios are taken within the round. Where the processor
has no bfloat16 all is in float32.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Callable

import click
import numpy as np

from benchmarks.common.machine import describe_machine
from dncnn_tf.engines.precision import Floating, fastest_for_engines
from dncnn_tf.evaluation.turns import Contender, serve
from dncnn_tf.training.heap import memory_kept

PRECISION = fastest_for_engines()
PACKAGE = tuple(f"dncnn-tf {precision}" for precision in dict.fromkeys((PRECISION, "float32")))
"""As `dncnn-tf train` runs: `model.fit` under `MirroredStrategy`, fused batch normalisation, freed memory kept."""
KERAS_LAYER = f"dncnn-tf {PRECISION}, Keras' own BatchNormalization"
GIVEN_BACK = f"dncnn-tf {PRECISION}, freed memory given back"
TORCH_DEFAULT = "PyTorch float32"
"""A plain DnCNN in PyTorch's default precision and memory layout."""
TORCH_BEST = f"PyTorch {PRECISION}, channels_last"
"""In bfloat16 by autocast."""
CONTENDERS = (*PACKAGE, KERAS_LAYER, GIVEN_BACK, TORCH_DEFAULT, TORCH_BEST)
PEAK_SIDE = 4096


@click.command()
@click.option("--batch", default=128, show_default=True, help="Patches in one step.")
@click.option("--patch", default=40, show_default=True, help="Side of a patch in pixels.")
@click.option("--rounds", default=5, show_default=True, help="Turns that each contender gets.")
@click.option("--seconds", default=8.0, show_default=True, help="Length of one turn, at least.")
@click.option("--worker", hidden=True)
def main(batch: int, patch: int, rounds: int, seconds: float, worker: str | None) -> None:
    """Print a table: steps, patches and pixels per second, share of the peak, ratios to PyTorch."""
    if worker is not None:
        with memory_kept() if worker in (*PACKAGE, KERAS_LAYER) else contextlib.nullcontext():
            serve(_stopwatch(worker, batch, patch))
        return
    versions = ", ".join(f"{name} {_version(name)}" for name in ("tensorflow", "keras", "torch"))
    click.echo(f"{describe_machine()}; {versions}; batches of {batch} patches of {patch}×{patch}\n")
    names = (*CONTENDERS, "peak")
    results: dict[str, list[float]] = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        contenders = {name: stack.enter_context(Contender(_command(name, batch, patch))) for name in names}
        for _ in range(rounds):
            for name, contender in contenders.items():
                results[name].append(contender.measure(seconds))
    _print_table(results, batch, patch)


def _print_table(results: dict[str, list[float]], batch: int, patch: int) -> None:
    flops = training_flops(batch, patch)
    click.echo("| training step | steps/s | patches/s | kpixels/s | of the peak | ×PyTorch best | ×default |")
    click.echo("|---|--:|--:|--:|--:|--:|--:|")
    for name in CONTENDERS:
        rate = statistics.median(results[name])
        share = statistics.median(flops * a / b for a, b in zip(results[name], results["peak"], strict=True))
        best, default = (
            statistics.median(a / b for a, b in zip(results[name], results[other], strict=True))
            for other in (TORCH_BEST, TORCH_DEFAULT)
        )
        click.echo(
            f"| {name} | {rate:.3g} | {rate * batch:.0f} | {rate * batch * patch**2 / 1e3:.0f} | {share:.0%} "
            f"| {best:.2f} | {default:.2f} |"
        )
    peak = statistics.median(results["peak"])
    click.echo(
        f"\nMedians of {len(results['peak'])} rounds. Peak: the faster of TensorFlow's and PyTorch's product of two "
        f"{PEAK_SIDE}×{PEAK_SIDE} {PRECISION} matrices, {peak / 1e9:,.0f} GFLOP/s; convolutions alone are counted."
    )


def training_flops(batch: int, patch: int, depth: int = 17, filters: int = 64) -> float:
    """Floating-point operations of the convolutions in one step: forward, and backward to weights and to inputs.

    The first layer needs no gradient of its input.
    """
    outer = 2 * 9 * filters
    middle = (depth - 2) * 2 * 9 * filters**2
    return batch * patch**2 * (2 * outer + 3 * middle + 3 * outer)


def _stopwatch(name: str, batch: int, patch: int) -> Callable[[float], float]:
    """A function of seconds: at least so long it works, and returns steps (of the peak: operations) per second."""
    step, amount = _peak() if name == "peak" else (_contender(name, batch, patch), 1.0)
    step()  # traces, compiles and allocates
    step()

    def measure(seconds: float) -> float:
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            step()
            count += 1
        return amount * count / (time.perf_counter() - start)

    return measure


def _command(name: str, batch: int, patch: int) -> list[str]:
    module = [sys.executable, "-m", "benchmarks.speed.training"]
    return [*module, "--worker", name, "--batch", str(batch), "--patch", str(patch)]


def _contender(name: str, batch: int, patch: int) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    clean = rng.random((batch, patch, patch, 1), dtype=np.float32)
    noisy = clean + rng.standard_normal(clean.shape, dtype=np.float32) * np.float32(25 / 255)
    return _torch_step(name, noisy, clean) if name.startswith("PyTorch") else _keras_step(name, noisy, clean)


def _keras_step(name: str, noisy: np.ndarray, clean: np.ndarray) -> Callable[[], object]:
    import keras
    import tensorflow as tf

    from dncnn_tf.config import TrainConfig
    from dncnn_tf.models import batch_norm
    from dncnn_tf.training.compiling import make_ready, new_model

    if name == KERAS_LAYER:
        batch_norm.FusedBatchNormalization.call = keras.layers.BatchNormalization.call  # type: ignore[method-assign]
    precision: Floating = "float32" if name == PACKAGE[-1] else PRECISION
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        config = TrainConfig(precision=precision)
        model = new_model(config)
        make_ready(model, config, epoch=0)
    batches = tf.data.Dataset.from_tensors((noisy, clean)).repeat()
    iterator = iter(strategy.experimental_distribute_dataset(batches))  # as `fit` does
    model.make_train_function()
    return lambda: float(model.train_function(iterator)["loss"])


def _torch_step(name: str, noisy: np.ndarray, clean: np.ndarray) -> Callable[[], object]:
    import torch
    from torch import nn

    middle = [
        layer
        for _ in range(15)
        for layer in (nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(inplace=True))
    ]
    network = nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(inplace=True), *middle, nn.Conv2d(64, 1, 3, padding=1)
    )
    best = name == TORCH_BEST
    layout = torch.channels_last if best else torch.contiguous_format
    network = network.to(memory_format=layout)  # type: ignore[call-overload]
    x, target = (torch.from_numpy(a).permute(0, 3, 1, 2).contiguous(memory_format=layout) for a in (noisy, clean))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.99))

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=best and PRECISION == "bfloat16"):
            denoised = x - network(x)
        loss = nn.functional.mse_loss(denoised.float(), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _peak() -> tuple[Callable[[], object], float]:
    """The faster of two libraries' products of matrices, and the operations in one."""
    import tensorflow as tf
    import torch

    a = torch.randn(PEAK_SIDE, PEAK_SIDE).to(getattr(torch, PRECISION))
    b = tf.cast(tf.random.normal([PEAK_SIDE, PEAK_SIDE]), PRECISION)
    products = (lambda: a @ a, lambda: tf.linalg.matmul(b, b).numpy())
    return min(products, key=_duration), 2.0 * PEAK_SIDE**3


def _duration(work: Callable[[], object]) -> float:
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _version(distribution: str) -> str:
    for name in (distribution, f"{distribution}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise click.UsageError(f"this benchmark needs {distribution}: pip install {distribution}")


if __name__ == "__main__":
    main()
