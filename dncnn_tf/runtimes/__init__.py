"""What runs a network: one small class per engine, all called the same way. Each engine is imported when it is used."""

from __future__ import annotations

from .base import Runtime
from .opening import open_runtime

__all__ = ["Runtime", "open_runtime"]
