"""`dncnn-tf models`: the cards of the shipped models."""

from __future__ import annotations

from typing import Any

import click

from ..common import command
from ..tables import JsonFile, json_option

_CURVE_LINES = 10


@command("models")
@click.argument("name", required=False)
@json_option("The cards as JSON.")
def models(name: str | None, json_file: JsonFile) -> None:
    """Show the models in the box, or one's card: what it is for, how it was trained, what it measured.

    \b
    dncnn-tf models
    dncnn-tf models dncnn-s-25
    """
    from dncnn_tf.models.cards import read_card, shipped_models

    cards = [read_card(each) for each in ([name] if name else shipped_models())]
    json_file.write(cards[0] if name else cards)
    if json_file.takes_stdout:
        return
    if name:
        _show(cards[0])
    else:
        _list(cards)


def _list(cards: list[dict[str, Any]]) -> None:
    from dncnn_tf.models.cards import degree_text, task_and_degree

    width = max(len(card["summary"]) for card in cards)
    click.echo(f"{'NAME':<12} {'FOR':<{width}} MEASURED")
    for card in cards:
        first = {}  # of every task, the first set it was measured on
        for row in card["measured"]:
            first.setdefault(task_and_degree(row)[0], row["data"])
        figures = {
            data: ", ".join(
                f"{row['psnr']:.2f} dB at {degree_text(row)}"
                for row in card["measured"]
                if (task_and_degree(row)[0], row["data"]) == (task, data)
            )
            for task, data in first.items()
        }
        click.echo(
            f"{card['name']:<12} {card['summary']:<{width}} "
            + "; ".join(f"{data}: {each}" for data, each in figures.items())
        )


def _show(card: dict[str, Any]) -> None:
    from dncnn_tf.models.cards import best_in_the_box, degree_text

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
    click.echo(f"\n{'set':<9} {'at':<10} {'PSNR':>6} {'SSIM':>7}  better in the box")
    best = best_in_the_box()
    for row in card["measured"]:
        degree = degree_text(row)
        psnr, name = best[row["data"], degree]
        better = f"  {name} {psnr:.2f}" if name != card["name"] else ""
        click.echo(f"{row['data']:<9} {degree:<10} {row['psnr']:>6.2f} {row['ssim']:>7.4f}{better}")
    click.echo("\n  step  training  validation (PSNR in dB)")
    curve = card["curve"]
    for point in curve[:: -max(1, len(curve) // _CURVE_LINES)][::-1]:
        click.echo(f"{point['step']:>6}  {point['psnr']:>8.2f}  {point['val_psnr']:>10.2f}")


def _line(name: str, value: object) -> None:
    click.echo(f"{name:<12}  {value}")
