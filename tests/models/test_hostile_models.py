"""Model files that ask for more than they hold, or for other files: refused in one line, before they take memory."""

from __future__ import annotations

import hashlib
import json
import resource
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.hostile import at_most
from helpers.models import trained_like
from onnx import TensorProto, helper, load, numpy_helper, save

from dncnn_tf import export_onnx
from dncnn_tf.engines.contract import card_of_file
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.cards import ModelError
from dncnn_tf.models.conversion import ConversionError, convert_weights
from dncnn_tf.models.hdf5 import Arrays, HDF5Error
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import load_model, read_network, save_model, save_weights


@pytest.fixture
def weights(tmp_path) -> Path:
    save_weights(trained_like(depth=3, filters=4), tmp_path / "mine.weights.h5", {"name": "mine"})
    return tmp_path / "mine.weights.h5"


def sign(file: Path, **changes: object) -> None:
    """Let a file's card say its SHA-256, and something else of the network."""
    card = file.with_name("mine.json")
    content = json.loads(card.read_text())
    content["model"] |= changes
    card.write_text(json.dumps(content | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}))


def linked(file: h5py.File) -> None:
    array = file.create_dataset("array", (40_000_000,), "f4", chunks=(10**6,), compression="gzip")
    for i in range(30):
        file[f"layers/linked_{i}/vars/0"] = array
        file[f"layers/linked_{i}/vars"].attrs["name"] = f"linked_{i}"


def linked_groups(file: h5py.File) -> None:
    for i in range(30):
        file[f"layers/again_{i}"] = file["layers/conv2d"]


def of_another_file(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = h5py.ExternalLink("/etc/hostname", "/weights")


def soft(file: h5py.File) -> None:
    file["layers/soft"] = h5py.SoftLink("/layers/conv2d")


def external(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars"].create_dataset("0", (3, 3, 1, 4), "f4", external=[("/etc/passwd", 0, 144)])


def virtual(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    layout = h5py.VirtualLayout((3, 3, 1, 4), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "weights", (3, 3, 1, 4))
    file["layers/conv2d/vars"].create_virtual_dataset("0", layout)


def of_large_parts(file: h5py.File) -> None:
    file.create_dataset("one", (1,), "f4", maxshape=(None,), chunks=(10**8,), compression="gzip")


def dishonest(file: h5py.File) -> None:
    """A part of 40 bytes whose packed form holds 50 MB, and might hold any number."""
    array = file.create_dataset("part", (10,), "f4", chunks=(10,), compression="gzip")
    array.id.write_direct_chunk((0,), zlib.compress(bytes(50_000_000)))


def texts(file: h5py.File) -> None:
    file.create_dataset("texts", (1000,), h5py.string_dtype())


HOSTILE = [
    (linked, "has several names for one thing"),
    (linked_groups, "has several names for one thing"),
    (of_another_file, "names what is elsewhere"),
    (soft, "names what is elsewhere"),
    (external, "keeps numbers in another file"),
    (virtual, "keeps numbers in another file"),
    (of_large_parts, "unpacks to 400 MB"),
    (dishonest, "unpacks to more than it says"),
    (texts, "holds text of any length"),
]


@pytest.mark.parametrize(("spoil", "message"), HOSTILE)
def test_arrays_are_in_the_file_once_and_small(weights, tmp_path, spoil: Callable[[h5py.File], None], message) -> None:
    """Beside its card, inside a `.keras` file, and by itself."""
    with h5py.File(weights, "a") as file:
        spoil(file)
    sign(weights)
    save_model(trained_like(depth=3, filters=4), tmp_path / "sound.keras")
    with zipfile.ZipFile(tmp_path / "sound.keras") as sound, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for name in sound.namelist():
            bad.writestr(name, weights.read_bytes() if name.endswith(".h5") else sound.read(name))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in (weights, tmp_path / "bad.keras"):
        for read in (load_model, lambda file: read_network(find_source(file))):
            with at_most(20), pytest.raises(ModelError, match=f"{path}: .*{message}") as refusal:
                read(path)
            assert "\n" not in str(refusal.value)
    with h5py.File(weights) as file, pytest.raises(HDF5Error, match=message):
        Arrays(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 1_000_000, "filters": 1}, "asks for 1,000,000 layers"),
        ({"filters": 40_000}, "unpacks to .* MB"),
        ({"residual": "no"}, r"not a model card: residual must be true or false\. Received: residual='no'"),
        ({"batch_norm": 1}, "batch_norm must be true or false"),
        ({"depth": "17"}, r"depth must be a whole number\. Received: depth='17'"),
        ({"filters": 4.5}, "filters must be a whole number"),
        ({"channels": None}, "channels must be a whole number"),
        ({"channels": 2}, "channels must be 1"),
        ({"width": 3}, "'model' may hold depth, filters, channels, residual, batch_norm and nothing else"),
    ],
)
def test_a_card_says_plainly_what_is_wrong_with_it(weights, changes, message) -> None:
    sign(weights, **changes)
    for read in (load_model, lambda file: read_network(find_source(file))):
        with at_most(10), pytest.raises(ModelError, match=message) as refusal:
            read(weights)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"[1, 2]", b"null", b"{", b"\xff\xfe", b"[" * 10**5, b'{"model": 3}', b'{"model": {}, "sha256": 5}'],
)
def test_what_is_no_card_is_one_line_without_words_of_python(weights, content) -> None:
    weights.with_name("mine.json").write_bytes(content)
    with pytest.raises(ModelError) as refusal:
        load_model(weights)
    message = str(refusal.value)
    assert message.startswith(str(weights.parent))
    assert not [word for word in ("object", "None", "codec", "recursion", "argument", "\n") if word in message]


