"""Measure what int8 needs of shipped models, and write it beside their weights: `NAME.int8.json`.

A model that loses too much at what it is for (benchmarks/quality/int8.md) is shipped without.

python -m benchmarks.release.calibrate              all that have it
python -m benchmarks.release.calibrate dncnn-b      one, whose weights are new
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import click
import numpy as np

from dncnn_tf.data import datasets
from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import draw_shot
from dncnn_tf.data.degradations import bicubic_down_up, jpeg
from dncnn_tf.engines.calibration import calibrated
from dncnn_tf.engines.roughness import roughness
from dncnn_tf.export.samples import calibration_part, calibration_samples
from dncnn_tf.models.calibration import ROUGHNESS, Calibration, calibration_file, int8_models, write_calibrations
from dncnn_tf.models.cards import read_card
from dncnn_tf.models.folded import Network
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network

BLIND_SIGMAS = (0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 25, 30, 35, 40, 45, 50, 55)
KNOWN_TIMES, CODED_TIMES, SHOTS = 5, 2, 8  # of each photograph, with a σ that is known, small and coded, and taken
SCALES, QUALITIES = (2, 3, 4), (10, 20, 30, 40)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def main(names: tuple[str, ...]) -> None:
    """Calibrate the shipped models NAME, or all that have it."""
    for name in names or int8_models():
        source = find_source(name)
        write_calibrations(source.path, calibrations(name, read_network(source)))
        click.echo(calibration_file(source.path))


def calibrations(name: str, network: Network) -> list[Calibration]:
    """What int8 needs of a shipped model, measured on the embedded photographs with all that the model takes away.

    Args:
        name: of the model.
        network: its weights.
    """
    recipe = read_card(name)["recipe"]
    low, high = recipe["sigma"]
    channels = network.config.channels
    if low == high:
        return [_calibration(network, list(calibration_samples(channels, (low,) * KNOWN_TIMES)), math.inf)]
    samples = list(calibration_samples(channels, BLIND_SIGMAS))
    match recipe["task"]:
        case "general":
            samples += _small_and_coded()
        case "photo":
            samples += _photographs()
    found = [roughness(sample) for sample in samples]
    return [
        _calibration(network, [sample for sample, rough in zip(samples, found, strict=True) if rough <= bound], bound)
        for bound in ROUGHNESS
    ]


def _calibration(network: Network, samples: list[np.ndarray], bound: float) -> Calibration:
    calibration = calibrated(network, samples).calibration
    assert calibration is not None
    return dataclasses.replace(calibration, roughness=bound)


def _small_and_coded() -> Iterator[np.ndarray]:
    """Grey pictures enlarged from fewer pixels, and as JPEG: float32 (1, 96, 96, 1)."""
    for (clean,) in calibration_samples(1, (0,) * CODED_TIMES):
        yield from (bicubic_down_up(clean, scale)[None] for scale in SCALES)
        yield from (jpeg(clean[..., 0], quality)[None, ..., None] for quality in QUALITIES)


def _photographs() -> Iterator[np.ndarray]:
    """As simulated cameras write them: float32 (1, 96, 96, 3)."""
    for i, picture in enumerate(datasets.load("sample", 3)):
        for seed in range(SHOTS):
            rng = np.random.default_rng([i, seed])
            noisy, _ = photograph(picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2], draw_shot(rng), rng)
            yield calibration_part(noisy, rng)


if __name__ == "__main__":
    main()
