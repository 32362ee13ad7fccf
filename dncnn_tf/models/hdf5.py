"""Arrays of HDF5 files, which may lie in other files, have many names, or unpack to more than there is memory."""

from __future__ import annotations

import math
import zlib

import h5py
import numpy as np

from ..errors import DnCNNError

LARGEST = 200_000_000
"""Bytes that a model may take; DnCNN-B with optimizer state has 7 million."""

_PACKERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32)


class HDF5Error(DnCNNError, ValueError):
    """A file is not what a model's file is; the message says how, and its reader which file."""


class Arrays:
    """Reads arrays of a file whose every name leads to something of its own, up to `LARGEST` bytes in all.

    Args:
        file: open for reading.

    Raises:
        HDF5Error: something in it is elsewhere or has several names, or all of it is too large.
    """

    def __init__(self, file: h5py.File) -> None:
        links: list[tuple[str, object]] = []
        file.visititems_links(lambda *link: links.append(link))  # h5py lets no exception through
        self._taken = 0
        for name, link in links:
            self._check(file, name, link)
        self._taken = 0

    def read(self, dataset: h5py.Dataset) -> np.ndarray:
        """An array of the file.

        Raises:
            HDF5Error: it is elsewhere, or with what was read before, too large.
        """
        self._take(dataset)
        array: np.ndarray = dataset[()]
        return array

    def _check(self, file: h5py.File, name: str, link: object) -> None:
        if not isinstance(link, h5py.HardLink):
            raise HDF5Error(f"names what is elsewhere ({name}); take a copy that holds its weights itself")
        if h5py.h5o.get_info(file.id, name.encode()).rc > 1:
            raise HDF5Error(f"has several names for one thing ({name}), as no model has; take another copy")
        found = file[name]
        if isinstance(found, h5py.Dataset):
            self._take(found)

    def _take(self, dataset: h5py.Dataset) -> None:
        if dataset.external or dataset.is_virtual:
            raise HDF5Error(
                f"keeps numbers in another file ({dataset.name}); take a copy that holds its weights itself"
            )
        if dataset.dtype.hasobject and h5py.check_ref_dtype(dataset.dtype) is None:
            raise HDF5Error(f"holds text of any length ({dataset.name}), as no model does; take another copy")
        self._taken += max(dataset.nbytes, _largest_part(dataset))
        if self._taken > LARGEST:
            raise HDF5Error(
                f"unpacks to {self._taken / 1e6:,.0f} MB; a DnCNN has some 3, at most {LARGEST / 1e6:,.0f} are read"
            )
        _require_honest(dataset)


def _largest_part(dataset: h5py.Dataset) -> int:
    """Bytes of each part that an array is stored in, which may be larger than the array."""
    return math.prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0


def _require_honest(dataset: h5py.Dataset) -> None:
    """Check that the parts of an array unpack to what they should, since HDF5 unpacks all of it before it looks."""
    how = dataset.id.get_create_plist()
    packers = [how.get_filter(i)[0] for i in range(how.get_nfilters())]
    if not packers:
        return
    if not set(packers) <= set(_PACKERS) or packers.count(h5py.h5z.FILTER_DEFLATE) > 1:
        raise HDF5Error(f"is packed in an unusual way ({dataset.name}); save it plainly or with gzip")
    if h5py.h5z.FILTER_DEFLATE not in packers:
        return
    size = _largest_part(dataset)
    for i in range(dataset.id.get_num_chunks()):
        left_out, packed = dataset.id.read_direct_chunk(dataset.id.get_chunk_info(i).chunk_offset)
        try:
            sound = not left_out and len(zlib.decompressobj().decompress(packed, size + 1)) <= size
        except zlib.error:
            sound = False
        if not sound:
            raise HDF5Error(f"is damaged, or unpacks to more than it says ({dataset.name}); take another copy")
