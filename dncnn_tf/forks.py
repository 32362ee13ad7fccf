"""What a process that was forked cannot do: a fork copies one thread, and not those of the libraries that compute.

A network that was opened before the fork goes on in OpenVINO, ONNX Runtime and LiteRT. In TensorFlow it would wait for
ever, and so would any of them, or end the process, with one that is opened after it.
"""

from __future__ import annotations

import os
import sys

from .errors import EngineError

_started: set[str] = set()
_left_behind: set[str] = set()


def need_threads(library: str) -> None:
    """Called before a library starts threads, or cannot do without those that it has.

    Args:
        library: its name.

    Raises:
        EngineError: they were started in another process, of which this one is a fork.
    """
    if library in _left_behind:
        raise EngineError(
            f"{library} was at work before this process was forked, and a fork does not copy its threads; start "
            'processes with multiprocessing.get_context("spawn"), or fork before the first network is opened'
        )
    _started.add(library)


def _after_fork() -> None:
    _left_behind.update(_started)
    if _tensorflow_is_at_work():
        _left_behind.add("tensorflow")
    _started.clear()


def _tensorflow_is_at_work() -> bool:
    """Whether it has computed anything here, as with a model that was loaded or trained; importing it does no harm."""
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    return getattr(context, "_context_handle", None) is not None


os.register_at_fork(after_in_child=_after_fork)
