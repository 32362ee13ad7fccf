"""`dncnn-tf benchmark`: every method computes the same, and the table and its JSON say what was measured."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from helpers.processor import needs_int8

from dncnn_tf.engines.precision import cpu_has_int8
from dncnn_tf.evaluation import peaks as machine
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


@pytest.mark.parametrize("precision", ["float32", pytest.param("int8", marks=needs_int8)])
def test_the_peak_is_of_products_in_the_arithmetic_that_it_is_called_by(precision) -> None:
    request = machine._in_openvino(64, precision).func.__self__
    request.infer([np.ones((64, 64), np.float32)])
    steps = [step.get_rt_info() for step in request.get_compiled_model().get_runtime_model().get_ops()]
    products = [step for step in steps if step["layerType"].astype(str) in ("FullyConnected", "MatMul")]
    inside = [step["runtimePrecision"].astype(str) for step in products]
    assert len(inside) == 4
    assert set(inside) <= ({"u8", "i8"} if precision == "int8" else {"f32"})


def test_the_command(dncnn_tf, tmp_path) -> None:
    options = ("--model", "dncnn-s-25", "--size", 32, "--size", 48, "--rounds", 2, "--no-peers")
    file = tmp_path / "times.json"
    done = dncnn_tf("benchmark", *options, "--runtime", "openvino", "--runtime", "onnxruntime", "--json", file)
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_text(encoding="utf-8"))
    seconds, peaks = content["seconds"]["dncnn-s-25"], content["peak_operations_per_second"]
    int8 = ["openvino int8"] if cpu_has_int8() else []
    assert list(seconds) == ["openvino float32", "openvino bfloat16", *int8, "onnxruntime float32"]
    for name, by_size in seconds.items():
        assert f"\n{name} " in done.stdout
        assert all(len(times) == 2 and min(times) > 0 for times in by_size.values())
        assert set(by_size) == {"32", "48"}
    assert "of its peak" in done.stdout
    assert "billions of operations a second: float32 " in done.stdout
    assert set(peaks) == {"float32", "bfloat16", *(["int8"] if int8 else [])}
    assert all(len(rates) == 2 and min(rates) > 1e8 for rates in peaks.values())
    assert "round 2 of 2" in done.stderr


def test_a_model_that_is_not_shipped_is_one_line(dncnn_tf) -> None:
    done = dncnn_tf("benchmark", "--model", "mine", "--runtime", "onnxruntime", "--no-peers", "--size", 32)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: mine: no such model is shipped")


def test_a_contender_that_ends_is_named_with_its_last_words() -> None:
    with pytest.raises(ContenderError, match=r"ended early \(ValueError: no\)"):
        Contender([sys.executable, "-c", "raise ValueError('no')"])
