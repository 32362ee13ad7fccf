"""What a test needs of the processor."""

from __future__ import annotations

import pytest

from dncnn_tf.engines.openvino_alone import openvino
from dncnn_tf.engines.precision import cpu_has_int8

needs_int8 = pytest.mark.skipif(not cpu_has_int8(), reason="the processor has no int8")


def openvino_has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 here; where there is no AVX-512 it takes float32 for it."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
