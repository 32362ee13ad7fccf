"""Ctrl-C, SIGTERM and SIGHUP end a command while it starts and while the network works, and leave no temporary file."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import command_after
from helpers.waiting import HANGS
from PIL import Image

# On a large picture the network works for ever, in a call that hears of no signal, as the libraries' own do not.
ENDLESS = """
import ctypes, itertools, os, threading
from dncnn_tf.bulk.restorer import NetworkRestorer

open_one, libc = NetworkRestorer.open, ctypes.CDLL(None)

class Endless:
    def __init__(self, engine):
        self.engine, self.channels, self.receptive_radius = engine, engine.channels, engine.receptive_radius

    def __call__(self, noisy):
        result = self.engine(noisy)
        if noisy.shape[1] < 400:
            return result
        threading.Thread(target=self.go_on, args=[noisy], daemon=True).start()
        mutex = ctypes.create_string_buffer(64)
        while True:
            libc.pthread_mutex_lock(mutex)

    def go_on(self, noisy):
        for i in itertools.count():
            self.engine(noisy)
            if i == 0:
                os.write(1, b"at work\\n")

NetworkRestorer.open = lambda self, model: Endless(open_one(self, model))
"""

# As modules do whose initialisation Python's exceptions do not leave.
DEAF = """
import contextlib, os, signal, sys

class Deaf:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "keras":
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), signal.{})

sys.meta_path.insert(0, Deaf)
"""


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """A large picture behind a small one."""
    folder, rng = tmp_path_factory.mktemp("album"), np.random.default_rng(0)
    for name, side in (("a-small", 60), ("b-large", 500)):
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(folder / f"{name}.png", compress_level=1)
    return folder


@pytest.mark.parametrize("engine", ["openvino", "keras"])
@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_an_interruption_ends_it_at_once(album, tmp_path, engine, sent, status) -> None:
    """Where "at once" means that it waits for nothing that the network does, which never ends."""
    arguments = ("denoise", album, "-o", tmp_path / "out", "--model", "cdncnn-b", "--engine", engine)
    process = subprocess.Popen(
        command_after(ENDLESS, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    )  # fmt: skip
    try:
        for line in process.stdout:
            if line == "at work\n":
                break
        process.send_signal(sent)
        process.communicate(timeout=HANGS)
    finally:
        process.kill()
    assert process.returncode == status
    assert [path.name for path in (tmp_path / "out").iterdir()] in ([], ["a-small_denoised.png"])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_while_keras_loads_is_not_lost(tmp_path, sent) -> None:
    arguments = ("train", "--sigma", "25", "--epochs", "1", "--steps-per-epoch", "1", "--output", tmp_path / "run")
    process = subprocess.run(
        command_after(DEAF.format(sent.name), *arguments), capture_output=True, timeout=HANGS,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    )  # fmt: skip
    assert process.returncode == -sent
    assert not (tmp_path / "run").exists()
