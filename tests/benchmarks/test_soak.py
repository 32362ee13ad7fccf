"""Kill -9 loses nothing: the short version of `python -m benchmarks.reliability.soak`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability.soak", "denoise", "--kills", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "denoise: 3 kills" in done.stdout
    assert "nothing was lost" in done.stdout
