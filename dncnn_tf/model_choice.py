"""Which of the shipped models suits an image."""

from __future__ import annotations

from collections.abc import Sequence

from .config import RECIPES
from .noise import Noise


def choose_model(channels: int, sigma: float | None, shipped: Sequence[str]) -> str:
    """Choose a model.

    The colour model for colour; for grey the model of exactly this σ, else the blind one. Where none of these is
    shipped, the model whose σ is nearest; a grey model takes a colour image channel by channel.

    Args:
        channels: 1 for grey, 3 for RGB.
        sigma: noise level on the 0–255 scale, given or estimated; None when it is unknown.
        shipped: names of the models there are, of `RECIPES`.

    Raises:
        ValueError: there are none.
    """
    preferred = ["cdncnn-b"] if channels == 3 else []
    preferred += [f"dncnn-s-{sigma:g}"] if sigma is not None else []
    preferred += ["dncnn-b"]
    for name in preferred:
        if name in shipped:
            return name
    denoisers = [name for name in shipped if RECIPES[name].task == "denoise" and RECIPES[name].model.channels == 1]
    if not denoisers:
        raise ValueError("no model is shipped with this copy of dncnn-tf; give one with model=")
    return min(denoisers, key=lambda name: _distance(name, 25.0 if sigma is None else sigma))


def misfits(name: str, noise: Noise) -> list[str]:
    """Say in what ways a named model does not suit an image's noise, and what to do about each.

    Args:
        name: a model of `RECIPES`.
        noise: the image's, estimated, or known to be white.
    """
    remarks = []
    low, high = RECIPES[name].sigma
    if _distance(name, noise.sigma) > max(3.0, 0.25 * high):
        trained = f"{name} is trained for σ {low:g}" + (f" to {high:g}" if high > low else "")
        if noise.sigma < low:
            remarks.append(f"{trained} and will smooth too much at σ {noise.sigma:.0f}: try --strength 0.5")
        else:
            remarks.append(f"{trained} and will leave noise at σ {noise.sigma:.0f}: train or finetune one for it")
    if noise.correlated:
        remarks.append(
            f"its noise is not white (neighbouring pixels correlate by {noise.correlation:.2f}), as in most camera "
            f"JPEGs; {name} is trained for white noise and may leave much of this: adapt it with dncnn-tf finetune"
        )
    return remarks


def _distance(name: str, sigma: float) -> float:
    low, high = RECIPES[name].sigma
    return max(low - sigma, sigma - high, 0.0)
