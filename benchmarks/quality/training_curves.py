"""What training buys: PSNR over the hours, steps and pixels of every shipped model, as their cards have it.

    python -m benchmarks.quality.training_curves

Results: training_curves.md and training_curves.png.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.common.page import write_page
from benchmarks.release.history import folder_of, runs_of
from dncnn_tf.config import PUBLISHED, paper_recipe
from dncnn_tf.files import atomic_path
from dncnn_tf.models.cards import degree_text, read_card, shipped_models

HERE = Path(__file__).parent
PAGE, PLOT = HERE / "training_curves.md", HERE / "training_curves.png"
HOW = """How long each model in the box was trained, from its card, and what it reached; made by
`python -m benchmarks.quality.training_curves`. Hours are those of the machine in the last column. Steps and
pixels do not depend on it: with your own machine's pace (`python -m benchmarks.speed.training`) they say
what your hours buy."""
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Curve:
    """How one model was trained, in all its runs from what the first of them started from.

    Attributes:
        name: of the model.
        start: what the first run started from, a model in the box or the folder of one of its runs; "" for nothing.
        hours: at each point, on the machine that trained it.
        steps: the same in optimizer steps.
        pixels: the same in pixels seen.
        psnrs: on the pictures held out, in dB.
        ends: hours at which each run ended.
        hardware: of the last run.
    """

    name: str
    start: str
    hours: list[float]
    steps: list[int]
    pixels: list[float]
    psnrs: list[float]
    ends: list[float]
    hardware: str

    def hours_until(self, start: str) -> float:
        """Its hours in what another model started from, this one or one of its runs."""
        ends = {folder_of(self.name, number): hours for number, hours in enumerate(self.ends, 1)}
        return ends.get(start, self.hours[-1])

    def at(self, share: float) -> float:
        """PSNR at the first point at which so much of the steps was done."""
        return next(p for step, p in zip(self.steps, self.psnrs, strict=True) if step >= share * self.steps[-1])


def curve_of(name: str) -> Curve:
    """One after the other, a model's runs."""
    runs = runs_of(read_card(name))
    curve = Curve(name, runs[0]["init"] or "", [], [], [], [], [], runs[-1]["hardware"])
    hours = steps = pixels = 0
    for run in runs:
        for point in run["curve"]:
            share = point["step"] / run["steps"]
            curve.hours.append(hours + share * run["hours"])
            curve.steps.append(steps + point["step"])
            curve.pixels.append(pixels + point["step"] * run["batch_size"] * run["patch_size"] ** 2)
            curve.psnrs.append(point["val_psnr"])
        hours, steps = hours + run["hours"], steps + run["steps"]
        pixels += run["steps"] * run["batch_size"] * run["patch_size"] ** 2
        curve.ends.append(hours)
    return curve


@click.command()
def main() -> None:
    """Write the page and draw the curves."""
    curves = [curve_of(name) for name in shipped_models()]
    lines = [
        "![PSNR over hours](training_curves.png)",
        "",
        "| model | started from | hours | hours with its start | steps | Gpixels | in the paper | reached | on |",
        "|---|---|--:|--:|--:|--:|--:|---|---|",
        *(_row(curve, curves) for curve in curves),
        "",
        "PSNR in dB on the pictures held out, at a share of the steps. They are others for each model, so only figures",
        "in one row compare. Before the end the rate is higher than in a run that ends there, which would do better.",
        "",
        f"| model | {' | '.join(f'{share:.0%}' for share in SHARES)} |",
        f"|---|{'--:|' * len(SHARES)}",
        *(f"| `{each.name}` | {' | '.join(f'{each.at(share):.2f}' for share in SHARES)} |" for each in curves),
        *(f"\n`{each.name}`: {read_card(each.name)['note']}" for each in curves if "note" in read_card(each.name)),
    ]
    write_page(PAGE, "What training buys", HOW, lines, machine=False)
    _draw(curves)


def _paper_pixels(name: str) -> int:
    paper = paper_recipe(name)
    return paper.total_steps * paper.batch_size * paper.patch_size**2


def _row(curve: Curve, curves: list[Curve]) -> str:
    models = {each.name: each for each in curves}
    models |= {folder_of(each.name, number): each for each in curves for number in range(1, len(each.ends) + 1)}
    hours, start = curve.hours[-1], curve.start
    while start:
        hours, start = hours + models[start].hours_until(start), models[start].start
    measured = read_card(curve.name)["measured"]
    reached = ", ".join(
        f"{row['psnr']:.2f} at {degree_text(row)}" for row in measured if row["data"] == measured[0]["data"]
    )
    cells = (
        f"`{curve.name}`",
        f"`{curve.start}`" if curve.start else "nothing",
        f"{curve.hours[-1]:.2f}",
        f"{hours:.2f}",
        f"{curve.steps[-1]:,}",
        f"{curve.pixels[-1] / 1e9:.2f}",
        f"{_paper_pixels(curve.name) / 1e9:.1f}" if curve.name in PUBLISHED else "–",
        f"{measured[0]['data']}: {reached}",
        curve.hardware,
    )
    return f"| {' | '.join(cells)} |"


def _draw(curves: list[Curve]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    places = list(figure.subplots(-(-len(curves) // 3), 3).flat)
    for axes in places[len(curves) :]:
        axes.set_axis_off()
    for axes, curve in zip(places, curves, strict=False):
        axes.plot(curve.hours, curve.psnrs, marker=".", color="tab:blue")
        for end in curve.ends[:-1]:
            axes.axvline(end, color="gray", linestyle=":")
        steps_an_hour = curve.steps[-1] / curve.hours[-1] / 1000
        above = axes.secondary_xaxis(
            "top", functions=(lambda x, k=steps_an_hour: x * k, lambda x, k=steps_an_hour: x / k)
        )
        above.set_xlabel("thousand steps")
        axes.set_title(f"{curve.name} ({curve.pixels[-1] / 1e9:.2f} Gpixels)")
        axes.set(xlabel="hours", ylabel="PSNR in dB, held out")
        axes.grid(alpha=0.3)
    with atomic_path(PLOT) as path:
        figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
