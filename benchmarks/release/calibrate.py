"""Measure what int8 needs of shipped models, and write it beside their weights: `NAME.int8.json`.

A model that loses too much at what it is for (benchmarks/quality/int8.md) is shipped without.

python -m benchmarks.release.calibrate              all that have it
python -m benchmarks.release.calibrate dncnn-b      one, whose weights are new
"""

from __future__ import annotations

import click

from dncnn_tf.engines.calibration import calibrated
from dncnn_tf.export.samples import BLIND_SIGMAS, calibration_samples
from dncnn_tf.models.calibration import calibration_file, int8_models, write_calibration
from dncnn_tf.models.cards import read_card
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def main(names: tuple[str, ...]) -> None:
    """Calibrate the shipped models NAME, or all that have it."""
    for name in names or int8_models():
        calibrate(name)


def calibrate(name: str) -> None:
    """Calibrate a shipped model on the embedded photographs, with the noise that it was trained for."""
    source = find_source(name)
    network = read_network(source)
    low, high = read_card(name)["recipe"]["sigma"]
    sigmas = BLIND_SIGMAS if low < high else (low,) * len(BLIND_SIGMAS)
    network = calibrated(network, calibration_samples(network.config.channels, sigmas))
    assert network.calibration is not None
    write_calibration(source.path, network.calibration)
    click.echo(calibration_file(source.path))


if __name__ == "__main__":
    main()
