"""Who may use the page: a browser of this machine that shows this page, or one that knows the password."""

from __future__ import annotations

import base64
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = ("GET", "HEAD")

# Nothing is loaded from elsewhere, nothing is told to elsewhere, and no other page shows this one or its pictures.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Refuses requests before the application sees them.

    A name that another site has made to mean 127.0.0.1 shows in `Host`; a page of another site in `Origin` and
    `Sec-Fetch-Site`, which browsers add and pages cannot change.

    Args:
        app: what is guarded.
        hosts: what `Host` may be, with its port; empty for any, where there is a password.
        auth: "USER:PASSWORD", or None.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], auth: str | None) -> None:
        self._app, self._hosts = app, hosts
        self._credentials = None if auth is None else b"Basic " + base64.b64encode(auth.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] == "http":
            app = self._refusal(scope["method"], scope["path"], Headers(scope=scope)) or self._app
            await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self._hosts and host not in self._hosts:
            return PlainTextResponse(f"this page is at {min(self._hosts)}", 403)
        if self._credentials and not self._knows_password(headers):
            return PlainTextResponse("user and password, please", 401, {"WWW-Authenticate": 'Basic realm="dncnn-tf"'})
        own = f"http://{host}"
        from_elsewhere = headers.get("origin", own) != own or (
            headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") and path != "/"
        )
        if from_elsewhere or (method not in _READING and headers.get("origin") != own):
            return PlainTextResponse("only for this server's own page", 403)
        return None

    def _knows_password(self, headers: Headers) -> bool:
        given = headers.get("authorization", "").encode("latin-1")
        return secrets.compare_digest(given, self._credentials or b"")
