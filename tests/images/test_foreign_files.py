"""Files made by other programs than those that read them here: OpenCV, Photoshop and others, each kind both ways.

OpenCV brings its own coders, so it also says whether it understands what is written.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import skimage
import tifffile
from PIL import Image

from dncnn_tf.images.picture import ImageError
from dncnn_tf.images.reading import read
from dncnn_tf.images.writing import encode

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
FLIPPED = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}  # OpenCV's order is blue, green, red

# Ending, dtype, channels.
LOSSLESS = [
    *(("png", dtype, channels) for dtype in (np.uint8, np.uint16) for channels in (1, 3, 4)),
    *(("tiff", dtype, channels) for dtype in (np.uint8, np.uint16, np.float32) for channels in (1, 3)),
    *(("tiff", dtype, 4) for dtype in (np.uint8, np.uint16)),
    *((kind, np.uint8, channels) for kind, channels in (("bmp", 1), ("bmp", 3), ("pgm", 1), ("ppm", 3), ("webp", 3))),
    *(("pgm", np.uint16, 1), ("ppm", np.uint16, 3), ("jp2", np.uint8, 1), ("jp2", np.uint8, 3)),
]


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    """uint8 (61, 83, 4), the last one alpha."""
    with Image.open(PHOTOGRAPHS / "coffee.png") as image:
        colour = np.asarray(image)[120:181, 200:283]
    return np.dstack([colour, np.linspace(0, 255, colour[..., 0].size).reshape(colour.shape[:2]).astype(np.uint8)])


def levels_of(coffee: np.ndarray, dtype: type, channels: int) -> np.ndarray:
    """The photograph with all bits of the dtype in use: (H, W, C)."""
    if dtype == np.uint8:
        return coffee[..., :channels]
    fine = np.random.default_rng(0).random((*coffee.shape[:2], channels))
    share = (coffee[..., :channels] + fine) / 256
    return share.astype(dtype) if dtype == np.float32 else (share * 65535).astype(dtype)


def by_opencv(ending: str, levels: np.ndarray) -> bytes:
    lossless = {"webp": [cv2.IMWRITE_WEBP_QUALITY, 101], "jp2": [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]}
    done, content = cv2.imencode(f".{ending}", levels[..., FLIPPED[levels.shape[-1]]], lossless.get(ending, []))
    assert done
    return content.tobytes()


def opened_by_opencv(content: bytes) -> np.ndarray:
    levels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    levels = levels.reshape(*levels.shape[:2], -1)
    return levels[..., FLIPPED[levels.shape[-1]]]


@pytest.mark.parametrize(("ending", "dtype", "channels"), LOSSLESS)
def test_opencv_writes_and_reads_the_same_levels(coffee, ending, dtype, channels) -> None:
    expected = levels_of(coffee, dtype, channels)
    picture = read(by_opencv(ending, expected))
    colour = min(channels, 3)
    np.testing.assert_array_equal(picture.levels, expected[..., :colour])
    assert picture.levels.dtype == dtype
    result = encode(picture)
    # OpenCV multiplies 8-bit TIFF by its alpha while reading.
    reader = (
        (lambda content: tifffile.imread(io.BytesIO(content)))
        if (ending, channels) == ("tiff", 4)
        else opened_by_opencv
    )
    np.testing.assert_array_equal(reader(result), expected)


@pytest.mark.parametrize(("channels", "quality"), [(1, 80), (3, 80), (3, 97)])
def test_opencv_s_jpeg_is_read_and_keeps_its_coarseness(coffee, channels, quality) -> None:
    levels = coffee[..., :channels][..., FLIPPED[channels]]
    content = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    picture = read(content)
    difference = picture.levels.astype(int) - opened_by_opencv(content)
    assert np.abs(difference).max() <= 3  # two coders round differently
    assert Image.open(io.BytesIO(encode(picture))).quantization == Image.open(io.BytesIO(content)).quantization


def test_opencv_s_pages_are_all_read(coffee) -> None:
    pages = [coffee[..., :3], coffee[::-1, :, :3]]
    done, content = cv2.imencodemulti(".tiff", [page[..., ::-1] for page in pages])
    assert done
    picture = read(content.tobytes())
    assert len(picture.pages) == 1
    again = cv2.imdecodemulti(np.frombuffer(encode(picture), np.uint8), cv2.IMREAD_UNCHANGED)[1]
    for result, page in zip(again, pages, strict=True):
        np.testing.assert_array_equal(result[..., ::-1], page)


def test_grey_with_alpha_by_libpng(coffee) -> None:
    expected = np.ascontiguousarray(coffee[..., [0, 3]])
    picture = read(imagecodecs.png_encode(expected))
    np.testing.assert_array_equal(picture.levels, expected[..., :1])
    np.testing.assert_array_equal(imagecodecs.png_decode(encode(picture)), expected)


def test_a_palette_by_the_specification(coffee) -> None:
    """PNG's chunks put together by hand: 16 colours, 4 bits a pixel."""
    palette = np.random.default_rng(0).integers(0, 256, (16, 3), np.uint8)
    indices = coffee[:, :82, 0] // 16
    rows = b"".join(b"\0" + (row[0::2] << 4 | row[1::2]).tobytes() for row in indices)
    height, width = indices.shape

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([4, 3, 0, 0, 0])
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    picture = read(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))
    np.testing.assert_array_equal(picture.levels, palette[indices])
    assert any("palette" in remark for remark in picture.notes)
    np.testing.assert_array_equal(opened_by_opencv(encode(picture)), palette[indices])


def test_a_palette_tiff_by_tifffile(coffee) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (3, 256))
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, coffee[..., 0], colormap=(colours * 257).astype(np.uint16), metadata=None)
    np.testing.assert_array_equal(read(buffer.getvalue()).levels, colours.T[coffee[..., 0]])


def test_inks_by_libjpeg_turbo_are_refused(coffee) -> None:
    inks = np.ascontiguousarray(255 - coffee)
    with pytest.raises(ImageError, match="colour mode CMYK; grey and RGB can be read: convert it first"):
        read(imagecodecs.jpeg8_encode(inks, colorspace="CMYK", outcolorspace="CMYK"))


@pytest.mark.parametrize("name", ["astronaut.png", "ihc.png", "horse.png", "color.png", "hubble_deep_field.jpg"])
def test_what_photoshop_and_others_left_in_a_file_stays(name) -> None:
    before = Image.open(PHOTOGRAPHS / name)
    after = Image.open(io.BytesIO(encode(read(PHOTOGRAPHS / name))))
    assert (after.format, after.mode, after.size) == (before.format, before.mode, before.size)
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("dpi", (0, 0)) == pytest.approx(before.info.get("dpi", (0, 0)), rel=1e-3)
    assert dict(after.getexif()).keys() >= dict(before.getexif()).keys()


def test_pages_of_another_program_s_tiff() -> None:
    picture = read(PHOTOGRAPHS / "multipage.tif")
    pages = tifffile.imread(PHOTOGRAPHS / "multipage.tif")
    assert len(pages) == 2
    for page, expected in zip((picture, *picture.pages), pages, strict=True):
        np.testing.assert_array_equal(page.levels[..., 0], expected)


def test_another_program_s_animation_is_refused() -> None:
    with pytest.raises(ImageError, match="animated; split it into files of one picture"):
        read(PHOTOGRAPHS / "no_time_for_that_tiny.gif")
