"""A picture's size limit belongs to the call: other threads, and Pillow's users, have their own."""

from __future__ import annotations

import io
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import pixel_count, read

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA")


def saved(format: str, side: int = 100) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 50).save(buffer, format)
    return buffer.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_a_limit_is_exact_and_does_not_stand_back_behind_pillows(monkeypatch, format) -> None:
    content = saved(format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(content, max_pixels=100 * 100).levels.shape[:2] == (100, 100)
    with pytest.raises(ImageError, match=r"too large, more than 0\.009999 million pixels; .* higher `max_pixels`"):
        read(content, max_pixels=100 * 100 - 1)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(content)).load()


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_pages_count_together(kind) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((3, 10, 10), kind), photometric="minisblack", metadata=None)
    assert len(read(file.getvalue(), max_pixels=300).pages) == 2
    with pytest.raises(ImageError, match="too large"):
        read(file.getvalue(), max_pixels=299)


def test_threads_with_other_limits_do_not_meet() -> None:
    """Four threads read the same picture a hundred times: two may, one may not, and one asks Pillow itself."""
    content, start = saved("PNG"), threading.Barrier(4)

    def attempts(read_once) -> set[str]:
        start.wait()
        return {read_once() for _ in range(100)}

    def ours(limit: int) -> str:
        try:
            return str(read(content, max_pixels=limit).levels.shape)
        except ImageError as error:
            return str(error)[:9]

    def pillows() -> str:
        with Image.open(io.BytesIO(content)) as image:
            return str(image.size)

    before = Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(attempts, lambda limit=limit: ours(limit)) for limit in (10_000, 9_999, 10**12)]
        running.append(threads.submit(attempts, pillows))
        found = [each.result() for each in running]
    assert found == [{"(100, 100, 1)"}, {"too large"}, {"(100, 100, 1)"}, {"(100, 100)"}]
    assert before == Image.MAX_IMAGE_PIXELS


def test_pixels_are_counted_up_to_the_limit(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(saved("PNG"))
    assert pixel_count(tmp_path / "a.png") == 10_000
    assert pixel_count(tmp_path / "a.png", max_pixels=9_999) == 0
