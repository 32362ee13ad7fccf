"""Where workers meet, with strangers at the door."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from helpers.ports import free_port
from helpers.waiting import HANGS, wait_for

from dncnn_tf.training import meeting
from dncnn_tf.training.workers import Cluster, ClusterError

SECRET = b"a secret of these tests"


@pytest.fixture
def addresses() -> tuple[str, str]:
    return f"127.0.0.1:{free_port()}", "b:2222"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def meet(threads, addresses, index: int, patience: float = HANGS, secret: bytes = SECRET) -> Future[None]:
    return threads.submit(Cluster(addresses, index, secret).meet, "the same", patience)


def connect(address: str) -> socket.socket:
    """A connection to somebody who may not be there yet."""
    host, port = address.split(":")

    def connected() -> socket.socket | None:
        with contextlib.suppress(OSError):
            return socket.create_connection((host, int(port)), timeout=HANGS)
        return None

    return wait_for(connected)


def received(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or those that come before the other side hangs up."""
    content = b""
    with contextlib.suppress(OSError):
        while part := connection.recv(size - len(content)):
            content += part
    return content


@pytest.mark.parametrize(
    "said",
    [b"0" * 64 + b" 1\n", bytes(1000), b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x01" + bytes(64) + bytes(32)],
    ids=["64 zeros", "zeros", "a browser", "a report without proof"],
)
def test_a_stranger_is_no_worker_and_ends_nothing(threads, addresses, said) -> None:
    chief = meet(threads, addresses, 0)
    with connect(addresses[0]) as stranger:
        stranger.sendall(said)
        stranger.shutdown(socket.SHUT_WR)
        assert len(received(stranger, 200)) <= 32, "but for the number that everybody gets"
    assert not chief.done()
    other = meet(threads, addresses, 1)
    assert (chief.result(HANGS), other.result(HANGS)) == (None, None)


def test_strangers_who_say_nothing_delay_nobody_and_hold_no_files(threads, addresses) -> None:
    chief = meet(threads, addresses, 0)
    with contextlib.ExitStack() as opened:
        strangers = [opened.enter_context(connect(addresses[0])) for _ in range(100)]
        other = meet(threads, addresses, 1)
        assert (chief.result(HANGS), other.result(HANGS)) == (None, None)
        for stranger in strangers[:36]:  # of more than 64, the oldest have had to go
            stranger.settimeout(HANGS)
            assert len(received(stranger, 200)) <= 32


def test_nobody_else_s_address_is_listened_at(threads, addresses) -> None:
    chief, port = meet(threads, addresses, 0), int(addresses[0].partition(":")[2])
    connect(addresses[0]).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=HANGS)
    meet(threads, addresses, 1).result(HANGS)
    chief.result(HANGS)


def test_an_address_of_another_machine_is_said(threads, monkeypatch) -> None:
    monkeypatch.setattr("dncnn_tf.training.meeting._SETTLED", 0.1)
    with pytest.raises(ClusterError, match=r"192\.0\.2\.1:2222: the first worker cannot listen there"):
        meet(threads, ("192.0.2.1:2222", "b:2222"), 0).result(HANGS)


def test_who_has_another_secret_does_not_come(threads, addresses) -> None:
    chief, other = meet(threads, addresses, 0, 1), meet(threads, addresses, 1, 1, b"another secret of these")
    with pytest.raises(ClusterError, match=r"not there within 1 seconds: b:2222; .* the same DNCNN_TF_CLUSTER_SECRET"):
        chief.result(HANGS)
    with pytest.raises(ClusterError, match=f"not there within 1 seconds: {addresses[0]}"):
        other.result(HANGS)


@pytest.mark.parametrize(
    "said", [b"go\n", b"no\n", bytes(32) + b"go" + bytes(32), bytes(32) + b"no" + bytes(32), bytes(32)], ids=range(5)
)
def test_a_false_chief_is_not_believed(threads, addresses, said) -> None:
    with at(addresses[0]) as false_chief:
        other = meet(threads, addresses, 1)
        with false_chief.accept()[0] as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            received(connection, 1000)  # until it hangs up
        false_chief.accept()[0].close()  # it asks again
    assert not other.done()
    chief = meet(threads, addresses, 0)
    assert (chief.result(HANGS), other.result(HANGS)) == (None, None)


