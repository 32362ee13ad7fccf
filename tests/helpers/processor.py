"""What a test needs of the processor."""

from __future__ import annotations

import pytest

from dncnn_tf.engines.openvino_alone import openvino
from dncnn_tf.engines.precision import cpu_has_int8

needs_int8 = pytest.mark.skipif(not cpu_has_int8(), reason="the processor has no int8")

needs_bfloat16 = pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
    reason="OpenVINO takes float32 for bfloat16 on this processor",
)
