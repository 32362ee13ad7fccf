"""The paper's Tables II, III and V, measured with the authors' released weights.

    DNCNN_TF_DATA=DIR python -m benchmarks.paper.paper_tables

Needs the published sets in the folder that DNCNN_TF_DATA names, and the released weights. Hours on a CPU, so every
finished cell is kept in paper_tables.json and not measured again; paper_tables.md is written anew after each.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.common.page import write_page
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.paper import TABLE_5, PaperFigure, PaperModel, paper_figure
from dncnn_tf.evaluation.settings import EvaluationTask, Setting
from dncnn_tf.evaluation.versions import versions
from dncnn_tf.files import write_json
from dncnn_tf.models.conversion import convert_weights

HERE = Path(__file__).parent
CACHE, TABLE = HERE / "paper_tables.json", HERE / "paper_tables.md"

PAPER_MODELS: dict[str, PaperModel] = {
    "dncnn_s_sigma25": "DnCNN-S",
    "dncnn_b": "DnCNN-B",
    "cdncnn_b": "CDnCNN-B",
    "dncnn_3": "DnCNN-3",
}
SET12 = (
    "C.man",
    "House",
    "Peppers",
    "Starfish",
    "Monar.",
    "Airpl.",
    "Parrot",
    "Lena",
    "Barbara",
    "Boat",
    "Man",
    "Couple",
)
SET12_SEEDS, BSD68_SEEDS = range(10), range(4)
PSNR_TOLERANCE, SSIM_TOLERANCE = 0.02, 0.0005
HIGHEST_DEVIATION = 3.0

# PSNR of bicubic interpolation alone, as the literature since VDSR (Kim et al., 2016) commonly quotes it. Not in the
# paper's tables; a check of the pictures.
BICUBIC: dict[str, dict[float, float]] = {
    "set14": {2: 30.24, 3: 27.55, 4: 26.00},
    "bsd100": {2: 29.56, 3: 27.21, 4: 25.96},
    "urban100": {2: 26.88, 3: 24.46, 4: 23.14},
}


@dataclass(frozen=True)
class Cell:
    """One figure of a table."""

    model: str
    task: EvaluationTask
    data: str
    degree: float
    seed: int = 0

    @property
    def key(self) -> str:
        """Its name in the cache."""
        return f"{self.model} {self.task} {self.data} {self.degree:g} seed {self.seed}"

    @property
    def paper(self) -> PaperFigure:
        """What the paper has; for bicubic interpolation, which it does not have, the commonly quoted figure."""
        if self.model == "bicubic":
            return PaperFigure("bicubic", BICUBIC[self.data][self.degree])
        figure = paper_figure(PAPER_MODELS[self.model], self.task, self.data, self.degree)
        assert figure is not None  # only cells that the paper has are listed
        return figure


TABLE_2_CELLS = [Cell("dncnn_s_sigma25", "denoise", "bsd68", 25)] + [
    Cell("dncnn_b", "denoise", "bsd68", sigma) for sigma in (15, 25, 50)
]
SPREAD_CELLS = [Cell("dncnn_s_sigma25", "denoise", "bsd68", 25, seed) for seed in BSD68_SEEDS]
TABLE_3_CELLS = {
    model: [Cell(model, "denoise", "set12", 25, seed) for seed in SET12_SEEDS]
    for model in ("dncnn_s_sigma25", "dncnn_b")
}
COLOR_CELLS = [Cell("cdncnn_b", "denoise", "cbsd68", sigma) for sigma in (15, 25, 50)]
TABLE_5_CELLS = [
    Cell("dncnn_3", task, data, degree)
    for task, sets in TABLE_5.items()
    for data, degrees in sets.items()
    for degree in degrees
]
BICUBIC_CELLS = [Cell("bicubic", "super-resolution", data, scale) for data in BICUBIC for scale in BICUBIC[data]]


class Bicubic:
    """No network: the input of super-resolution, as it is."""

    channels, receptive_radius = 1, 0

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """The input itself."""
        return noisy


def all_cells() -> list[Cell]:
    """Every cell once, the large sets last."""
    cells = [*TABLE_3_CELLS["dncnn_s_sigma25"], *TABLE_3_CELLS["dncnn_b"], *TABLE_2_CELLS, *TABLE_5_CELLS]
    cells += [*COLOR_CELLS, *SPREAD_CELLS, *BICUBIC_CELLS]
    order = ("set5", "classic5", "set12", "set14", "bsd68", "cbsd68", "live1", "bsd100", "urban100")
    return sorted(dict.fromkeys(cells), key=lambda cell: order.index(cell.data))


@click.command()
@click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("DNCNN_TF_DATA", "data")).parent / "reference/weights",
    help="Folder of the released .mat files.  [default: reference/weights beside DNCNN_TF_DATA]",
)
def main(weights: Path) -> None:
    """Measure what is not measured yet, and write the table."""
    finished = json.loads(CACHE.read_text(encoding="utf-8")) if CACHE.exists() else {}
    engines: dict[str, Engine] = {"bicubic": Bicubic()}
    for cell in all_cells():
        if cell.key in finished:
            continue
        if cell.model not in engines:
            engines[cell.model] = open_engine(convert_weights(weights / f"{cell.model}.mat"), precision="float32")
        finished[cell.key] = measure(engines[cell.model], cell)
        write_json(CACHE, finished)
        write_table(finished)
        result = finished[cell.key]
        click.echo(f"{cell.key}: {result['psnr']:.3f} dB, {result['ssim']:.4f}, {result['seconds']:.0f} s")
    write_table(finished)
    click.echo(TABLE)


def measure(engine: Engine, cell: Cell) -> dict:
    """Evaluate one cell."""
    start = time.perf_counter()
    result = evaluate(engine, cell.data, Setting(cell.task, cell.degree, cell.seed))
    return {
        "psnr": result.psnr,
        "ssim": result.ssim,
        "seconds": time.perf_counter() - start,
        "versions": versions(),
        "images": [asdict(image) for image in result.images],
    }


def write_table(finished: dict) -> None:
    """Paper beside measured, as Markdown."""
    how = (
        "`DNCNN_TF_DATA=DIR python -m benchmarks.paper.paper_tables`: the weights as `dncnn_tf.convert_weights` "
        "converts them, in float32, whole images, noise of seed 0; `paper_tables.json` has every image. A figure holds "
        f"when it is within {PSNR_TOLERANCE} dB and {SSIM_TOLERANCE} SSIM of the paper's."
    )
    parts = [
        summary(finished),
        _section("Table II: BSD68", TABLE_2_CELLS, finished),
        _spread(finished),
        _section("Colour model on CBSD68", COLOR_CELLS, finished),
        *(_table_3(model, finished) for model in TABLE_3_CELLS),
        _section("Table V: DnCNN-3, one set of weights for three tasks", TABLE_5_CELLS, finished),
        _section("Bicubic interpolation, no network", BICUBIC_CELLS, finished, reference="commonly quoted"),
    ]
    lines = "\n".join(part for part in parts if part).rstrip("\n").split("\n")
    write_page(TABLE, "The paper's figures, measured with the authors' released weights", how, lines, machine=False)


def summary(finished: dict) -> str:
    """How many cells are measured, and how many of them hold."""
    cells = [*TABLE_2_CELLS, *COLOR_CELLS, *TABLE_5_CELLS]
    measured = [cell for cell in cells if cell.key in finished]
    held = sum(holds(cell, finished[cell.key]) for cell in measured)
    return (
        f"Tables II and V and the colour model: {len(measured)} of {len(cells)} cells measured, {held} of them hold.\n"
    )


def holds(cell: Cell, result: dict) -> bool:
    """Whether a measured cell is within tolerance of the paper's."""
    paper = cell.paper
    ssim_holds = paper.ssim is None or abs(result["ssim"] - paper.ssim) <= SSIM_TOLERANCE + _HALF_DIGIT
    return ssim_holds and abs(result["psnr"] - paper.psnr) <= PSNR_TOLERANCE + _HALF_DIGIT


