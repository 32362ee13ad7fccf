"""Work that takes long, told of while it goes on: a line of JSON now and then, and one at the end.

The work lives as long as the request: a page that is closed, or that gives up, cancels it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.responses import StreamingResponse

from ..errors import describe
from .work import Cancelled, Progress

_EVERY = 0.2  # seconds


class Streams:
    """Runs work in threads, and stops it when the server stops."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(16)
        self._closing = threading.Event()

    def answer(self, work: Callable[[Progress, Cancelled], dict[str, Any]], say: Callable[[str], str]) -> Any:
        """A response that tells how far the work is, {"progress": 0.3}, and then what came of it.

        Args:
            work: returns what the last line says; what it raises is said as {"error": …}.
            say: turns a failure's line into what is told.
        """
        return StreamingResponse(self._lines(work, say), media_type="application/x-ndjson")

    def close(self) -> None:
        """Stop all work."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)

    async def _lines(
        self, work: Callable[[Progress, Cancelled], dict[str, Any]], say: Callable[[str], str]
    ) -> AsyncIterator[str]:
        given_up = threading.Event()
        share = 0.0

        def progress(now: float) -> None:
            nonlocal share
            share = now

        def cancelled() -> bool:
            return given_up.is_set() or self._closing.is_set()

        future = asyncio.wrap_future(self._threads.submit(work, progress, cancelled))
        try:
            while not (await asyncio.wait({future}, timeout=_EVERY))[0]:
                yield _line({"progress": share})
            try:
                last = future.result()
            except Exception as failure:
                last = {"error": say(describe(failure))}
            yield _line(last)
        finally:
            given_up.set()
            future.cancel()


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content) + "\n"
