"""Which of the shipped models suits an image."""

from __future__ import annotations

from ..config import RECIPES
from ..models.cards import first_shipped
from .noise import Noise

# Where a model for one σ is better than the blind one, on grey pictures (benchmarks/paper/figure8.md).
_SPECIAL_LEVELS = (15, 25, 50)
_SPECIAL_REACH = 1.0


def choose_model(channels: int, sigma: float | None, noise: Noise) -> str:
    """Choose a shipped model: for a camera's noise the one for photographs, which takes grey as three equal channels.

    For other noise, the blind one, for grey or for colour, unless a model for a known σ is better.

    Args:
        channels: 1 for grey, 3 for RGB.
        sigma: noise level on the 0–255 scale if it is known. Not an estimate: its error of one to two levels costs more
            than the models for one σ gain.
        noise: the image's, estimated, or known to be white.
    """
    blind = "cdncnn-b" if channels == 3 else "dncnn-b"
    if noise.of_camera:
        return first_shipped("dncnn-photo", blind)
    if channels == 3:
        return blind
    near = [level for level in _SPECIAL_LEVELS if sigma is not None and abs(sigma - level) <= _SPECIAL_REACH]
    return f"dncnn-s-{near[0]}" if near else blind


def describe_noise(noise: Noise) -> str:
    """What was estimated, for people."""
    if noise.of_camera:
        return f"camera noise ({noise.camera_sign})"
    return f"noise of σ {noise.sigma:.1f} (estimated)"


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
            remarks.append(f"{trained} and will smooth too much at σ {noise.sigma:.0f}: try `strength` 0.5")
        else:
            remarks.append(f"{trained} and will leave noise at σ {noise.sigma:.0f}: train or finetune one for it")
    if noise.correlated and RECIPES[name].task != "photo":
        remarks.append(
            f"its noise is not white (neighbouring pixels correlate by {noise.correlation:.2f}), as in most camera "
            f"JPEGs; {name} is trained for white noise and may leave much of this: take dncnn-photo, or "
            "adapt it with `dncnn_tf.finetune`"
        )
    return remarks


def _distance(name: str, sigma: float) -> float:
    low, high = RECIPES[name].sigma
    return max(low - sigma, sigma - high, 0.0)