_HALF_DIGIT = 1e-9  # floating-point rounding of the difference, no more


def _section(title: str, cells: list[Cell], finished: dict, *, reference: str = "paper") -> str:
    lines = [
        f"## {title}\n",
        f"| model | task | data | degree | {reference} | measured | Δ | holds |",
        "|---|---|---|--:|--:|--:|--:|---|",
    ]
    for cell in cells:
        paper, result = cell.paper, finished.get(cell.key)
        start = f"| {paper.model} | {cell.task} | {cell.data} | {cell.degree:g} | {_pair(paper.psnr, paper.ssim)} |"
        if result is None:
            lines.append(f"{start} not measured yet | | |")
            continue
        ssim = result["ssim"] if paper.ssim is not None else None
        delta = f"{result['psnr'] - paper.psnr:+.3f}" + (f" / {ssim - paper.ssim:+.4f}" if ssim is not None else "")
        verdict = "yes" if holds(cell, result) else "NO"
        lines.append(f"{start} {_pair(result['psnr'], ssim, digits=3)} | {delta} | {verdict} |")
    return "\n".join(lines) + "\n"


def _pair(psnr: float, ssim: float | None, digits: int = 2) -> str:
    return f"{psnr:.{digits}f}" + (f" / {ssim:.4f}" if ssim is not None else "")


