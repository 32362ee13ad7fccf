"""OpenVINO, without the message that its import sends.

`import openvino` reports itself to Google Analytics without asking, from a process that it forks in a thread. No
picture is in it, but a tool for one's own pictures tells nobody that it runs; and a fork while h5py opens a file can
wait for ever. Where `openvino_telemetry` cannot be imported, OpenVINO does without. (The command leaves out the
converter that sends it, for its time; here it stays, for a program may want `openvino.convert_model`.)
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_TELEMETRY = "openvino_telemetry"


def _imported_alone() -> ModuleType:
    modules: dict[str, Any] = sys.modules
    absent = object()
    before = modules.get(_TELEMETRY, absent)
    modules[_TELEMETRY] = None  # an import of it fails
    try:
        import openvino
    finally:
        if before is absent:
            del modules[_TELEMETRY]
        else:
            modules[_TELEMETRY] = before
    return openvino


openvino: Any = _imported_alone()
