"""Ports for servers that must be told one."""

from __future__ import annotations

import contextlib
import random
import socket

_FROM, _TO = 10_000, 32_767  # below those that Linux gives to whoever asks for any, as other tests do all the time
_DRAW = random.SystemRandom()


def free_port() -> int:
    """One that nobody has at any address, and that nobody gets who does not ask for this very one."""
    while True:
        port = _DRAW.randint(_FROM, _TO)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("0.0.0.0", port))
            return port
