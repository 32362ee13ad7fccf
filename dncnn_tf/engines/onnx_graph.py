"""A DnCNN as an ONNX graph, for ONNX Runtime, OpenVINO and all else that reads it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..models.cards import ModelError
from ..models.folded import Network
from .contract import INPUT, OUTPUT
from .int8 import STEP, in_int8

_OPSET = 17
_IR_VERSION = 8  # of the same time, for older readers
_SIZES = {TensorProto.FLOAT: 4, TensorProto.INT8: 1, TensorProto.UINT8: 1}  # bytes of a number
_NCHW, _NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def onnx_model(network: Network, *, int8: bool = False) -> bytes:
    """The file's content.

    The graph takes `noisy`, float32 (N, H, W, C) in [0, 1], and returns `denoised`, the same shape, not clipped, for
    any N, H and W. Inside, ONNX has channels first.

    Args:
        network: weights and shape; in int8, with a calibration.
        int8: whether kernels and features are rounded to 8 bits.
    """
    arrays = _int8_arrays(network) if int8 else _arrays(network)
    weights = [numpy_helper.from_array(np.asarray(values), name) for name, values in arrays.items()]
    nodes = _nodes(network.config.depth, network.config.residual, int8=int8)
    shape = ("batch", "height", "width", network.config.channels)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (INPUT, OUTPUT)]
    graph = helper.make_graph(nodes, "dncnn", ends[:1], ends[1:], weights)
    model = helper.make_model(
        graph,
        producer_name="dncnn-tf",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    content: bytes = model.SerializeToString()
    return content


def _arrays(network: Network) -> dict[str, np.ndarray]:
    kernels = {f"kernel_{i}": _out_first(kernel) for i, kernel in enumerate(network.kernels, 1)}
    return kernels | {f"bias_{i}": bias for i, bias in enumerate(network.biases, 1)}


def _int8_arrays(network: Network) -> dict[str, np.ndarray]:
    if network.calibration is None:
        raise ValueError(f"int8 needs a network with a calibration. Received: {network.name} without")
    rounded = in_int8(network, network.calibration)
    arrays = {"kernel_1": _out_first(rounded.first), "x_scale": np.asarray(STEP), "x_zero": np.asarray(np.uint8(0))}
    for i, (kernel, scale) in enumerate(zip(rounded.kernels, rounded.scales, strict=True), 2):
        zero = np.zeros(len(scale), np.int8)
        arrays |= {f"kernel_{i}_int8": _out_first(kernel), f"kernel_{i}_scale": scale, f"kernel_{i}_zero": zero}
    return arrays | {f"bias_{i}": bias for i, bias in enumerate(rounded.biases, 1)}


def _out_first(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(3, 2, 0, 1).copy()  # (out, in, 3, 3)


def _nodes(depth: int, residual: bool, *, int8: bool) -> list[NodeProto]:
    nodes, x = [helper.make_node("Transpose", [INPUT], ["x_0"], perm=_NCHW)], "x_0"
    for i in range(1, depth + 1):
        if int8 and i > 1:
            nodes += _rounding(i, x)
            x = f"{x}_rounded"
        nodes.append(helper.make_node("Conv", [x, f"kernel_{i}", f"bias_{i}"], [f"conv_{i}"], pads=[1, 1, 1, 1]))
        x = f"conv_{i}"
        if i < depth:
            nodes.append(helper.make_node("Relu", [x], [f"x_{i}"]))
            x = f"x_{i}"
    nodes.append(helper.make_node("Transpose", [x], ["residual" if residual else OUTPUT], perm=_NHWC))
    if residual:
        nodes.append(helper.make_node("Sub", [INPUT, "residual"], [OUTPUT]))
    return nodes


def _rounding(i: int, x: str) -> list[NodeProto]:
    """What stands before a convolution so that engines compute it in int8: both its inputs, there and back."""
    kernel, features = f"kernel_{i}", ["x_scale", "x_zero"]
    return [
        helper.make_node("DequantizeLinear", [f"{kernel}_int8", f"{kernel}_scale", f"{kernel}_zero"], [kernel], axis=0),
        helper.make_node("QuantizeLinear", [x, *features], [f"{x}_uint8"]),
        helper.make_node("DequantizeLinear", [f"{x}_uint8", *features], [f"{x}_rounded"]),
    ]


def require_plain(content: bytes, path: Path) -> None:
    """Check that a graph is as `onnx_model` makes them, with its weights in the file itself.

    Another may ask for any amount of memory in a few bytes, and name weights that are in other files.

    Args:
        content: of an ONNX file.
        path: what to call it.

    Raises:
        ModelError: it is damaged, or was not exported by dncnn-tf.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise ModelError(f"{path}: damaged, or not an ONNX file; export it again") from None
    graph = model.graph
    if any(weights.data_location != TensorProto.DEFAULT or weights.external_data for weights in graph.initializer):
        raise ModelError(f"{path}: keeps its weights in another file; export it again")
    depth = sum(node.op_type == "Conv" for node in graph.node)
    kinds = {node.op_type for node in graph.node}
    known = list(graph.node) == _nodes(depth, "Sub" in kinds, int8="QuantizeLinear" in kinds)
    whole = all(
        len(weights.raw_data) == _SIZES.get(weights.data_type, 0) * math.prod(weights.dims)
        for weights in graph.initializer
    )
    if not (known and whole) or model.functions or graph.sparse_initializer:
        raise ModelError(f"{path}: not a network that dncnn-tf exported; export it again")
