"""Servers on this machine that answer as no honest one does, to any request."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass
class Server:
    """What is known of one.

    Attributes:
        port: of 127.0.0.1.
        requests: the first line of each request.
        sent: bytes that it got rid of.
        stopped: set when it is to end.
    """

    port: int
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Of its root."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(answer: Callable[[Server], Iterable[bytes]]) -> Iterator[Server]:
    """A server that answers every request with these bytes, until they end or the other side hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, server, answer), daemon=True).start()
        try:
            yield server
        finally:
            server.stopped.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def endless(start: bytes, again: bytes) -> Callable[[Server], Iterator[bytes]]:
    """What begins somehow and goes on for ever."""

    def answer(server: Server) -> Iterator[bytes]:
        yield start
        while True:
            yield again

    return answer


def dripping(start: bytes, again: bytes = b" ", seconds: float = 0.02) -> Callable[[Server], Iterator[bytes]]:
    """The same, slowly."""

    def answer(server: Server) -> Iterator[bytes]:
        yield start
        while not server.stopped.wait(seconds):
            yield again

    return answer


def silent(start: bytes = b"") -> Callable[[Server], Iterator[bytes]]:
    """What begins somehow and does not go on."""

    def answer(server: Server) -> Iterator[bytes]:
        yield start
        server.stopped.wait()

    return answer


def whole(status: str, content: bytes, *headers: str) -> Callable[[Server], Iterator[bytes]]:
    """One complete answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers)
    return lambda server: iter(["\r\n".join(lines).encode() + b"\r\n\r\n" + content])


def _accept(listener: socket.socket, server: Server, answer: Callable[[Server], Iterable[bytes]]) -> None:
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=_answer, args=(listener.accept()[0], server, answer), daemon=True).start()


def _answer(connection: socket.socket, server: Server, answer: Callable[[Server], Iterable[bytes]]) -> None:
    with contextlib.suppress(OSError), connection, connection.makefile("rb") as asked:
        server.requests.append(asked.readline().decode().strip())
        length = 0
        while (line := asked.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        asked.read(length)
        for part in answer(server):
            connection.sendall(part)
            server.sent += len(part)
