"""A DnCNN as an ONNX graph, for ONNX Runtime, OpenVINO and all else that reads it."""

from __future__ import annotations

from onnx import TensorProto, checker, helper, numpy_helper

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
    nodes, weights, x = [helper.make_node("Transpose", [INPUT], ["x_0"], perm=_NCHW)], [], "x_0"
    depth = network.config.depth
    for i, (kernel, bias) in enumerate(zip(network.kernels, network.biases, strict=True), 1):
        weights.append(numpy_helper.from_array(kernel.transpose(3, 2, 0, 1).copy(), f"kernel_{i}"))  # (out, in, 3, 3)
        weights.append(numpy_helper.from_array(bias, f"bias_{i}"))
        conv = helper.make_node("Conv", [x, f"kernel_{i}", f"bias_{i}"], [f"conv_{i}"], pads=[1, 1, 1, 1])
        nodes.append(conv)
        x = f"conv_{i}"
        if i < depth:
            nodes.append(helper.make_node("Relu", [x], [f"x_{i}"]))
            x = f"x_{i}"
    nodes.append(helper.make_node("Transpose", [x], ["residual" if network.config.residual else OUTPUT], perm=_NHWC))
    if network.config.residual:
        nodes.append(helper.make_node("Sub", [INPUT, "residual"], [OUTPUT]))
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
