"""OpenVINO tells nobody that it runs here, as its own import would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TRACE = "intel"  # the folder in one's home where OpenVINO's import leaves an identifier to be known by


def run(code: str, home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(home)}, check=True)


def test_no_trace_of_a_message_is_left_in_ones_home(tmp_path: Path) -> None:
    run("import dncnn_tf, numpy as np; dncnn_tf.denoise(np.zeros((8, 8, 3), np.uint8), 'cdncnn-b')", tmp_path)
    assert not (tmp_path / _TRACE).exists()


@pytest.mark.parametrize("first", ["", "import openvino_telemetry; "], ids=["untouched", "imported before"])
def test_others_can_import_it_still(tmp_path: Path, first: str) -> None:
    run(f"{first}import dncnn_tf.engines.openvino_alone; import openvino_telemetry as it; it.Telemetry", tmp_path)
