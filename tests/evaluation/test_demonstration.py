"""`demonstrate`: what it says is what its pictures show, and nothing is overwritten."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from dncnn_tf import demonstrate


def test_the_figures_are_those_of_the_pictures(tmp_path):
    shown = demonstrate(tmp_path / "shown")
    clean, noisy, denoised = (
        np.asarray(Image.open(tmp_path / f"shown/{name}.png")) for name in ("clean", "noisy", "denoised")
    )
    assert shown.denoised == pytest.approx(peak_signal_noise_ratio(clean, denoised), abs=1e-6)
    assert shown.noisy == pytest.approx(20 * np.log10(255 / 25), abs=0.05)
    assert shown.noisy < peak_signal_noise_ratio(clean, noisy) < shown.denoised - 8  # the file's noise is clipped
    np.testing.assert_array_equal(np.asarray(Image.open(shown.comparison)), np.hstack([noisy, denoised, clean]))
    before = shown.comparison.read_bytes()
    with pytest.raises(FileExistsError, match="exists already; give `overwrite`"):
        demonstrate(str(tmp_path / "shown"), sigma=50)
    assert shown.comparison.read_bytes() == before
