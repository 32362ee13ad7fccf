"""Memory that stays with the process while it trains, and goes back afterwards."""

from __future__ import annotations

import ctypes
import platform
import resource
from pathlib import Path

import keras
import psutil
import pytest

from dncnn_tf.config import ModelConfig, TrainConfig
from dncnn_tf.training.fit import train
from dncnn_tf.training.heap import memory_kept

BLOCK = 48 << 20
PAGE = resource.getpagesize()

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory by themselves")


def write_and_free(count: int) -> int:
    """Write so many blocks, one after the other, and return how many pages the system had to give for it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        assert (b"\x01" * BLOCK)[-1] == 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of memory that the process has now."""
    rss: int = psutil.Process().memory_info().rss
    return rss


@glibc
def test_what_was_freed_is_used_again() -> None:
    with memory_kept():
        write_and_free(1)
        assert write_and_free(5) < 5 * BLOCK / PAGE / 10


@glibc
def test_what_is_free_goes_back_in_the_end() -> None:
    with memory_kept():
        blocks = [b"\x01" * BLOCK for _ in range(4)]
        most = resident()
        del blocks
        kept = resident()
    assert kept > most - BLOCK
    assert resident() < most - 3 * BLOCK


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with memory_kept():
        write_and_free(1)


@glibc
@pytest.mark.slow
def test_training_keeps_it(photographs: Path, tmp_path: Path) -> None:
    class Watch(keras.callbacks.Callback):
        given: int

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            write_and_free(1)
            self.given = write_and_free(5)

    config = TrainConfig(
        model=ModelConfig(depth=3, filters=4),
        data=str(photographs),
        patch_size=16,
        epochs=1,
        steps_per_epoch=1,
        precision="float32",
    )
    watch = Watch()
    train(config, tmp_path / "run", callbacks=[watch])
    assert watch.given < 5 * BLOCK / PAGE / 10
