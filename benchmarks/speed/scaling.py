"""How training would scale over GPUs, on paper: `python -m benchmarks.speed.scaling`. Results: scaling.md.

No GPU was measured; the machine's figures are assumptions, named on the page, and can be given as options.
"""

from __future__ import annotations

import math
from pathlib import Path

import click

from benchmarks.common.page import write_page
from dncnn_tf import ModelConfig, build_dncnn

PAGE = Path(__file__).with_name("scaling.md")
GPUS = (1, 2, 4, 8, 16, 32, 64)
PATCHES = (8, 32, 128, 512)
SIDE = 40


@click.command()
@click.option("--teraflops", default=100.0, show_default=True, help="Of a GPU, in bfloat16 convolutions.")
@click.option("--gigabits", default=25.0, show_default=True, help="Of each machine's network.")
@click.option("--latency", default=50.0, show_default=True, help="Of one message, in microseconds.")
@click.option("--overhead", default=3.0, show_default=True, help="Of a step on the host, in milliseconds.")
def main(teraflops: float, gigabits: float, latency: float, overhead: float) -> None:
    """Compute and write the page."""
    model = build_dncnn(ModelConfig(), seed=0)
    weights = sum(variable.shape.num_elements() for variable in model.trainable_variables)
    kernels = sum(variable.shape.num_elements() for variable in model.trainable_variables if len(variable.shape) == 4)
    norms = sum("gamma" in variable.path for variable in model.trainable_variables)
    gradient = 4 * weights
    bandwidth = gigabits * 1e9 / 8

    def compute(patches: float) -> float:
        return overhead / 1e3 + 3 * 2 * kernels * SIDE**2 * patches / (teraflops * 1e12)

    def all_reduce(gpus: int, size: float) -> float:
        """Seconds, by a ring or by a tree, whichever is faster."""
        steps = math.ceil(math.log2(gpus))
        ring = 2 * (gpus - 1) * (size / gpus / bandwidth + latency / 1e6)
        tree = 2 * steps * latency / 1e6 + 2 * size / bandwidth * (steps > 0)
        return min(ring, tree)

    def exchange(gpus: int, *, live: bool) -> float:
        """The gradient, loss and PSNR, and with live statistics three sums of each normalisation, forward and back."""
        return all_reduce(gpus, gradient) + (2 + 6 * norms * live) * all_reduce(gpus, 4 * 64)

    def row(gpus: int) -> str:
        shares = [f"{100 * compute(n) / (compute(n) + exchange(gpus, live=True)):.0f} %" for n in PATCHES]
        both = [f"{1e3 * exchange(gpus, live=live):.1f}" for live in (False, True)]
        needed = [f"{patches_for_nine_tenths(gpus, live=live):,.0f}" for live in (False, True)]
        return f"| {' | '.join([str(gpus), *both, *shares, *needed])} |"

    def patches_for_nine_tenths(gpus: int, *, live: bool) -> float:
        seconds = 9 * exchange(gpus, live=live) - overhead / 1e3
        return max(1, seconds * teraflops * 1e12 / (6 * kernels * SIDE**2))

    how = (
        "`python -m benchmarks.speed.scaling`: nothing here was measured, there was no GPU. Assumed: "
        f"{teraflops:g} TFLOP/s in bfloat16 convolutions, {overhead:g} ms a step on the host, one GPU a machine, "
        f"{gigabits:g} Gbit/s between machines, {latency:g} µs a message, an all-reduce by ring or tree that hides "
        "behind nothing."
    )
    lines = [
        f"DnCNN-S: {weights:,} weights, so {gradient / 1e6:.2f} MB of gradient a step in float32, whatever the batch; "
        f"{6 * kernels * SIDE**2 / 1e9:.2f} GFLOP for a patch of {SIDE}×{SIDE}, forward and back, so a step of "
        f"128 patches computes for {1e3 * compute(128):.1f} ms. Live batch normalisation adds six small sums in "
        f"each of {norms} layers, which cost latency, not bandwidth; with frozen statistics they are gone.",
        "",
        f"| GPUs | exchange, ms, frozen | live | {' | '.join(f'{n} patches a GPU' for n in PATCHES)} "
        "| patches a GPU for 90 %, frozen | live |",
        f"|--:|--:|--:|{'--:|' * len(PATCHES)}--:|--:|",
        *(row(gpus) for gpus in GPUS),
        "",
        "Percentages are the share of a step that is computing, with live statistics. The network stops mattering "
        "where that is 90 %: the last two columns.",
        "",
        "So the paper's batch of 128 patches is one GPU's work; more of them pay with larger batches, for which the "
        "learning rate has to be found anew.",
    ]
    click.echo("\n".join(lines))
    write_page(PAGE, "Training on many GPUs, on paper", how, lines, machine=False)


if __name__ == "__main__":
    main()
