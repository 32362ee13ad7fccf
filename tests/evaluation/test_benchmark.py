"""`dncnn-tf benchmark`: every method computes the same, and the table and its JSON say what was measured."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from dncnn_tf.engines.precision import cpu_has_int8
from dncnn_tf.evaluation.timing import Method, _forward, installed_methods, network_flops, noisy_image
from dncnn_tf.evaluation.turns import Contender, ContenderError

METHODS = [method for method in installed_methods() if method.takes_model]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_denoises_the_same_image_alike(method) -> None:
    """The clock must not run for a network that does less."""
    noisy = noisy_image(48)
    reference = _forward(Method("keras", "float32"), "dncnn-s-25")(noisy)
    bound = 1e-5 if method.precision == "float32" else 0.05
    np.testing.assert_allclose(_forward(method, "dncnn-s-25")(noisy), reference, atol=bound)


def test_operations_of_the_papers_network() -> None:
    """Two per weight and pixel."""
    weights = 9 * (64 + 15 * 64 * 64 + 64)
    assert network_flops("dncnn-s-25", 256) == 2 * weights * 256**2


def test_the_command(dncnn_tf, tmp_path) -> None:
    options = ("--model", "dncnn-s-25", "--size", 32, "--size", 48, "--rounds", 2, "--no-peers")
    file = tmp_path / "times.json"
    done = dncnn_tf("benchmark", *options, "--runtime", "openvino", "--runtime", "onnxruntime", "--json", file)
    assert done.returncode == 0, done.stderr
    seconds = json.loads(file.read_text(encoding="utf-8"))["seconds"]["dncnn-s-25"]
    int8 = ["openvino int8"] if cpu_has_int8() else []
    assert list(seconds) == ["openvino float32", "openvino bfloat16", *int8, "onnxruntime float32"]
    for name, by_size in seconds.items():
        assert f"\n{name} " in done.stdout
        assert all(len(times) == 2 and min(times) > 0 for times in by_size.values())
        assert set(by_size) == {"32", "48"}
    assert "of the peak" in done.stdout
    assert "round 2 of 2" in done.stderr


def test_a_model_that_is_not_shipped_is_one_line(dncnn_tf) -> None:
    done = dncnn_tf("benchmark", "--model", "mine", "--runtime", "onnxruntime", "--no-peers", "--size", 32)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: mine: no such model is shipped")


def test_a_contender_that_ends_is_named_with_its_last_words() -> None:
    with pytest.raises(ContenderError, match=r"ended early \(ValueError: no\)"):
        Contender([sys.executable, "-c", "raise ValueError('no')"])