def _spread(finished: dict) -> str:
    results = [finished[cell.key] for cell in SPREAD_CELLS if cell.key in finished]
    if len(results) < 2:
        return ""
    psnr, ssim = (np.array([result[name] for result in results]) for name in ("psnr", "ssim"))
    return (
        f"Spread of the noise: over {len(results)} seeds the first cell has {psnr.mean():.3f} dB with a standard "
        f"deviation of {psnr.std(ddof=1):.4f} dB ({psnr.min():.3f} to {psnr.max():.3f}), and an SSIM of "
        f"{ssim.mean():.4f} with one of {ssim.std(ddof=1):.5f}.\n"
    )


def _table_3(model: str, finished: dict) -> str:
    """Single images depend on the noise drawn, so the paper's draw is compared with the spread of ours."""
    results = [finished[cell.key] for cell in TABLE_3_CELLS[model] if cell.key in finished]
    if len(results) < 2:
        return ""
    paper = TABLE_3_CELLS[model][0].paper
    psnr = np.array([[image["psnr"] for image in result["images"]] for result in results])  # (seeds, images)
    psnr = np.hstack([psnr, psnr.mean(axis=1, keepdims=True)])
    mean, deviation = psnr.mean(axis=0), psnr.std(axis=0, ddof=1)
    rows = zip([*SET12, "average"], [*paper.images.values(), paper.psnr], psnr[0], mean, deviation, strict=True)
    lines = [
        f"## Table III: {paper.model} on Set12, σ 25\n",
        f"The paper has one draw of the noise, and so has each of our {len(results)} seeds. A figure holds when it is "
        f"no further from their mean than {PSNR_TOLERANCE} dB or {HIGHEST_DEVIATION:g} standard deviations.\n",
        "| image | paper | seed 0 | mean of seeds | standard deviation | paper − mean | in deviations | holds |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, published, first, middle, spread in rows:
        delta = published - middle
        verdict = "yes" if abs(delta) <= max(PSNR_TOLERANCE, HIGHEST_DEVIATION * spread) else "NO"
        lines.append(
            f"| {name} | {published:.2f} | {first:.3f} | {middle:.3f} | {spread:.3f} | {delta:+.3f} | "
            f"{delta / spread:+.1f} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
