"""`dncnn-tf models`: the cards of the shipped models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .common import check_json_file, command

_CURVE_LINES = 10


@command("models")
@click.argument("name", required=False)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE|-", help="The cards as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace the JSON file if it exists.")
def models(name: str | None, json_file: Path | None, overwrite: bool) -> None:
    """Show the models in the box, or one's card: what it is for, how it was trained, what it measured.

    \b
    dncnn-tf models
    dncnn-tf models dncnn-s-25
    """
    from dncnn_tf.cards import read_card, shipped_models
    from dncnn_tf.files import atomic_path

    check_json_file(json_file, overwrite)
    cards = [read_card(each) for each in ([name] if name else shipped_models())]
    content = json.dumps(cards[0] if name else cards, indent=2, ensure_ascii=False) + "\n"
    if str(json_file) == "-":
        click.echo(content, nl=False)
        return
    if json_file:
        with atomic_path(json_file) as path:
            path.write_text(content, encoding="utf-8")
    if name:
        _show(cards[0])
    else:
        _list(cards)


def _list(cards: list[dict[str, Any]]) -> None:
    from dncnn_tf.cards import level_text, task_and_level

    width = max(len(card["summary"]) for card in cards)
    click.echo(f"{'NAME':<12} {'FOR':<{width}} MEASURED")
    for card in cards:
        first = {}  # of every task, the first set it was measured on; real noise is another task than made noise
        for row in card["measured"]:
            task, level = task_and_level(row)
            first.setdefault((task, level is None), row["data"])
        figures = {
            data: ", ".join(
                f"{row['psnr']:.2f} dB at {level_text(row)}"
                for row in card["measured"]
                if (task_and_level(row)[0], row["data"]) == (task, data)
            )
            for (task, _), data in first.items()
        }
        click.echo(
            f"{card['name']:<12} {card['summary']:<{width}} "
            + "; ".join(f"{data}: {each}" for data, each in figures.items())
        )


def _show(card: dict[str, Any]) -> None:
    from dncnn_tf.cards import best_in_the_box, level_text

    recipe, result = card["recipe"], card["result"]
    _line(card["name"], card["summary"])
    _line("parameters", f"{card['parameters']:,}")
    _line("licence", card["license"])
    _line("sha256", card["sha256"])
    click.echo()
    _line("trained by", card["command"])
    if "note" in card:
        _line("note", card["note"])
    _line("data", recipe["data"])
    _line(
        "steps",
        f"{result['steps']:,} of {recipe['batch_size']} patches of {recipe['patch_size']}×{recipe['patch_size']}",
    )
    _line("optimizer", f"{recipe['optimizer']}, rate {recipe['learning_rate']:g}, schedule {recipe['schedule']}")
    _line("started from", recipe["init"] or f"{recipe['initialization']} initialisation")
    _line("precision", recipe["precision"])
    _line("seed", recipe["seed"])
    _line("time", f"{card['hours']:g} hours on {card['hardware']}")
    _line("versions", ", ".join(f"{name} {version}" for name, version in card["versions"].items()))
    click.echo(f"\n{'set':<10} {'at':<10} {'PSNR':>6} {'SSIM':>7}  better in the box")
    best = best_in_the_box()
    for row in card["measured"]:
        level = level_text(row)
        psnr, name = best[row["data"], level]
        better = f"  {name} {psnr:.2f}" if name != card["name"] else ""
        click.echo(f"{row['data']:<10} {level:<10} {row['psnr']:>6.2f} {row['ssim']:>7.4f}{better}")
    click.echo("\n  step  training  validation (PSNR in dB)")
    curve = card["curve"]
    for point in curve[:: -max(1, len(curve) // _CURVE_LINES)][::-1]:
        click.echo(f"{point['step']:>6}  {point['psnr']:>8.2f}  {point['val_psnr']:>10.2f}")


def _line(name: str, value: object) -> None:
    click.echo(f"{name:<12}  {value}")
