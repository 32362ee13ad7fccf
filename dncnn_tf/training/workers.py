"""Which of several processes this one is, by the TF_CONFIG that TensorFlow's launchers set, and where they meet."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from dataclasses import dataclass

from ..errors import DnCNNError

_VARIABLE = "TF_CONFIG"
_PATIENCE = 600.0  # seconds
_GO, _NO = b"go\n", b"no\n"


class ClusterError(DnCNNError):
    """The workers cannot train together; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """Workers that train one model together.

    Attributes:
        addresses: HOST:PORT of each; one or none where a process trains alone.
        index: this one's place among them; 0 is the chief, which alone writes.
    """

    addresses: tuple[str, ...] = ()
    index: int = 0

    @property
    def size(self) -> int:
        """How many workers there are."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.index == 0

    @classmethod
    def from_environment(cls) -> Cluster:
        """As TF_CONFIG says: {"cluster": {"worker": [ADDRESS, …]}, "task": {"type": "worker", "index": I}}.

        A chief of its own, as older launchers have it, is the first worker.

        Raises:
            ClusterError: TF_CONFIG is damaged or has other tasks than workers.
        """
        text = os.environ.get(_VARIABLE)
        if not text:
            return cls()
        try:
            settings = json.loads(text)
            addresses = {kind: tuple(each) for kind, each in settings.get("cluster", {}).items()}
            kind, index = settings["task"]["type"], int(settings["task"]["index"])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ClusterError(
                f'{_VARIABLE} must be JSON such as {{"cluster": {{"worker": ["a:2222", "b:2222"]}}, '
                f'"task": {{"type": "worker", "index": 0}}}}. Received: {text}'
            ) from None
        chief = addresses.get("chief", ())
        strange = set(addresses) - {"chief", "worker"}
        if strange or len(chief) > 1 or kind not in addresses or not 0 <= index < len(addresses[kind]):
            raise ClusterError(
                f"{_VARIABLE} must name workers, at most one of them as chief, and this process among them. "
                f"Received: {text}"
            )
        everyone = chief + addresses.get("worker", ())
        if not all(str(address).rpartition(":")[2].isdigit() for address in everyone):
            raise ClusterError(
                f"{_VARIABLE} must give addresses as HOST:PORT. Received: {', '.join(map(str, everyone))}"
            )
        return cls(everyone, index if kind == "chief" else len(chief) + index)

    def own_shards(self, shards: int) -> range:
        """Which of a batch's shards this worker makes.

        Raises:
            ClusterError: they cannot be shared out evenly.
        """
        if shards % self.size:
            raise ClusterError(
                f"the run's images are in {shards} shards, of which each worker takes as many: the workers must be a "
                f"divisor of that. Received: {self.size} workers in {_VARIABLE}"
            )
        return range(self.index, shards, self.size)

    def meet(self, agreement: str, patience: float = _PATIENCE) -> None:
        """Wait until all workers are there: all report to the chief, at the port that TensorFlow opens there next.

        TensorFlow's own waiting has no end and hears no signals.

        Args:
            agreement: what must be the same for all of them, in one line.
            patience: in seconds.

        Raises:
            ClusterError: some have not come by then, or come with something else in mind.
        """
        deadline = time.monotonic() + patience
        greeting = hashlib.sha256(agreement.encode()).hexdigest()
        missing = self._gather(greeting, deadline) if self.is_chief else self._report(greeting, deadline)
        if missing:
            raise ClusterError(
                f"not there within {patience:g} seconds: {', '.join(self.addresses[i] for i in missing)}; see whether "
                f"all workers in {_VARIABLE} have been started and reach each other"
            )

    def _gather(self, greeting: str, deadline: float) -> list[int]:
        """As the chief: hear from all the others, then let them go on. Returns those that have not come."""
        others = range(1, self.size)
        there: dict[int, socket.socket] = {}
        with contextlib.ExitStack() as opened:
            server = opened.enter_context(_listen(_host_and_port(self.addresses[0])[1]))
            while len(there) < len(others):
                try:
                    server.settimeout(max(0.01, deadline - time.monotonic()))
                    connection = opened.enter_context(server.accept()[0])
                except TimeoutError:
                    return [i for i in others if i not in there]
                index = self._heard(connection, greeting)
                if index is not None:
                    there[index] = connection
                there = {i: each for i, each in there.items() if _is_open(each)}
            for connection in there.values():
                with contextlib.suppress(OSError):  # gone just now; TensorFlow notices
                    connection.sendall(_GO)
        return []

    def _heard(self, connection: socket.socket, greeting: str) -> int | None:
        """The index of a worker that reports; None for somebody else."""
        connection.settimeout(5)
        try:
            said, index = connection.recv(200).decode("ascii").split()
            number = int(index)
        except (OSError, ValueError):
            return None
        if len(said) != len(greeting) or number not in range(1, self.size):
            return None
        if said != greeting:
            with contextlib.suppress(OSError):
                connection.sendall(_NO)
            raise ClusterError(
                f"{self.addresses[number]} was started otherwise than the first worker: options, {_VARIABLE}, and with "
                "`precision` auto what the processor can do, must be the same for all"
            )
        return number

    def _report(self, greeting: str, deadline: float) -> list[int]:
        """As another: tell the chief, and wait for its word. Returns the chief if it does not come."""
        while time.monotonic() < deadline:
            answer = b""
            with (
                contextlib.suppress(OSError),
                socket.create_connection(_host_and_port(self.addresses[0]), timeout=5) as connection,
            ):
                connection.sendall(f"{greeting} {self.index}\n".encode())
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                answer = connection.recv(64)
            if answer == _GO:
                return []
            if answer == _NO:
                raise ClusterError(
                    f"the first worker, {self.addresses[0]}, was started otherwise than this one; its message says more"
                )
            time.sleep(0.2)
        return [0]


def _is_open(connection: socket.socket) -> bool:
    """Whether the other end still waits."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
