"""One network, many threads: every picture comes back as if it had been alone, to the bit; and what a fork leaves."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.models import trained_like

from dncnn_tf import denoise
from dncnn_tf.engines.available import ENGINES
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import as_engine, open_engine

THREADS, ROUNDS = 4, 8
SHAPES = [(1, 64, 48, 1), (1, 96, 130, 1), (2, 40, 40, 1), (1, 20, 150, 1), (1, 33, 99, 1)]
PICTURES = [np.random.default_rng(i).random(shape, np.float32) for i, shape in enumerate(SHAPES)]


def in_threads(run) -> list[list[np.ndarray]]:
    """What threads that start together make of each picture, each thread in an order of its own."""
    together = threading.Barrier(THREADS)
    results: list[list[np.ndarray]] = [[] for _ in PICTURES]

    def each(first: int) -> None:
        together.wait()
        for i in range(first, ROUNDS * len(PICTURES) + first):
            results[i % len(PICTURES)].append(run(PICTURES[i % len(PICTURES)]))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(each, range(THREADS)))
    return results


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request) -> Engine:
    return open_engine(trained_like(depth=6, filters=16), engine=request.param, precision="float32")


def test_an_engine_in_many_threads(engine: Engine) -> None:
    alone = [engine(picture) for picture in PICTURES]
    for expected, received in zip(alone, in_threads(engine), strict=True):
        assert len(received) == THREADS * ROUNDS
        for each in received:
            np.testing.assert_array_equal(each, expected)


def test_an_engine_s_answer_is_the_caller_s_own(engine: Engine) -> None:
    """Neither later calls nor other threads write into it."""
    first = engine(PICTURES[0])
    kept = first.copy()
    in_threads(engine)
    np.testing.assert_array_equal(first, kept)


def test_a_keras_model_in_many_threads() -> None:
    model = trained_like(depth=3, filters=4)
    alone = [denoise(picture, model, precision="float32") for picture in PICTURES]
    with ThreadPoolExecutor(THREADS) as pool:
        received = list(pool.map(lambda picture: denoise(picture, model, precision="float32"), PICTURES * 2))
    for expected, each in zip(alone * 2, received, strict=True):
        np.testing.assert_array_equal(each, expected)


def test_threads_that_ask_for_a_shipped_model_get_one_engine() -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        engines = set(pool.map(lambda _: as_engine("dncnn-s-15", precision="float32"), range(THREADS)))
    assert len(engines) == 1


FORKED = """
import os, signal, sys
import numpy as np
from dncnn_tf import EngineError, open_engine

model, engine = sys.argv[1:]
noisy = np.random.default_rng(0).random((1, 50, 70, 1), np.float32)

def open_one():
    return open_engine(model, engine=engine, precision="float32")

def attempt(run):
    try:
        print("done" if np.array_equal(run()(noisy), expected) else "wrong", flush=True)
    except EngineError as error:
        print(error, flush=True)

opened = open_one()
expected = opened(noisy)
if os.fork() == 0:
    signal.alarm(60)  # ends what waits for ever
    attempt(lambda: opened)
    attempt(open_one)
    os._exit(0)
os._exit(os.wait()[1] != 0)
"""
REFUSED = " was at work before this process was forked, and a fork does not copy its threads; start processes with "


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("openvino", ("done", "openvino")),
        pytest.param("onnxruntime", ("done", "onnxruntime"), marks=pytest.mark.slow),
        pytest.param("litert", ("done", "tensorflow"), marks=pytest.mark.slow),  # whose converter makes its file
        ("keras", ("tensorflow", "tensorflow")),
        pytest.param("savedmodel", ("tensorflow", "tensorflow"), marks=pytest.mark.slow),
    ],
)
def test_a_forked_process_goes_on_or_says_why_not(engine: str, expected: tuple[str, ...], model: Path) -> None:
    """With the network of the process before it, and with one of its own."""
    arguments = [sys.executable, "-c", FORKED, str(model), engine]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for line, said in zip(done.stdout.splitlines(), expected, strict=True):
        assert line.startswith(said if said == "done" else said + REFUSED)


BEFORE_ANYTHING = """
import os, signal, sys
import numpy as np
import tensorflow
from dncnn_tf import denoise, load_model

model, engine, used = sys.argv[1:]
if used == "used":
    load_model(model)
if os.fork() == 0:
    signal.alarm(60)
    denoise(np.zeros((9, 9), np.uint8), model, engine=engine)
    os._exit(0)
os._exit(os.wait()[1] != 0)
"""


@pytest.mark.parametrize("used", [False, True])
def test_a_fork_counts_from_the_first_use_of_tensorflow(used: bool, model: Path) -> None:
    """Whoever used it, and not from its import."""
    arguments = [sys.executable, "-c", BEFORE_ANYTHING, str(model), "keras", "used" if used else "not"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0, f"tensorflow{REFUSED}" in done.stderr) == (used, used), done.stderr
