"""What a test needs of the processor."""

from __future__ import annotations

import pytest

from dncnn_tf.engines.precision import cpu_has_int8, openvino_has_bfloat16

needs_int8 = pytest.mark.skipif(not cpu_has_int8(), reason="the processor has no int8")

needs_bfloat16 = pytest.mark.skipif(not openvino_has_bfloat16(), reason="OpenVINO has no bfloat16 on this processor")
