"""Which of several processes this one is, by the TF_CONFIG that TensorFlow's launchers set, and where they meet."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field

from ..errors import DnCNNError
from .meeting import NO, Meeting, gather, report

_VARIABLE, _SECRET = "TF_CONFIG", "DNCNN_TF_CLUSTER_SECRET"
_LEAST_SECRET = 16  # characters
_PATIENCE = 600.0  # seconds


class ClusterError(DnCNNError):
    """The workers cannot train together; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """Workers that train one model together.

    Attributes:
        addresses: HOST:PORT of each; one or none where a process trains alone.
        index: this one's place among them; 0 is the chief, which alone writes.
        secret: by which they know each other.
    """

    addresses: tuple[str, ...] = ()
    index: int = 0
    secret: bytes = field(default=b"", repr=False)

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

        A chief of its own, as older launchers have it, is the first worker. Several workers also need
        DNCNN_TF_CLUSTER_SECRET, the same for all of them.

        Raises:
            ClusterError: TF_CONFIG is damaged or has other tasks than workers, or there is no secret.
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
        return cls(everyone, index if kind == "chief" else len(chief) + index, _secret() if everyone[1:] else b"")

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
        meeting = Meeting(self.addresses, agreement, self.secret)
        missing = self._gather(meeting, patience) if self.is_chief else self._report(meeting, patience)
        if missing:
            raise ClusterError(
                f"not there within {patience:g} seconds: {', '.join(self.addresses[i] for i in missing)}; see whether "
                f"all workers in {_VARIABLE} have been started, reach each other and have the same {_SECRET}"
            )

    def _gather(self, meeting: Meeting, patience: float) -> list[int]:
        """As the chief: hear from all the others, then let them go on. Returns those that have not come."""
        try:
            gathered = asyncio.run(gather(meeting, patience))
        except OSError as failure:
            raise ClusterError(
                f"{self.addresses[0]}: the first worker cannot listen there ({failure.strerror or failure}); "
                f"{_VARIABLE} must give it an address of its own machine, and a free port"
            ) from None
        if gathered.different is not None:
            raise ClusterError(
                f"{self.addresses[gathered.different]} was started otherwise than the first worker: options, "
                f"{_VARIABLE}, and with `precision` auto what the processor can do, must be the same for all"
            )
        return gathered.missing

    def _report(self, meeting: Meeting, patience: float) -> list[int]:
        """As another: tell the chief, and wait for its word. Returns the chief if it does not come."""
        word = asyncio.run(report(meeting, self.index, patience))
        if word == NO:
            raise ClusterError(
                f"the first worker, {self.addresses[0]}, was started otherwise than this one; its message says more"
            )
        return [0] if word is None else []


def _secret() -> bytes:
    secret = os.environ.get(_SECRET, "").strip()
    if len(secret) < _LEAST_SECRET:
        raise ClusterError(
            f"workers know each other by a secret: set {_SECRET} to the same {_LEAST_SECRET} characters or more "
            f"for all of them, such as those of openssl rand -hex 32. Received: {len(secret)} characters"
        )
    return os.fsencode(secret)
