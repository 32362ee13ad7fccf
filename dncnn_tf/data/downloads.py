"""Published image sets into the cache, each file checked by the SHA-256 of its original."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import quote

import pooch
from requests.exceptions import ConnectionError, HTTPError, RequestException, Timeout

from .datasets import RemoteFile, cache_folder, published_sets
from .decoding import DatasetError

_CONNECTIONS = 8


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
    download leaves whole files or none, and the next one goes on from there.

    Args:
        name: of the set.
        progress: called with the bytes of each file that is done, in this thread.

    Returns:
        The files in the cache, in order of name and in their original format.

    Raises:
        DatasetError: no such set, no connection, or a file that is not the published one.
    """
    if name not in published_sets():
        raise DatasetError(f"{name}: no such set; the sets are: {', '.join(published_sets())}")
    files = published_sets()[name].files
    store = _store(files)
    pool = ThreadPoolExecutor(_CONNECTIONS)
    try:
        fetches = {pool.submit(store.fetch, str(file.cached)): file for file in files}
        for fetch in as_completed(fetches):
            _finish(fetch.result, fetches[fetch], name)
            progress(fetches[fetch].size)
    finally:
        pool.shutdown(cancel_futures=True)
    return [cache_folder() / file.cached for file in files]


def _store(files: tuple[RemoteFile, ...]) -> pooch.Pooch:
    for folder in {cache_folder() / file.cached.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel(logging.WARNING)
    return pooch.create(
        path=cache_folder(),
        base_url=base_url(),
        registry={str(file.cached): file.sha256 for file in files},
        urls={str(file.cached): _url(file) for file in files},
        retry_if_failed=1,
    )


def _url(file: RemoteFile) -> str:
    return f"{base_url()}/{quote(file.url_path)}"


def _finish(result: Callable[[], str], file: RemoteFile, name: str) -> None:
    """Take a fetch's result, or say in one line why there is none."""
    again = f"run `dncnn-tf data download {name}` again, it goes on where it stopped"
    try:
        result()
    except (ConnectionError, Timeout):
        raise DatasetError(f"{name}: no connection to {base_url()}; check the network and {again}") from None
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else "nothing"
        raise DatasetError(f"{_url(file)}: the server answered {status}; {again}") from None
    except RequestException:
        raise DatasetError(f"{file.cached.name}: the connection broke, nothing of it is kept; {again}") from None
    except ValueError:
        raise DatasetError(
            f"{file.cached.name}: what {base_url()} sent is not the published file (its SHA-256 differs), "
            "nothing of it is kept; try another network or unset DNCNN_TF_BASE_URL"
        ) from None