def test_a_file_of_6_gigabytes_is_not_read(weights, tmp_path) -> None:
    for file in (weights, weights.with_name("mine.json"), tmp_path / "net.mat"):
        file.touch()
        with file.open("r+b") as opened:
            opened.truncate(6 * 10**9)
        with at_most(10), pytest.raises((ModelError, ConversionError), match=r"not a model card|unpacks to 6,000 MB"):
            convert_weights(file) if file.suffix == ".mat" else load_model(weights)
        file.unlink()
        save_weights(trained_like(depth=3, filters=4), weights, {"name": "mine"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers[1]["config"].update(filters=100_000), "unpacks to .* MB"),
        (lambda layers: layers[1]["build_config"].update(input_shape=[None, None, None, 10**6]), "unpacks to .* MB"),
        (lambda layers: layers[1]["config"].update(kernel_size=[10**4, 10**4]), "unpacks to .* MB"),
        (lambda layers: layers[1].update(class_name="Dense", config={"units": 10**9}), "a layer of the kind Dense"),
        (lambda layers: layers[1].update(module="antigravity"), "not a DnCNN saved by Keras"),
        (
            lambda layers: layers[1]["config"].update(
                kernel_initializer={"module": "keras.layers", "class_name": "Dense", "config": {"units": 10**9}}
            ),
            "names a Dense",
        ),
        (lambda layers: layers.extend(2_000 * [layers[1]]), "of 2,007 layers"),
    ],
)
def test_a_network_that_keras_would_build_to_any_size(tmp_path, change, message) -> None:
    save_model(trained_like(depth=3, filters=4), tmp_path / "sound.keras")
    with zipfile.ZipFile(tmp_path / "sound.keras") as sound, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for name in sound.namelist():
            content = sound.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config["config"]["layers"])
                content = json.dumps(config).encode()
            bad.writestr(name, content)
    with at_most(20), pytest.raises(ModelError, match=rf"bad\.keras: .*{message}"):
        load_model(tmp_path / "bad.keras")


def matlab_file(path: Path, layer: Callable[[h5py.File, h5py.Group], None]) -> Path:
    """A file of MATLAB 7.3 with one convolution, spoiled."""
    with h5py.File(path, "w") as file:
        group = file.create_group("#refs#/layer")
        group["type"] = np.frombuffer(b"conv", np.uint8).astype(np.uint16)
        layer(file, group)
        layers = file.create_dataset("net/layers", (1, 1), h5py.ref_dtype)
        layers[0, 0] = group.ref
    return path


