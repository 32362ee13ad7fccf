"""Compiled networks that are kept: the same pixels, and never another network, whatever became of the file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.processor import needs_int8

from dncnn_tf.config import ModelConfig
from dncnn_tf.engines import compiled
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.engines.openvino_engine import OpenVINOEngine
from dncnn_tf.engines.precision import processor
from dncnn_tf.models import cards, source
from dncnn_tf.models.calibration import read_calibrations
from dncnn_tf.models.cards import PRETRAINED, ModelError

MODEL = "dncnn-s-15"
COLOR = ModelConfig(depth=20, channels=3)
NOISY = np.random.default_rng(0).normal(0.5, 0.2, (1, 33, 40, 1)).astype(np.float32)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `MODEL` in float32 is kept."""
    monkeypatch.setenv("DNCNN_TF_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache/compiled" / f"{MODEL}-float32.openvino"


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that gets one more entry whenever a network is compiled from its weights."""
    made: list[str] = []
    of = OpenVINOEngine.of

    def counted(network: object, precision: str) -> OpenVINOEngine:
        made.append(precision)
        return of(network, precision)

    monkeypatch.setattr(OpenVINOEngine, "of", counted)
    return made


def denoised(precision: str = "float32") -> np.ndarray:
    return open_engine(MODEL, engine="openvino", precision=precision)(NOISY)


@needs_int8
def test_what_is_rounded_for_smooth_and_for_rough_pictures_is_kept_apart(kept, compiling) -> None:
    smooth = np.full((1, 33, 40, 3), 0.5, np.float32)
    pictures = (smooth, np.repeat(NOISY, 3, axis=-1))
    first, again = (open_engine("cdncnn-b", precision="int8") for _ in range(2))
    assert not kept.parent.exists()  # until a picture tells which is needed
    before = [first(picture) for picture in pictures]
    bounds = [each.roughness for each in read_calibrations(PRETRAINED / "cdncnn-b.weights.h5", COLOR)]
    assert {file.name for file in kept.parent.iterdir()} == {
        f"cdncnn-b-int8-{i}.openvino" for i in (0, len(bounds) - 1)
    }
    assert compiling == ["int8", "int8"]
    for picture, expected in zip(pictures, before, strict=True):
        np.testing.assert_array_equal(again(picture), expected)
    assert compiling == ["int8", "int8"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", pytest.param("int8", marks=needs_int8)])
def test_what_was_kept_gives_the_same_pixels(kept, compiling, precision) -> None:
    first, second = denoised(precision), denoised(precision)
    assert compiling == [precision]
    np.testing.assert_array_equal(first, second)
    assert [file.name for file in kept.parent.iterdir()] == [f"{MODEL}-{precision}.openvino"]


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("nowhere")


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _flip,
        _link,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(bytes(100)),
        lambda file: file.chmod(0o622),  # somebody else may have written it
    ],
    ids=["cut", "flipped", "link", "empty", "zeros", "not ours alone"],
)
def test_a_damaged_file_is_made_anew(kept, compiling, spoil) -> None:
    expected = denoised()
    spoil(kept)
    np.testing.assert_array_equal(denoised(), expected)
    assert len(compiling) == 2
    assert kept.lstat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(denoised(), expected)
    assert len(compiling) == 2


def test_what_openvino_does_not_take_back_is_made_anew(kept, compiling) -> None:
    expected = denoised()
    compiled._write(kept, compiled._key(MODEL, "float32", ""), b"no network")
    np.testing.assert_array_equal(denoised(), expected)
    assert len(compiling) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(compiled, "processor", lambda: "another"),
        lambda patch: patch.setattr(compiled.openvino, "get_version", lambda: "another"),
    ],
    ids=["processor", "OpenVINO"],
)
def test_another_machine_compiles_anew(kept, compiling, monkeypatch, change) -> None:
    denoised()
    change(monkeypatch)
    denoised()
    assert len(compiling) == 2


def test_processors_differ_by_their_instructions_and_not_by_their_clock(tmp_path) -> None:
    info = "processor : 0\nmodel name : X\ncpu MHz : {}\nflags : fpu {}\n\nprocessor : 1\nflags : fpu\n"
    texts = [info.format(*each) for each in [(1000, "avx2"), (2000, "avx2"), (1000, "amx_int8")]]
    files = [tmp_path / str(i) for i in range(3)]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    first, slower, other = map(processor, files)
    assert first == slower != other
    assert processor(tmp_path / "none")


def test_weights_are_checked_whatever_is_kept(kept, compiling, tmp_path, monkeypatch) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for file in cards.PRETRAINED.glob(f"{MODEL}.*"):
        shutil.copy(file, box)
    for module in (cards, source, compiled):
        monkeypatch.setattr(module, "PRETRAINED", box)
    denoised()
    _flip(box / f"{MODEL}.weights.h5")
    with pytest.raises(ModelError, match="damaged"):
        denoised()


@pytest.mark.parametrize("place", ["no folder", "no home"])
def test_without_a_place_it_works_all_the_same(kept, compiling, monkeypatch, tmp_path, place) -> None:
    expected = denoised()
    if place == "no folder":
        (tmp_path / "file").touch()
        monkeypatch.setenv("DNCNN_TF_CACHE_DIR", str(tmp_path / "file"))
    else:
        monkeypatch.setattr(compiled, "cache_folder", _fail)
    np.testing.assert_array_equal(denoised(), expected)


def _fail() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_processes_that_start_at_once_get_the_same(kept, tmp_path) -> None:
    np.save(tmp_path / "noisy.npy", NOISY)
    script = (
        "import sys, numpy as np; from dncnn_tf import open_engine; "
        f"engine = open_engine({MODEL!r}, engine='openvino', precision='float32'); "
        "np.save(sys.argv[1], engine(np.load('noisy.npy'))); "
        "print(sorted({'h5py', 'onnx', 'keras', 'tensorflow'} & set(sys.modules)))"
    )

    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, name]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)

    processes = [start(f"{i}.npy") for i in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    last = start("3.npy")
    assert last.communicate(timeout=120)[0] == "[]\n", "nothing to read and to convert weights with is imported"
    results = [np.load(tmp_path / f"{i}.npy") for i in range(4)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]
