"""What a test needs of the processor."""

from __future__ import annotations

import pytest

from dncnn_tf.engines.precision import cpu_has_int8

needs_int8 = pytest.mark.skipif(not cpu_has_int8(), reason="the processor has no int8")
