"""Serve the page on this machine, and on no other unless told so."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable

from ..errors import MissingPackageError, OptionError
from ..images.formats import MAX_PIXELS
from .folder import private_folder

_HERE = ("127.0.0.1", "localhost", "[::1]")


def serve_page(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    auth: str | None = None,
    max_pixels: int = MAX_PIXELS,
    browser: bool = True,
    on_ready: Callable[[str], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Serve a page that denoises, deblocks and enlarges pictures, before and after under one slider.

    It runs until it is interrupted. Pictures are held in a private temporary folder, which is removed at the end; one
    that a crash left is removed at the next start.

    Args:
        host: the address to listen at. Another than this machine's own, such as 0.0.0.0, needs `auth`.
        port: 0 for a free one.
        auth: "USER:PASSWORD", which browsers then ask for.
        max_pixels: refuse larger pictures.
        browser: open one.
        on_ready: called with the page's address when it answers.
        note: called with a remark for people, in one line.

    Raises:
        OptionError: `host` needs `auth`, or `auth` is not as said.
        MissingPackageError: the packages of the extra "ui" are not installed.
        OSError: the port is taken.
    """
    _require_auth(host, auth)
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ModuleNotFoundError as failure:
        message = f"{failure.name} is missing; install it with: pip install 'dncnn-tf[ui]'"
        raise MissingPackageError(message, name=failure.name) from failure
    from .app import Application
    from .guard import Guard

    if not _is_here(host) and note:
        note(f"reachable at {host} from other machines, with the password, unencrypted: in networks you trust alone")
    with _listening(host, port) as listening, private_folder() as folder:
        port = listening.getsockname()[1]
        hosts = frozenset(f"{name}:{port}" for name in (*_HERE, _in_address(host))) if _is_here(host) else frozenset()
        application = Application(folder, max_pixels)
        config = uvicorn.Config(
            Guard(application.asgi(), hosts=hosts, auth=auth),
            lifespan="off",
            log_level="critical",  # what fails is told to the page
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        address = f"http://{_in_address(host)}:{port}/"
        if on_ready:
            on_ready(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listening])
        finally:
            application.streams.close()


def _require_auth(host: str, auth: str | None) -> None:
    if auth is not None and not all(auth.partition(":")):
        raise OptionError("`auth` must be a name and a password, USER:PASSWORD")
    if auth is None and not _is_here(host):
        raise OptionError(f"`host` {host} is reachable from other machines, which needs `auth` USER:PASSWORD")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
