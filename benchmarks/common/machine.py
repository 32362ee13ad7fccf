"""The machine that a benchmark ran on, in words."""

from __future__ import annotations

import os
from pathlib import Path

_TELLING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Cores, processor and the instructions that decide how fast convolutions are."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{os.cpu_count()} cores"
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in _TELLING_FLAGS if flag in fields.get("flags", "").split()]
    return f"{os.cpu_count()} cores of {fields.get('model name', 'an unknown processor')} ({', '.join(flags[-2:])})"
