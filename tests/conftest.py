"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def dncnn_tf() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command: `dncnn_tf("train", "--sigma", 25, cwd=folder)`."""

    def run(*arguments: object, timeout: float = 240, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=timeout, **options)

    return run


def command(*arguments: object) -> list[str]:
    """The command line that starts the installed `dncnn-tf` of this Python."""
    return [str(Path(sys.executable).with_name("dncnn-tf")), *map(str, arguments)]
