"""A DnCNN as an ONNX graph, for ONNX Runtime, OpenVINO and all else that reads it."""

from __future__ import annotations

import math
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from ..models.cards import ModelError
from ..models.folded import Network
from .contract import INPUT, OUTPUT

_OPSET = 17
_IR_VERSION = 8  # of the same time, for older readers
_NCHW, _NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def onnx_model(network: Network) -> bytes:
    """The file's content.

    The graph takes `noisy`, float32 (N, H, W, C) in [0, 1], and returns `denoised`, the same shape, not clipped, for
    any N, H and W. Inside, ONNX has channels first.

    Args:
        network: weights and shape.
    """
    weights = []
    for i, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True), 1):
        weights.append(numpy_helper.from_array(kernel.transpose(3, 2, 0, 1).copy(), f"kernel_{i}"))  # (out, in, 3, 3)
        weights.append(numpy_helper.from_array(bias, f"bias_{i}"))
    nodes = _nodes(network.config.depth, network.config.residual)
    shape = ("batch", "height", "width", network.config.channels)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (INPUT, OUTPUT)]
    graph = helper.make_graph(nodes, "dncnn", ends[:1], ends[1:], weights)
    model = helper.make_model(
        graph,
        producer_name="dncnn-tf",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _nodes(depth: int, residual: bool) -> list[NodeProto]:
    nodes, x = [helper.make_node("Transpose", [INPUT], ["x_0"], perm=_NCHW)], "x_0"
    for i in range(1, depth + 1):
        nodes.append(helper.make_node("Conv", [x, f"kernel_{i}", f"bias_{i}"], [f"conv_{i}"], pads=[1, 1, 1, 1]))
        x = f"conv_{i}"
        if i < depth:
            nodes.append(helper.make_node("Relu", [x], [f"x_{i}"]))
            x = f"x_{i}"
    nodes.append(helper.make_node("Transpose", [x], ["residual" if residual else OUTPUT], perm=_NHWC))
    if residual:
        nodes.append(helper.make_node("Sub", [INPUT, "residual"], [OUTPUT]))
    return nodes


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
    known = list(graph.node) == _nodes(depth, any(node.op_type == "Sub" for node in graph.node))
    whole = all(len(weights.raw_data) == 4 * math.prod(weights.dims) for weights in graph.initializer)
    if not (known and whole) or model.functions or graph.sparse_initializer:
        raise ModelError(f"{path}: not a network that dncnn-tf exported; export it again")
