"""The arithmetic that a network is computed in: what this machine is fast at, and so what "auto" stands for.

Elsewhere than on the hardware told of here, bfloat16 is emulated and slower than float32, and int8 is not tried.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Literal

Floating = Literal["float32", "bfloat16"]
Precision = Literal["float32", "bfloat16", "int8"]

KERAS_POLICIES: dict[str, str] = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras' dtype policy for each precision: in bfloat16, variables, input, output and subtraction stay float32."""

_CPUINFO = Path("/proc/cpuinfo")
_TELLING = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features")


def fastest_for_engines() -> Floating:
    """What "auto" stands for where a network runs: engines run on the CPU. Known without TensorFlow."""
    return "bfloat16" if cpu_has_bfloat16() else "float32"


def training_precision(precision: Literal["auto", "float32", "bfloat16"]) -> Floating:
    """What "auto" stands for where a network is trained, on a GPU if there is one; others as they are."""
    if precision != "auto":
        return precision
    return "bfloat16" if bfloat16_is_fast() else "float32"


def bfloat16_is_fast(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a GPU that TensorFlow sees and that knows it, or without one, as `cpu_has_bfloat16`."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return bool(capability >= (8, 0))
    return cpu_has_bfloat16(cpuinfo)


def cpu_has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a CPU that has AMX or AVX-512 bfloat16 instructions."""
    return _has(cpuinfo, r"\b(amx_bf16|avx512_bf16)\b")


def openvino_has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a CPU on which OpenVINO computes in bfloat16 when asked to; on others it takes float32 silently."""
    return _has(cpuinfo, r"\b(amx_bf16|avx512bw|bf16)\b")


def cpu_has_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """True with a CPU that multiplies 8-bit integers at twice the rate of what else it has: AMX, VNNI or AVX2."""
    return _has(cpuinfo, r"\b(avx2|avx512_vnni|avx_vnni|amx_int8)\b")


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """What tells this processor from others that compute otherwise."""
    try:
        first = cpuinfo.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(line for line in first.splitlines() if line.startswith(_TELLING))


def _has(cpuinfo: Path, flags: str) -> bool:
    try:
        return re.search(flags, cpuinfo.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False
