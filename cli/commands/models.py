"""`dncnn-tf models`: the cards of the shipped models."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..cards import card_lines, list_lines
from ..common import check_json_file, command


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
    from dncnn_tf import read_card, shipped_models
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
    for line in card_lines(cards[0]) if name else list_lines(cards):
        click.echo(line)
