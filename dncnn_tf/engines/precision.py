"""Whether this machine computes bfloat16 in hardware."""

from __future__ import annotations

import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def bfloat16_is_fast(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a GPU that TensorFlow sees, or a CPU with AMX or AVX-512 bfloat16 instructions.

    Elsewhere bfloat16 is emulated and slower than float32.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return capability >= (8, 0)
    return cpu_has_bfloat16(cpuinfo)


def cpu_has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a CPU that has AMX or AVX-512 bfloat16 instructions; known without TensorFlow."""
    try:
        flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"\b(amx_bf16|avx512_bf16)\b", flags) is not None
