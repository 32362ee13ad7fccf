"""The paper's Fig. 2 in small: residual learning and batch normalisation, with and without, under SGD and Adam.

    DNCNN_TF_DATA=DIR python -m benchmarks.paper.figure2

Eight runs of DnCNN at σ 25, each started as published (He) and trained for the same few steps. Interrupted, it goes on
where it was. Results: figure2.json, figure2.md and figure2.png.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import click
import keras

from benchmarks.common.machine import describe_machine
from benchmarks.common.page import write_page
from dncnn_tf.config import ModelConfig, TrainConfig, paper_recipe
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import atomic_path, write_json
from dncnn_tf.models.weights import load_model
from dncnn_tf.training.fit import TrainingDivergedError, train
from dncnn_tf.training.run_folder import Run

HERE = Path(__file__).parent
RESULTS, TABLE, PLOT = HERE / "figure2.json", HERE / "figure2.md", HERE / "figure2.png"
EPOCH = 50

SGD = paper_recipe("dncnn-s-25")
SHORT = TrainConfig(
    data="train400",
    batch_size=16,
    patch_size=32,
    steps_per_epoch=EPOCH,
    initialization="he",
    precision="bfloat16",
)
OPTIMIZERS = {
    "SGD": dataclasses.replace(
        SHORT, optimizer="sgd", learning_rate=SGD.learning_rate, schedule=SGD.schedule, weight_decay=SGD.weight_decay
    ),
    "Adam": dataclasses.replace(SHORT, optimizer="adam"),
}
COMBINATIONS = {
    "with RL, with BN": ModelConfig(),
    "with RL, without BN": ModelConfig(batch_norm=False),
    "without RL, with BN": ModelConfig(residual=False),
    "without RL, without BN": ModelConfig(residual=False, batch_norm=False),
}
BOTH, ONLY_RL, ONLY_BN, NEITHER = COMBINATIONS
CLAIMS = (
    ("with BN, residual learning is better than direct mapping", BOTH, (ONLY_BN,)),
    ("without BN too, residual learning is better", ONLY_RL, (NEITHER,)),
    ("residual learning gains from BN", BOTH, (ONLY_RL,)),
    ("without residual learning, BN rather harms", NEITHER, (ONLY_BN,)),
    ("both together are best", BOTH, (ONLY_RL, ONLY_BN, NEITHER)),
)
COLOURS = ("tab:red", "tab:green", "tab:blue", "black")  # the paper's


@click.command()
@click.option("--steps", type=click.IntRange(EPOCH), default=1000, show_default=True, help="Of each run.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/figure2"), show_default=True)
def main(steps: int, runs: Path) -> None:
    """Train the eight networks and write table and plot."""
    results: dict[str, dict] = {}
    for (optimizer, config), (combination, model) in itertools.product(OPTIMIZERS.items(), COMBINATIONS.items()):
        name = f"{optimizer}, {combination}"
        config = dataclasses.replace(config, model=model, epochs=steps // EPOCH)
        results[name] = _run(config, runs / name.replace(", ", "-").replace(" ", "-"))
        click.echo(f"{name}: {results[name]['bsd68']} dB")
        keras.backend.clear_session()
    write_json(RESULTS, {"steps": steps, "results": results, "machine": describe_machine(), "versions": versions()})
    _draw(results)
    _write_table(results, steps)


def _run(config: TrainConfig, folder: Path) -> dict:
    """BSD68 PSNR at the end (None: diverged) and validation PSNR along the way, [[step, dB], …]."""
    if not (folder / "result.json").exists():
        try:
            train(config, folder, resume=(folder / "config.json").exists(), note=click.echo)
        except TrainingDivergedError as error:
            click.echo(str(error))
    curve = [[int(row["step"]), round(row["val_psnr"], 3)] for row in Run(folder).read_log()]
    if not (folder / "result.json").exists():
        return {"bsd68": None, "curve": curve}
    psnr = evaluate(load_model(folder / "last.keras"), "bsd68", Setting("denoise", 25)).psnr
    return {"bsd68": round(psnr, 3), "curve": curve}


def _pixels(config: TrainConfig) -> int:
    """In one batch."""
    return config.batch_size * config.patch_size**2


def _draw(results: dict[str, dict]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(OPTIMIZERS), sharey=True)
    for axes, optimizer in zip(panels, OPTIMIZERS, strict=True):
        for combination, colour in zip(COMBINATIONS, COLOURS, strict=True):
            curve = results[f"{optimizer}, {combination}"]["curve"]
            axes.plot([step for step, _ in curve], [psnr for _, psnr in curve], color=colour, label=combination)
        axes.set(title=optimizer, xlabel="step", ylim=(20, None))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("validation PSNR in dB")
    panels[-1].legend()
    with atomic_path(PLOT) as path:
        figure.savefig(path, dpi=100)


def _write_table(results: dict[str, dict], steps: int) -> None:
    how = " ".join(
        [
            f"`DNCNN_TF_DATA=DIR python -m benchmarks.paper.figure2 --steps {steps}`:",
            f"DnCNN with 17 convolutions, σ 25, `train400`, {steps:,} steps of {SHORT.batch_size} patches of "
            f"{SHORT.patch_size}×{SHORT.patch_size}, He's initialisation, bfloat16, one run",
            f"each: a share of 1/{round(SGD.total_steps * _pixels(SGD) / (steps * _pixels(SHORT))):,} of the pixels "
            "that the paper's training sees, so that what takes longer to show is not here. SGD as",
            "published (eq. (1), momentum 0.9, 0.1 to 0.0001 exponentially, weight decay 1e-4), with gradients clipped",
            "to a norm of 0.3; Adam at 1e-3, warm-up of 100 steps, cosine to zero. RL: residual learning,",
            "BN: batch normalisation.",
        ]
    )
    lines = [
        "![validation PSNR over the steps](figure2.png)",
        "",
        "Mean PSNR on BSD68 in dB after the last step (the noisy images: 20.17):",
        "",
        "| | SGD | Adam |",
        "|---|--:|--:|",
    ]
    for combination in COMBINATIONS:
        figures = (results[f"{optimizer}, {combination}"]["bsd68"] for optimizer in OPTIMIZERS)
        lines.append(
            f"| {combination} | " + " | ".join("diverged" if f is None else f"{f:.2f}" for f in figures) + " |"
        )
    lines += ["", "| the paper says | SGD | Adam |", "|---|---|---|"]
    for claim, better, worse in CLAIMS:
        verdicts = (_verdict(results, optimizer, better, worse) for optimizer in OPTIMIZERS)
        lines.append(f"| {claim} | " + " | ".join(verdicts) + " |")
    write_page(TABLE, "Fig. 2 in small", how, lines)


def _verdict(results: dict[str, dict], optimizer: str, better: str, worse: tuple[str, ...]) -> str:
    """Whether a claim holds at the end of the runs, and by how many dB."""
    first, *others = ((results[f"{optimizer}, {name}"]["bsd68"] or 0.0) for name in (better, *worse))
    gain = first - max(others)
    return f"{'yes' if gain > 0 else 'no'}, {gain:+.2f} dB"


if __name__ == "__main__":
    main()
