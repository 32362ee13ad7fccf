"""Published image sets into the cache, each file checked by its size and the SHA-256 of its original."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import quote, urljoin

import requests
import urllib3

from ..files import atomic_path, cache_folder
from ..web import Session, TooLongError, body, within
from .datasets import RemoteFile, published_sets
from .decoding import DatasetError

_CONNECTIONS = 8
_REDIRECTS = 5
_ATTEMPTS = 2

# A connection that brings less than this many bytes a second, for so many seconds, is given up.
_PACE, _PATIENCE = 1000, 30.0


class _RefusedError(Exception):
    """A server answers with another status than 200, which is said."""


def base_url() -> str:
    """Where OWNER/REPOSITORY/COMMIT/PATH is fetched from: DNCNN_TF_BASE_URL for a mirror, else GitHub.

    Raises:
        DatasetError: DNCNN_TF_BASE_URL is no web address.
    """
    url = os.environ.get("DNCNN_TF_BASE_URL") or "https://raw.githubusercontent.com"
    if not url.startswith(("http://", "https://")):
        raise DatasetError(f"DNCNN_TF_BASE_URL must start with http:// or https://. Received: {url}")
    return url.rstrip("/")


def download(name: str, *, progress: Callable[[int], None] = lambda size: None) -> list[Path]:
    """Fetch a published set; files that are in the cache already, and intact, are not fetched again.

    A file comes under a temporary name and takes its own only when its SHA-256 fits, so that an interrupted
    download leaves whole files or none, and the next one goes on from there. No more of a file is taken than its size.

    Args:
        name: of the set.
        progress: called with the bytes of each file that is done, in this thread.

    Returns:
        The files in the cache, in order of name and in their original format.

    Raises:
        DatasetError: no such set, no connection or one that brings hardly anything, or a file that is not the
            published one.
    """
    if name not in published_sets():
        raise DatasetError(f"{name}: no such set; the sets are: {', '.join(published_sets())}")
    files = published_sets()[name].files
    base_url()
    stopped, interrupted = threading.Event(), True
    pool = ThreadPoolExecutor(_CONNECTIONS)
    try:
        fetches = {pool.submit(_require, file, name, stopped): file for file in files}
        for fetch in as_completed(fetches):
            fetch.result()
            progress(fetches[fetch].size)
        interrupted = False
    except Exception:
        interrupted = False
        raise
    finally:
        stopped.set()
        pool.shutdown(wait=not interrupted, cancel_futures=True)
    return [cache_folder() / file.cached for file in files]


def _require(file: RemoteFile, name: str, stopped: threading.Event) -> None:
    """Have a file in the cache, or say in one line why it is not there."""
    target = cache_folder() / file.cached
    if target.is_file() and target.stat().st_size == file.size and _sha256(target) == file.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    again = f"run `dncnn-tf data download {name}` again, it goes on where it stopped"
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _fetch(file, target, stopped)
            return
        except (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError):
            raise DatasetError(
                f"{file.cached.name}: {base_url()} answers too slowly or not at all, nothing of it is kept; "
                f"check the network and {again}"
            ) from None
        except _RefusedError as refusal:
            raise DatasetError(f"{_url(file)}: the server answered {refusal}; {again}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if attempt == _ATTEMPTS or stopped.is_set():
                reason = (
                    f"{name}: no connection to {base_url()}; check the network and {again}"
                    if isinstance(error, requests.ConnectionError)
                    else f"{file.cached.name}: the connection broke, nothing of it is kept; {again}"
                )
                raise DatasetError(reason) from None


def _fetch(file: RemoteFile, target: Path, stopped: threading.Event) -> None:
    with Session() as session, atomic_path(target) as path, path.open("wb") as written:
        answer = within(_PATIENCE, functools.partial(_ask, session, _url(file)))
        try:
            for chunk in _at_a_pace(body(answer, file.size), stopped):
                written.write(chunk)
        except TooLongError:
            _refuse(file)
        written.flush()
        if _sha256(path) != file.sha256:
            _refuse(file)


def _refuse(file: RemoteFile) -> None:
    raise DatasetError(
        f"{file.cached.name}: what {base_url()} sent is not the published file (its SHA-256 differs), "
        "nothing of it is kept; try another network or unset DNCNN_TF_BASE_URL"
    )


def _ask(session: Session, url: str) -> requests.Response:
    """The answer that a server, or the one that it points to, begins to give; what it holds is checked, not whose."""
    for _ in range(_REDIRECTS):
        answer = session.get(url, stream=True, timeout=_PATIENCE)
        if not answer.is_redirect:
            break
        answer.close()
        url = urljoin(url, answer.headers["location"])
    if answer.status_code != requests.codes.ok:
        answer.close()
        raise _RefusedError(answer.status_code)
    return answer


def _at_a_pace(chunks: Iterator[bytes], stopped: threading.Event) -> Iterator[bytes]:
    """Hand on what comes, as long as enough does."""
    since, received = time.monotonic(), 0
    for chunk in chunks:
        if stopped.is_set():
            raise requests.ConnectionError
        received += len(chunk)
        if time.monotonic() - since > _PATIENCE:
            if received < _PACE * _PATIENCE:
                raise TimeoutError
            since, received = time.monotonic(), 0
        yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _url(file: RemoteFile) -> str:
    return f"{base_url()}/{quote(file.url_path)}"
