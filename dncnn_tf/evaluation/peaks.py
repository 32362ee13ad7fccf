"""How fast this machine multiplies at best, in each arithmetic: what the speed of a network is compared with."""

from __future__ import annotations

import functools
import importlib.util
import time
from collections.abc import Callable, Iterator

import numpy as np

from ..engines.precision import Precision

_SIDES = (1024, 1536)
_IN_ROW = 4  # products in one call of OpenVINO, whose input and result are float32 in any case
_SECONDS = 0.05  # of one measurement

_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"}


def peak_stopwatch() -> Callable[[Precision], float]:
    """A function that returns this machine's operations per second in an arithmetic.

    The most that products of square matrices reach, at any size, in OpenVINO or, where it is installed and computes
    them, PyTorch. An operation is a multiplication or an addition.
    """
    products: dict[Precision, list[tuple[float, Callable[[], object]]]] = {}

    def measure(precision: Precision) -> float:
        if precision not in products:
            products[precision] = list(_products(precision))
        return max(_rate(multiply, operations) for operations, multiply in products[precision])

    return measure


def _products(precision: Precision) -> Iterator[tuple[float, Callable[[], object]]]:
    """Operations, and what does them."""
    for side in _SIDES:
        operations = 2.0 * side**3
        yield operations * _IN_ROW, _in_openvino(side, precision)
        if precision != "int8" and importlib.util.find_spec("torch") is not None:
            yield operations, _in_torch(side, precision)


def _in_openvino(side: int, precision: Precision) -> Callable[[], object]:
    """Some products in a row; in int8, each result is rounded to 8 bits for the next."""
    from ..engines.openvino_alone import openvino

    ops = openvino.opset13

    rng = np.random.default_rng(0)
    noise = rng.random((side, side), np.float32)
    x = product = ops.parameter([side, side], np.float32)
    for _ in range(_IN_ROW):
        if precision == "int8":
            low, high = ops.constant(np.float32(0)), ops.constant(np.float32(1))
            product = ops.fake_quantize(product, low, high, low, high, 256)
            levels = ops.constant(rng.integers(0, 128, (side, side)).astype(np.int8))
            step = ops.constant(np.full((1, side), 1 / 64 / side, np.float32))
            product = ops.matmul(product, ops.multiply(ops.convert(levels, np.float32), step), False, False)
        else:
            product = ops.matmul(product, ops.constant(noise * np.float32(2 / side)), False, False)
    options = {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(openvino.Model([product], [x]), "CPU", options)
    request = compiled.create_infer_request()
    return functools.partial(request.infer, [noise], share_inputs=True, share_outputs=True)


def _in_torch(side: int, precision: Precision) -> Callable[[], object]:
    import torch

    a = torch.randn(side, side).to(getattr(torch, precision))
    return functools.partial(torch.matmul, a, a)


def _rate(compute: Callable[[], object], operations: float) -> float:
    """Operations per second; the first call, which may prepare something, does not count."""
    compute()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < _SECONDS:
        compute()
        calls += 1
    return calls * operations / (time.perf_counter() - start)
