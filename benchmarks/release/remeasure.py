"""Measure what the cards of shipped models lack of what `publish` measures: `python -m benchmarks.release.remeasure`.

For a set that has been added since a model was published; what its card has stays. DNCNN_TF_DATA names the
folder of the sets.
"""

from __future__ import annotations

import click

from benchmarks.release.publish import measure
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import PRETRAINED, read_card, shipped_models


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def main(names: tuple[str, ...]) -> None:
    """Complete the cards of the shipped models NAME, or of all."""
    for name in names or shipped_models():
        card = read_card(name)
        card["measured"] = measure(open_engine(name, precision="float32"), name, card["measured"])
        write_json(PRETRAINED / f"{name}.json", card)


if __name__ == "__main__":
    main()
