"""The paper's Table V with our own DnCNN-3: `DNCNN_TF_DATA=DIR python -m benchmarks.paper.table5`.

Beside it the paper's DnCNN-3 and TNRD, and our models for one task. Our figures are those on the models' cards; only
BSD100 is measured here, image by image, since the model it starts from has seen part of it, and kept in
table5.json. Results: table5.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf.data.datasets import resolve
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.paper import TABLE_5
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import degree_text, read_card
from dncnn_tf.restoration.luminance import SCALES

HERE = Path(__file__).parent
RELEASED, RESULTS, TABLE = HERE / "paper_tables.json", HERE / "table5.json", HERE / "table5.md"
MODEL = "dncnn-3"

# Table V, column TNRD: PSNR.
TNRD: dict[str, dict[float, float]] = {
    "bsd68": {15: 31.42, 25: 28.92, 50: 25.97},
    "set5": {2: 36.86, 3: 33.18, 4: 30.85},
    "set14": {2: 32.51, 3: 29.43, 4: 27.66},
    "bsd100": {2: 31.40, 3: 28.50, 4: 27.00},
    "urban100": {2: 29.70, 3: 26.42, 4: 24.61},
    "classic5": {10: 29.28, 20: 31.47, 30: 32.78},
    "live1": {10: 29.15, 20: 31.46, 30: 32.84},
}
SPECIAL = {15: "dncnn-s-15", 25: "dncnn-s-25", 50: "dncnn-s-50"}
THUMBNAIL, SAME = (24, 24), 4.0  # pixels; levels of mean difference, far below that of any two other pictures


@click.command()
def main() -> None:
    """Write the tables."""
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    rows = [row for row in read_card(MODEL)["measured"] if _in_table(row)]
    how = (
        "`DNCNN_TF_DATA=DIR python -m benchmarks.paper.table5`: PSNR in dB. “Authors' weights” were measured here too "
        "([paper_tables.md](paper_tables.md)), on the same files as ours."
    )
    parts = [
        *_table(rows, released),
        "## Beside our models for noise alone\n",
        *_special(),
        "## BSD100 without the pictures that were trained on\n",
        *_bsd100(released),
    ]
    lines = "\n".join(parts).rstrip("\n").split("\n")
    write_page(TABLE, f"Table V with our own `{MODEL}`", how, lines, machine=False)
    click.echo("\n".join(lines))


def _in_table(row: dict) -> bool:
    setting = Setting.of_row(row)
    return setting.degree in TABLE_5[setting.task].get(row["data"], {})


def _table(rows: list[dict], released: dict) -> list[str]:
    lines = ["| set | at | ours | paper | Δ | authors' weights | Δ | TNRD (paper) | Δ |", "|---|---|" + "--:|" * 7]
    differences: dict[str, list[float]] = {"paper": [], "authors": [], "TNRD": []}
    for row in rows:
        setting = Setting.of_row(row)
        task, degree = setting.task, setting.degree or 0.0
        paper = TABLE_5[task][row["data"]][degree][0]
        authors = released[f"dncnn_3 {task} {row['data']} {degree:g} seed 0"]["psnr"]
        tnrd = TNRD[row["data"]].get(degree)
        cells = []
        for name, other in (("paper", paper), ("authors", authors), ("TNRD", tnrd)):
            if other is None:
                cells += ["", ""]
                continue
            differences[name].append(row["psnr"] - other)
            cells += [f"{other:.2f}", f"{row['psnr'] - other:+.2f}"]
        lines.append(f"| {row['data']} | {degree_text(row)} | {row['psnr']:.2f} | " + " | ".join(cells) + " |")
    count, above = len(rows), {name: sum(d > 0 for d in values) for name, values in differences.items()}
    within = {name: sum(d >= -0.2 for d in differences[name]) for name in ("paper", "authors")}
    lines.append(
        f"\nOf {count} cells {within['paper']} are at most 0.20 dB below the paper's and {above['paper']} above it; "
        f"{within['authors']} and {above['authors']} of {count} by the authors' weights on the same files; "
        f"{above['TNRD']} of the {len(differences['TNRD'])} that TNRD has are above TNRD.\n"
    )
    return lines


def _special() -> list[str]:
    cards = {name: _noise_figures(name) for name in (MODEL, "dncnn-b", *SPECIAL.values())}
    lines = [f"| set | σ | `{MODEL}` | `dncnn-b` | Δ | for this σ | Δ |", "|---|--:|" + "--:|" * 5]
    for data in ("bsd68", "set12"):
        for sigma, special in SPECIAL.items():
            ours, blind, one = (cards[name][data, sigma] for name in (MODEL, "dncnn-b", special))
            lines.append(
                f"| {data} | {sigma} | {ours:.2f} | {blind:.2f} | {ours - blind:+.2f} | {one:.2f} | {ours - one:+.2f} |"
            )
    return [*lines, ""]


def _noise_figures(name: str) -> dict[tuple[str, float], float]:
    return {(row["data"], row["sigma"]): row["psnr"] for row in read_card(name)["measured"] if "sigma" in row}


def _bsd100(released: dict) -> list[str]:
    """Measured the first time for these weights."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    weights = read_card(MODEL)["sha256"][:8]
    if weights not in kept:
        write_json(RESULTS, {weights: _measured_bsd100(released)})
        return _bsd100(released)
    return [*kept[weights], ""]


def _measured_bsd100(released: dict) -> list[str]:
    files = resolve("bsd100")
    trained_on = [_thumbnail(path) for path in resolve("cbsd432")]
    seen = [any(np.abs(_thumbnail(path) - other).mean() < SAME for other in trained_on) for path in files]
    lines = [
        f"{sum(seen)} of the {len(files)} pictures are among the 432 that `dncnn-b` was trained on, from which "
        f"`{MODEL}` starts (none among the 291 that it was trained on itself). Ours minus the authors' weights:\n",
        "| at | all | seen | not seen | ours, not seen |",
        "|---|--:|--:|--:|--:|",
    ]
    for scale in SCALES:
        ours = evaluate(MODEL, files, Setting("super-resolution", scale)).images
        theirs = released[f"dncnn_3 super-resolution bsd100 {scale} seed 0"]["images"]
        gain = np.array([mine.psnr - other["psnr"] for mine, other in zip(ours, theirs, strict=True)])
        mask = np.array(seen)
        unseen = np.mean([mine.psnr for mine, known in zip(ours, seen, strict=True) if not known])
        lines.append(
            f"| ×{scale} | {gain.mean():+.3f} | {gain[mask].mean():+.3f} | {gain[~mask].mean():+.3f} | {unseen:.2f} |"
        )
    return lines


def _thumbnail(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize(THUMBNAIL, Image.Resampling.BOX), np.float32)


if __name__ == "__main__":
    main()
