"""Whatever a network answers with, a file's or a server's: a picture like its input, or one line and no file."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from helpers.models import trained_like
from PIL import Image

from dncnn_tf import Client, DnCNNError, EngineError, FileRules, ModelError, deblock, denoise, denoise_files, upscale
from dncnn_tf.bulk.on_ray import _Actor
from dncnn_tf.engines.contract import card_of_file, write_export_card
from dncnn_tf.engines.onnx_graph import onnx_model
from dncnn_tf.models.dncnn import to_network
from dncnn_tf.models.weights import load_model, save_weights


class Answering:
    """An engine of the caller's own."""

    receptive_radius = 2

    def __init__(self, answer: Callable[[np.ndarray], object], channels: int = 1) -> None:
        self.channels, self.answer = channels, answer

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        return self.answer(noisy)


def spoiled(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def answer(noisy: np.ndarray) -> np.ndarray:
        noisy = noisy.copy()
        noisy[0, 1, 2, 0] = value
        return noisy

    return answer


WRONG = {
    "NaN": (spoiled(np.nan), r"Received: NaN or infinity in 1 of \d+ values"),
    "infinite": (spoiled(-np.inf), r"Received: NaN or infinity in 1 of \d+ values"),
    "one pixel": (lambda noisy: noisy[:, :1, :1], r"Received: float32 \(1, 1, 1, \d\)"),
    "larger": (lambda noisy: np.pad(noisy, ((0, 0), (0, 2), (0, 2), (0, 0))), r"Received: float32 \(1, 11, 15, \d\)"),
    "turned": (lambda noisy: noisy.swapaxes(1, 2), r"Received: float32 \(1, 13, 9, \d\)"),
    "of other numbers": (lambda noisy: (noisy * 255).astype(np.uint8), "Received: uint8"),
    "no array": (lambda noisy: None, "Received: NoneType"),
}
GREY = np.full((9, 13), 90, np.uint8)
COLOR = np.full((9, 13, 3), 90, np.uint8)


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image", [GREY, COLOR], ids=["grey", "colour"])
def test_an_answer_that_is_no_picture_is_refused(kind, channels, image) -> None:
    answer, said = WRONG[kind]
    with pytest.raises(EngineError, match=rf"in the shape of its input, \(1, 9, 13, [13]\)\. {said}") as caught:
        denoise(image, Answering(answer, channels), strength=0.5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("image", [GREY, COLOR], ids=["grey", "colour"])
def test_so_it_is_for_luminance(image) -> None:
    for answer, _ in WRONG.values():
        for task in (deblock, lambda image, engine: upscale(image, 2, engine)):
            with pytest.raises(EngineError):
                task(image, Answering(answer))


@pytest.fixture(scope="module")
def broken():
    """A network with one weight that is no number."""
    model = trained_like(depth=3, filters=4)
    kernel, *others = model.get_layer("conv_2").get_weights()
    kernel[1, 1, 0, 0] = np.nan
    model.get_layer("conv_2").set_weights([kernel, *others])
    return model


def test_weights_that_are_no_numbers_are_not_loaded(dncnn_tf, broken, tmp_path) -> None:
    """Through the command too, which leaves the original as it was."""
    broken.save(tmp_path / "bad.keras")
    save_weights(broken, tmp_path / "bad.weights.h5", {"name": "bad"})
    photo = tmp_path / "photo.png"
    Image.fromarray(COLOR).save(photo)
    before = photo.read_bytes()
    for name in ("bad.keras", "bad.weights.h5"):
        for load in (load_model, lambda file: denoise(COLOR, file)):
            with pytest.raises(ModelError, match=rf"{name}: .*weights must be finite numbers. Received: NaN .* conv_2"):
                load(tmp_path / name)
    done = dncnn_tf("denoise", "photo.png", "--model", "bad.weights.h5", "--suffix", "", "--overwrite", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "error: bad.weights.h5: " in done.stderr
    assert photo.read_bytes() == before


@pytest.fixture
def broken_export(model, tmp_path) -> Path:
    """An export whose file and card agree, and whose network is no use."""
    network = to_network(trained_like(depth=3, filters=4))
    biases = (*network.biases[:-1], np.full_like(network.biases[-1], np.inf))
    path = tmp_path / "bad.onnx"
    path.write_bytes(onnx_model(dataclasses.replace(network, biases=biases)))
    write_export_card(card_of_file(path), network, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_an_original_outlives_a_network_that_gives_nothing(dncnn_tf, broken_export, tmp_path) -> None:
    for name in "ab":
        Image.fromarray(COLOR).save(tmp_path / f"{name}.png")
    before = (tmp_path / "a.png").read_bytes()
    options = ("--model", broken_export, "--suffix", "", "--overwrite")
    done = dncnn_tf("denoise", "a.png", "b.png", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [line[:14] for line in lines] == ["error: a.png: ", "error: b.png: "]
    assert all("Received: NaN or infinity in 117 of 117 values" in line for line in lines)
    assert [(tmp_path / f"{name}.png").read_bytes() for name in "ab"] == [before] * 2


def test_a_process_of_rays_says_the_same(broken_export, tmp_path, monkeypatch) -> None:
    """What Ray runs in its processes, outside of them."""
    ray = pytest.importorskip("ray")
    context = SimpleNamespace(was_current_actor_reconstructed=False)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    from dncnn_tf.bulk.denoiser import Denoiser
    from dncnn_tf.bulk.restorer import NetworkOptions
    from dncnn_tf.restoration.shares import Shares

    Image.fromarray(GREY).save(tmp_path / "a.png")

    def make(**given):
        return Denoiser(
            model=str(broken_export), sigma=None, shares=Shares(), network=NetworkOptions(), large=False, **given
        )

    names = {"source": [bytes(tmp_path / "a.png")], "target": [bytes(tmp_path / "b.png")], "extras": [[]]}
    batch = {name: np.array(value, object) for name, value in names.items()} | {"job": np.array([0])}
    (reason,) = _Actor(FileRules(), (), make)(batch)["reason"]
    assert b"NaN or infinity" in reason
    assert not (tmp_path / "b.png").exists()


def lying(answer: Callable[[tf.Tensor], tf.Tensor], folder: Path) -> object:
    """A served model with the signature of an export, and an answer of its own."""
    from helpers.standins import Served

    noisy = tf.TensorSpec((None, None, None, 1), tf.float32, name="noisy")
    function = tf.function(lambda noisy: {"denoised": answer(noisy)}, input_signature=[noisy])
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
    return Served(folder, "small")


@pytest.mark.parametrize("kind", ["grpc", "rest"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda noisy: noisy[:, :1, :1],
        lambda noisy: tf.pad(noisy, ((0, 0), (0, 5), (0, 5), (0, 0))),
        lambda noisy: noisy * np.nan,
    ],
    ids=["one pixel", "larger", "NaN"],
)
def test_a_server_that_answers_with_no_picture_is_refused(kind, answer, tmp_path) -> None:
    pytest.importorskip("tensorflow_serving")
    from helpers import standins

    served = lying(answer, tmp_path / "model")
    with getattr(standins, f"{kind}_server")(served) as url, pytest.raises(DnCNNError) as caught:
        denoise(GREY, Client(url, "small"))
    assert "\n" not in str(caught.value)


def test_request_writes_nothing_of_it(dncnn_tf, tmp_path) -> None:
    pytest.importorskip("tensorflow_serving")
    from helpers import standins

    Image.fromarray(GREY).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with standins.grpc_server(lying(lambda noisy: noisy[:, :1, :1], tmp_path / "model")) as url:
        done = dncnn_tf(
            *("request", "a.png", "--url", url, "--model", "small", "--suffix", "", "--overwrite"), cwd=tmp_path
        )
    assert (done.returncode, done.stdout, done.stderr.count("error: a.png: ")) == (1, "", 1)
    assert (tmp_path / "a.png").read_bytes() == before


def test_files_that_fail_are_told_apart_from_those_that_do_not(tmp_path) -> None:
    """A network may fail on one picture alone, as by numbers beyond its precision."""
    for name, level in (("dark", 0), ("light", 255)):
        Image.fromarray(np.full((8, 8), level, np.uint8)).save(tmp_path / f"{name}.png")

    def answer(noisy: np.ndarray) -> np.ndarray:
        return noisy if noisy.any() else noisy * np.float32(np.nan)

    tally = denoise_files(tmp_path, model=Answering(answer))
    assert (tally.done, [Path(failure.source).name for failure in tally.failures]) == (1, ["dark.png"])
