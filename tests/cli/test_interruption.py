"""Ctrl-C, SIGTERM and SIGHUP end `denoise` within two seconds, whatever it is doing, and leave no temporary file."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import command
from PIL import Image


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """A large picture, on which the network works for long, behind a small one."""
    folder, rng = tmp_path_factory.mktemp("album"), np.random.default_rng(0)
    for name, side in (("a-small", 60), ("b-large", 3000)):
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(folder / f"{name}.png", compress_level=1)
    return folder


@pytest.mark.parametrize("engine", ["openvino", "keras"])
@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_an_interruption_ends_it_at_once(album, tmp_path, engine, sent, status) -> None:
    arguments = ("denoise", album, "-o", tmp_path / "out", "--model", "cdncnn-b", "--engine", engine)
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, restore_signals=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    )  # fmt: skip
    seen = ""
    while "b-large" not in seen:  # its noise is estimated, the network begins
        seen = process.stderr.readline()
        assert seen, "ended early"
    time.sleep(1)
    process.send_signal(sent)
    try:
        process.communicate(timeout=2)
    finally:
        process.kill()
    assert process.returncode == status
    assert [path.name for path in (tmp_path / "out").iterdir()] in ([], ["a-small_denoised.png"])