def test_matlab_files_unpack_to_no_more_than_a_network(tmp_path) -> None:
    def vast(file: h5py.File, group: h5py.Group) -> None:
        file.create_dataset("#refs#/kernel", (40_000, 40_000), "f4", chunks=(1000, 1000), compression="gzip")

    def same_again(file: h5py.File, group: h5py.Group) -> None:
        """A cell array that names one array of 180 MB thirty times, which nothing has a second name for."""
        kernel = file.create_dataset("#refs#/kernel", (45_000_000,), "f4", chunks=(10**6,), compression="gzip")
        cell = group.create_dataset("weights", (30,), h5py.ref_dtype)
        cell[:] = 30 * [kernel.ref]

    def many(file: h5py.File, group: h5py.Group) -> None:
        group.create_dataset("weights", (10**6,), h5py.ref_dtype, chunks=(1000,))

    for spoil, message in ((vast, "unpacks to 6,400 MB"), (same_again, "unpacks to 360 MB"), (many, "1,000,000")):
        path = matlab_file(tmp_path / f"{spoil.__name__}.mat", spoil)
        assert path.stat().st_size < 100_000
        with at_most(20), pytest.raises(ConversionError, match=f"{path}: .*{message}"):
            convert_weights(path)


def test_weights_of_pytorch_ask_for_no_network_larger_than_they_are(tmp_path) -> None:
    """One number, said to be a kernel of 300,000 filters."""
    torch = pytest.importorskip("torch")
    state = {}
    for number, (inputs, outputs) in enumerate(((1, 300_000), (300_000, 300_000), (300_000, 1))):
        state[f"model.{2 * number}.weight"] = torch.zeros(1).expand(outputs, inputs, 3, 3)
        state[f"model.{2 * number}.bias"] = torch.zeros(1).expand(outputs)
    torch.save(state, tmp_path / "vast.pth")
    with at_most(60), pytest.raises(ConversionError, match=r"vast\.pth: unpacks to .* MB"):
        convert_weights(tmp_path / "vast.pth")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    return export_onnx(trained_like(depth=3, filters=4), folder, name="mine").path


def grown(graph: object) -> None:
    shape = numpy_helper.from_array(np.array([1, 40_000, 40_000, 1]), "shape")
    graph.initializer.append(shape)
    graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["vast"]))


def padded(graph: object) -> None:
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == "pads":
                attribute.ints[:] = 4 * [100_000]


def elsewhere(graph: object) -> None:
    weights = graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="passwd")


def declared(graph: object) -> None:
    graph.initializer[0].dims[0] = 10**9


def broadcast(graph: object) -> None:
    """Turned round by another rule, a square picture's rows and columns each go with all others."""
    graph.node[-2].attribute[0].ints[:] = [0, 1, 2, 3]


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (grown, "not a network that dncnn-tf exported"),
        (padded, "not a network that dncnn-tf exported"),
        (elsewhere, "keeps its weights in another file"),
        (declared, "not a network that dncnn-tf exported"),
        (broadcast, "not a network that dncnn-tf exported"),
    ],
)
def test_a_graph_is_a_plain_one_with_its_weights_inside(exported, tmp_path, engine, spoil, message) -> None:
    model = load(exported)
    spoil(model.graph)
    path = tmp_path / "mine.onnx"
    save(model, path)
    card = json.loads(card_of_file(exported).read_text())
    card_of_file(path).write_text(json.dumps(card | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    with at_most(20), pytest.raises(ModelError, match=rf"mine\.onnx: .*{message}"):
        open_engine(path, engine=engine)
    assert open_engine(exported, engine=engine)(np.zeros((1, 5, 5, 1), np.float32)).shape == (1, 5, 5, 1)


@pytest.mark.parametrize("changes", [{"channels": 2}, {"receptive_radius": 10**9}, {"channels": None}])
def test_a_card_of_an_export_asks_for_nothing_out_of_range(exported, tmp_path, changes) -> None:
    """A radius, for one, is how much around each tile is computed."""
    (tmp_path / "mine.onnx").write_bytes(exported.read_bytes())
    card = json.loads(card_of_file(exported).read_text()) | changes
    card_of_file(tmp_path / "mine.onnx").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="not the card of an exported model; export it again"):
        open_engine(tmp_path / "mine.onnx")


def test_nothing_that_is_no_graph_comes_to_an_engine(tmp_path) -> None:
    path = tmp_path / "mine.onnx"
    for content in (b"", b"\xff" * 100):
        path.write_bytes(content)
        card = {"channels": 1, "receptive_radius": 3, "sha256": hashlib.sha256(content).hexdigest()}
        card_of_file(path).write_text(json.dumps(card))
        with pytest.raises(ModelError, match=r"mine\.onnx: (damaged|not a network)"):
            open_engine(path)
