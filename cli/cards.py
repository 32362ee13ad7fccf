"""The cards of models as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_CURVE_LINES = 10


def list_lines(cards: list[dict[str, Any]]) -> Iterator[str]:
    """A table of models, each with what it measured on the first set of every task."""
    width = max(len(card["summary"]) for card in cards)
    yield f"{'NAME':<12} {'FOR':<{width}} MEASURED"
    for card in cards:
        yield f"{card['name']:<12} {card['summary']:<{width}} " + "; ".join(_measured(card["measured"]))


def _measured(rows: list[dict[str, Any]]) -> Iterator[str]:
    from dncnn_tf import degree_text, task_and_degree

    # Of every task, the first set it was measured on; real noise is another task than made noise.
    first: dict[tuple[str, bool], str] = {}
    for row in rows:
        task, degree = task_and_degree(row)
        first.setdefault((task, degree is None), row["data"])
    for (task, _), data in first.items():
        of_both = [row for row in rows if (task_and_degree(row)[0], row["data"]) == (task, data)]
        yield f"{data}: " + ", ".join(f"{row['psnr']:.2f} dB at {degree_text(row)}" for row in of_both)


def card_lines(card: dict[str, Any]) -> Iterator[str]:
    """One model's card, its figures and its learning curve."""
    for name, value in _facts(card).items():
        yield f"{name:<12}  {value}" if name else ""
    yield from _figures(card)
    yield "\n  step  training  validation (PSNR in dB)"
    curve = card["curve"]
    for point in curve[:: -max(1, len(curve) // _CURVE_LINES)][::-1]:
        yield f"{point['step']:>6}  {point['psnr']:>8.2f}  {point['val_psnr']:>10.2f}"


def _facts(card: dict[str, Any]) -> dict[str, object]:
    recipe, side = card["recipe"], card["recipe"]["patch_size"]
    return {
        card["name"]: card["summary"],
        "parameters": f"{card['parameters']:,}",
        "licence": card["license"],
        "sha256": card["sha256"],
        "": "",
        "trained by": card["command"],
        **({"note": card["note"]} if "note" in card else {}),
        "data": recipe["data"],
        "steps": f"{card['result']['steps']:,} of {recipe['batch_size']} patches of {side}×{side}",
        "optimizer": f"{recipe['optimizer']}, rate {recipe['learning_rate']:g}, schedule {recipe['schedule']}",
        "started from": recipe["init"] or f"{recipe['initialization']} initialisation",
        "precision": recipe["precision"],
        "seed": recipe["seed"],
        "time": f"{card['hours']:g} hours on {card['hardware']}",
        "versions": ", ".join(f"{name} {version}" for name, version in card["versions"].items()),
    }


def _figures(card: dict[str, Any]) -> Iterator[str]:
    from dncnn_tf import best_in_the_box, degree_text

    best = best_in_the_box()
    yield f"\n{'set':<10} {'at':<10} {'PSNR':>6} {'SSIM':>7}  better in the box"
    for row in card["measured"]:
        degree = degree_text(row)
        psnr, name = best[row["data"], degree]
        better = f"  {name} {psnr:.2f}" if name != card["name"] else ""
        yield f"{row['data']:<10} {degree:<10} {row['psnr']:>6.2f} {row['ssim']:>7.4f}{better}"
