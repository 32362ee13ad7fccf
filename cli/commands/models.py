"""`dncnn-tf models`: the cards of the shipped models."""

from __future__ import annotations

import click

from ..cards import card_lines, list_lines
from ..common import command
from ..tables import JsonFile, json_option


@command("models")
@click.argument("name", required=False)
@json_option("The cards as JSON.")
def models(name: str | None, json_file: JsonFile) -> None:
    """Show the models in the box, or one's card: what it is for, how it was trained, what it measured.

    \b
    dncnn-tf models
    dncnn-tf models dncnn-s-25
    """
    from dncnn_tf import read_card, shipped_models

    cards = [read_card(each) for each in ([name] if name else shipped_models())]
    json_file.write(cards[0] if name else cards)
    if json_file.takes_stdout:
        return
    for line in card_lines(cards[0]) if name else list_lines(cards):
        click.echo(line)
