"""Use the page where there is no way out: to be run by `unshare --net`. Prints what the browser asked for, as JSON."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import tempfile
from pathlib import Path

from helpers.browser import browser
from helpers.page import served

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def bring_loopback_up() -> None:
    """As `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def main() -> None:
    bring_loopback_up()
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=5)
        reached = True
    except OSError:
        reached = False
    with tempfile.TemporaryDirectory() as folder, served() as page, browser(Path(folder)) as window:
        window.open(page.address)
        window.wait_for_result("sample.png")
        window.element("#download").click()
        size = len(window.downloaded("sample_denoised.png"))
        content = {"reached": reached, "origin": page.origin, "requests": window.requests(), "size": size}
    sys.stdout.write(json.dumps(content))


if __name__ == "__main__":
    main()
