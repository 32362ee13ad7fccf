"""Real image files, damaged in thousands of ways: each is read or refused in one line, and none hangs or crashes."""

from __future__ import annotations

import io
import os
import subprocess
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import netpbmfile
import numpy as np
import skimage
import tifffile
from conftest import command
from helpers.hostile import LONG, at_most, chained, grey_page
from helpers.models import trained_like
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode
from dncnn_tf.models.weights import save_weights

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
COUNT = int(os.environ.get("DNCNN_TF_FUZZ", "2000"))
"""Damaged files that are tried."""


def real_files() -> dict[str, bytes]:
    """A small photograph in every kind that can be read, by several writers."""
    coffee = Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB").crop((100, 100, 139, 131))
    transparent = coffee.copy()
    transparent.putalpha(128)
    deep = np.asarray(coffee).astype(np.uint16) * 257
    exif = Image.Exif()
    exif[271] = "Camera maker"
    files = {
        "PNG": _saved(coffee, "PNG", exif=exif),
        "RGBA PNG": _saved(transparent, "PNG"),
        "palette PNG": _saved(coffee.quantize(8), "PNG"),
        "16-bit PNG": imagecodecs.png_encode(deep),
        "JPEG": _saved(coffee, "JPEG", exif=exif, quality=70),
        "progressive JPEG": _saved(coffee, "JPEG", progressive=True),
        "TIFF": _saved(coffee, "TIFF", compression="tiff_lzw", exif=exif),
        "pages": _saved(coffee, "TIFF", save_all=True, append_images=[coffee.convert("L")]),
        "WebP": _saved(coffee, "WEBP"),
        "BMP": _saved(coffee, "BMP"),
        "TGA": _saved(coffee, "TGA"),
        "AVIF": _saved(coffee, "AVIF"),
        "JPEG 2000": _saved(coffee, "JPEG2000"),
        "PPM": _saved(coffee, "PPM"),
    }
    for name, array in (("16-bit TIFF", deep), ("float TIFF", np.asarray(coffee, np.float32) / 255)):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, photometric="rgb", compression="adobe_deflate", metadata=None)
        files[name] = buffer.getvalue()
    buffer = io.BytesIO()
    netpbmfile.imwrite(buffer, deep)
    return files | {"16-bit PPM": buffer.getvalue()}


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


FILES = real_files()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Bytes changed, most of them in the header; a part cut out, doubled or left off; another file's end."""
    content = bytearray(FILES[draw(st.sampled_from(sorted(FILES)))])
    for _ in range(draw(st.integers(0, 6))):
        reach = draw(st.sampled_from([32, 256, len(content)]))
        content[draw(st.integers(0, min(reach, len(content)) - 1))] = draw(st.integers(0, 255))
    kind = draw(st.sampled_from(["none", "cut", "hole", "twice", "other"]))
    place = draw(st.integers(0, len(content)))
    length = draw(st.integers(1, 300))
    if kind == "cut":
        del content[place:]
    elif kind == "hole":
        del content[place : place + length]
    elif kind == "twice":
        content[place:place] = content[place : place + length]
    elif kind == "other":
        content[place:] = FILES[draw(st.sampled_from(sorted(FILES)))][place:]
    return bytes(content)


