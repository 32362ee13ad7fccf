"""Where workers meet before they train: all report to the first one, and each proves that it knows their secret.

The proof is an HMAC-SHA256 over all that both sides have said, with a number that each has drawn for this connection,
so that it cannot be used again:

    first → other    a number
    other → first    its index, a number, what it was started with; proof
    first → other    go, or no; proof

(`multiprocessing.connection` has proofs too, but its listener hears one side at a time, for as long as that likes.)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import socket
import time
from dataclasses import dataclass

_NUMBER = _DIGEST = 32  # bytes
_INDEX, _WORD = 4, 2
_SAID = _INDEX + _NUMBER + _DIGEST

GO, NO = b"go", b"no"

_UNPROVED = 64  # connections at a time; of more, the oldest goes, since a worker's proof takes no time
_SECONDS = 5.0  # until a proof must be there
_PAUSE = 0.2
_SETTLED = 60.0  # seconds until a name leads to a machine that has just started


@dataclass(frozen=True)
class Meeting:
    """What all who meet must know.

    Attributes:
        addresses: HOST:PORT of each; the first one is reported to.
        agreement: what must be the same for all of them.
        secret: what only they know.
    """

    addresses: tuple[str, ...]
    agreement: str
    secret: bytes

    def greeting(self) -> bytes:
        """The agreement, as short as a digest."""
        return hashlib.sha256(self.agreement.encode()).digest()

    def proof(self, *parts: bytes) -> bytes:
        """That one who knows the secret says this; each part has its length."""
        return hmac.digest(self.secret, b"".join(parts), "sha256")


@dataclass(frozen=True)
class Gathered:
    """Who has come to the first worker.

    Attributes:
        missing: indices of those who have not.
        different: of one who was started otherwise, None if there is none.
    """

    missing: list[int]
    different: int | None


async def gather(meeting: Meeting, seconds: float) -> Gathered:
    """As the first worker: hear from all the others, and then let them go on.

    Raises:
        OSError: this process cannot listen at its address.
    """
    deadline = time.monotonic() + seconds
    first = _First(meeting)
    server = await asyncio.start_server(first.hear, sock=await _listen(meeting.addresses[0], deadline))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline - time.monotonic()):
                await first.decided.wait()
        gathered = Gathered([i for i in first.others if i not in first.there], first.different)
        if not gathered.missing and gathered.different is None:
            await first.let_go()
    finally:
        server.close()
    return gathered


class _First:
    """The worker that the others report to."""

    def __init__(self, meeting: Meeting) -> None:
        self.meeting, self.others = meeting, range(1, len(meeting.addresses))
        self.there: dict[int, tuple[asyncio.StreamWriter, bytes]] = {}
        self.different: int | None = None
        self.decided = asyncio.Event()
        self._unproved: dict[asyncio.StreamWriter, None] = {}

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from anybody, until it ends."""
        # The meeting may end first: asyncio would print a task of its server that is cancelled as a failure.
        ends = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*ends), contextlib.closing(writer):
            heard = await self._heard(reader, writer)
            if heard is None:
                return
            index = int.from_bytes(heard[_NUMBER : _NUMBER + _INDEX])
            if heard[-_DIGEST:] != self.meeting.greeting():
                await self._answer(writer, heard, NO)
                self.different = index
                self.decided.set()
                return
            self.there[index] = writer, heard
            if len(self.there) == len(self.others):
                self.decided.set()
            await reader.read(1)  # it says no more: this is its end
            if self.there.get(index) == (writer, heard) and not self.decided.is_set():
                del self.there[index]

    async def _heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Both sides' numbers and what a worker says; None if it is none."""
        if len(self._unproved) == _UNPROVED:
            next(iter(self._unproved)).transport.abort()
        self._unproved[writer] = None
        number = secrets.token_bytes(_NUMBER)
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(number)
                said, proof = await reader.readexactly(_SAID), await reader.readexactly(_DIGEST)
        finally:
            self._unproved.pop(writer, None)
        known = hmac.compare_digest(proof, self.meeting.proof(b"other", number, said))
        return number + said if known and int.from_bytes(said[:_INDEX]) in self.others else None

    async def _answer(self, writer: asyncio.StreamWriter, heard: bytes, word: bytes) -> None:
        writer.write(word + self.meeting.proof(b"first", heard, word))
        await writer.drain()

    async def let_go(self) -> None:
        """Tell all who are there to go on."""
        for writer, heard in self.there.values():
            with contextlib.suppress(OSError):  # gone just now; TensorFlow notices
                await self._answer(writer, heard, GO)


async def report(meeting: Meeting, index: int, seconds: float) -> bytes | None:
    """As another worker: tell the first one, and wait for its word; None if it does not come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (word := await _report_once(meeting, index)) is None:
                await asyncio.sleep(_PAUSE)
            return word
    return None


async def _report_once(meeting: Meeting, index: int) -> bytes | None:
    with contextlib.ExitStack() as opened, contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(*_host_and_port(meeting.addresses[0]))
            opened.enter_context(contextlib.closing(writer))
            number = await reader.readexactly(_NUMBER)
            said = index.to_bytes(_INDEX) + secrets.token_bytes(_NUMBER) + meeting.greeting()
            writer.write(said + meeting.proof(b"other", number, said))
        word, proof = await reader.readexactly(_WORD), await reader.readexactly(_DIGEST)
        if hmac.compare_digest(proof, meeting.proof(b"first", number, said, word)):
            return word
    return None


async def _listen(address: str, deadline: float) -> socket.socket:
    """At this address alone, once it leads here."""
    deadline = min(deadline, time.monotonic() + _SETTLED)
    while True:
        try:
            return await asyncio.to_thread(_bind, *_host_and_port(address))
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE)


def _bind(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for i, (family, _, _, _, where) in enumerate(found):
        try:
            return socket.create_server(where, family=family)
        except OSError:
            if i == len(found) - 1:
                raise
    raise AssertionError("getaddrinfo finds one, or raises")


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