def at(address: str) -> socket.socket:
    """Somebody else in the place of the first worker."""
    host, port = address.split(":")
    server = socket.create_server((host, int(port)))
    server.settimeout(HANGS)
    return server


def test_what_a_worker_said_to_another_is_no_proof(threads, addresses) -> None:
    with at(addresses[0]) as false_chief:
        other = meet(threads, addresses, 1)
        with false_chief.accept()[0] as connection:
            connection.sendall(bytes(32))
            heard = received(connection, 4 + 3 * 32)
    assert len(heard) == 100
    sends_away = threads.submit(Cluster(addresses, 0, SECRET).meet, "another thing", HANGS)
    for ends in (other, sends_away):
        with pytest.raises(ClusterError, match="was started otherwise"):
            ends.result(HANGS)
    chief = meet(threads, addresses, 0)
    with connect(addresses[0]) as stranger:
        stranger.sendall(heard)
        assert len(received(stranger, 200)) <= 32
    assert not chief.done()
    assert meet(threads, addresses, 1).result(HANGS) == chief.result(HANGS) is None


class Watched(meeting._First):
    """A first worker who gives up when it is told to, and not by the clock."""

    seen: Watched

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.loop = asyncio.get_running_loop()
        Watched.seen = self

    def give_up(self) -> None:
        self.loop.call_soon_threadsafe(self.decided.set)


@pytest.fixture
def watched(monkeypatch) -> type[Watched]:
    monkeypatch.setattr(meeting, "_First", Watched)
    monkeypatch.setattr(Watched, "seen", None, raising=False)
    return Watched


def test_who_is_missing_is_named(threads, addresses, watched) -> None:
    three = (*addresses, "c:2222")
    chief, other = meet(threads, three, 0), meet(threads, three, 1)
    wait_for(lambda: watched.seen and set(watched.seen.there) == {1})
    watched.seen.give_up()
    with pytest.raises(ClusterError, match=f"not there within {HANGS} seconds: c:2222; see whether all workers"):
        chief.result(HANGS)
    send_away = threads.submit(Cluster(three, 0, SECRET).meet, "another thing", HANGS)
    for ends in (other, send_away):  # who is sent nowhere asks on
        with pytest.raises(ClusterError, match="was started otherwise"):
            ends.result(HANGS)


def test_a_worker_that_left_while_others_were_awaited_is_awaited_again(threads, addresses, watched) -> None:
    three = (*addresses, "c:2222")
    chief, patience = meet(threads, three, 0), 0.25
    wait_for(lambda: watched.seen)
    while 1 not in watched.seen.there:  # a slow machine needs longer to come at all
        patience *= 2
        leaving = meet(threads, three, 1, patience)
        wait_for(lambda leaving=leaving: 1 in watched.seen.there or leaving.done())
    with pytest.raises(ClusterError, match=f"not there within {patience:g} seconds: {addresses[0]}"):
        leaving.result(HANGS)  # of its own accord, as if restarted
    wait_for(lambda: 1 not in watched.seen.there)
    again, other = meet(threads, three, 1), meet(threads, three, 2)
    assert [each.result(HANGS) for each in (chief, again, other)] == [None] * 3


@pytest.mark.parametrize("secret", ["", "short", " " * 30])
def test_several_workers_need_a_secret(monkeypatch, secret) -> None:
    setting = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(setting))
    monkeypatch.setenv("DNCNN_TF_CLUSTER_SECRET", secret)
    with pytest.raises(ClusterError, match="set DNCNN_TF_CLUSTER_SECRET to the same 16 characters or more"):
        Cluster.from_environment()
    monkeypatch.setenv("DNCNN_TF_CLUSTER_SECRET", SECRET.decode())
    assert Cluster.from_environment().secret == SECRET
    assert SECRET.decode() not in repr(Cluster.from_environment())