NUMBERS = (0, 1, 2, 3, 8, 16, 32, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
TAGS = (254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347)
FURTHER_TAGS = (282, 270, 33432, 33550, 34412, 34665, 34675, 34853, 37724, 40965, 50838, 50839, 65426)


@st.composite
def structured(draw: st.DrawFn) -> bytes:
    """TIFF files whose parts fit: pages in a circle, by the thousand or beyond the end, tags that name each other."""

    def value() -> Any:
        number, page = draw(st.sampled_from(NUMBERS)), draw(st.integers(0, 9))
        return draw(
            st.sampled_from(
                [number, 8, lambda starts: starts[page % len(starts)], lambda starts: (starts[-1] + number) % 2**32]
            )
        )

    def page() -> list[Any]:
        bits, format = draw(st.sampled_from([(8, 1), (8, 1), (16, 1), (16, 1), (32, 3), (64, 3)]))
        samples = draw(st.integers(1, 4))
        tags = {tag: number for tag, _, _, number in grey_page(draw(st.sampled_from([1, 8, 8, 40, 20_000])), 8)}
        tags |= {258: bits, 339: format, 277: samples, 262: draw(st.sampled_from([0, 1, 2, 3, 5, 6]))}
        tags[259] = draw(st.sampled_from([*[1] * 8, 5, 7, 8, 32773, 34712, 50000]))
        tags[279] = draw(st.sampled_from([64, 10_000, 10_000, 2**32 - 1]))
        entries = [(tag, LONG, 1, number) for tag, number in tags.items()]
        for _ in range(draw(st.integers(0, 2))):
            tag = draw(st.sampled_from(TAGS + FURTHER_TAGS))
            entries = [entry for entry in entries if entry[0] != tag or draw(st.booleans())]
            entries.append((tag, draw(st.integers(0, 18)), draw(st.sampled_from(NUMBERS)), value()))
        return sorted(entries, key=lambda entry: entry[0])

    pages = [page() for _ in range(draw(st.integers(1, 4)))] * draw(st.sampled_from([1, 1, 1, 2, 30, 1_000]))
    last = draw(st.booleans()) and value()
    data = draw(st.sampled_from([bytes(64), *[bytes(20_000)] * 4, zlib.compress(bytes(3_000_000)), FILES["JPEG"]]))
    return chained(pages, data, last if callable(last) else lambda _: int(last), big=draw(st.booleans()))


@settings(max_examples=COUNT, suppress_health_check=list(HealthCheck))
@given(damaged())
@example(b"II*\0" + bytes(60))
@example(b"P6 1 1 70000\n" + bytes(6))
@example(b"P6 \t9 31 65535\n" + bytes(9 * 31 * 6))
@example(FILES["JPEG"].replace(b"Exif\0\0MM", b"Exif\0\0\0M"))
def test_a_damaged_file_is_read_or_refused_in_one_line(content: bytes) -> None:
    read_or_refuse(content)


@settings(max_examples=COUNT // 10, suppress_health_check=list(HealthCheck))
@given(structured())
def test_a_tiff_that_leads_in_circles_is_read_or_refused_at_once(content: bytes) -> None:
    read_or_refuse(content)


def read_or_refuse(content: bytes) -> None:
    with at_most(10):
        picture, refusal = attempt(read, content)
    if picture is None:
        assert refusal
        assert "\n" not in refusal
        return
    assert picture.levels.ndim == 3
    assert picture.levels.size > 0
    assert np.isfinite(picture.pixels).all()
    written, refusal = attempt(encode, picture, "TIFF")
    assert "\n" not in refusal
    if written is not None:
        np.testing.assert_array_equal(read(written).levels, picture.levels)


def attempt(function: Callable[..., Any], *arguments: object) -> tuple[Any, str]:
    """What a function returns, or None and why it refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments), ""
        except ImageError as error:
            return None, str(error)


def test_the_command_survives_a_folder_of_damaged_files(tmp_path) -> None:
    """Each file is either done or named in one error; the sound ones are all done."""
    model = tmp_path / "small.weights.h5"
    save_weights(trained_like(depth=3, filters=4), model, {"name": "small"})
    folder, rng = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    endings = {"TIFF": "tif", "pages": "tif", "JPEG": "jpg", "BMP": "bmp", "WebP": "webp", "PNG": "png", "PPM": "ppm"}
    for kind, ending in endings.items():
        (folder / f"{kind}-sound.{ending}").write_bytes(FILES[kind])
        for i in range(20):
            content = bytearray(FILES[kind])
            for place in rng.integers(0, len(content), 4):
                content[place] = rng.integers(256)
            (folder / f"{kind}-{i}.{ending}").write_bytes(
                content[: rng.integers(1, len(content) + 1)] if i % 2 else content
            )
    options = ("--model", model, "--engine", "onnxruntime", "-o", tmp_path / "out")
    done = subprocess.run(command("denoise", folder, *options), capture_output=True, text=True, timeout=240)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    written = list((tmp_path / "out").iterdir())
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(written) + len(errors) == len(list(folder.iterdir()))
    assert all(str(folder) in line for line in errors)
    assert {f"{kind}-sound_denoised.{ending}" for kind, ending in endings.items()} <= {path.name for path in written}
    assert not [path for path in written if path.name.startswith(".")]
