"""Converted networks against the same networks computed with SciPy from the numbers in the files."""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from scipy.signal import correlate2d

from dncnn_tf.errors import OptionError
from dncnn_tf.models.conversion import ConversionError, build_from, convert_weights, kair_convolutions
from dncnn_tf.models.dncnn import model_config
from dncnn_tf.models.weights import load_model


def random_layers(depth: int, filters: int, channels: int, *, norms: bool) -> list[dict[str, np.ndarray]]:
    """A tiny network; kernels (3, 3, inputs, outputs) without any symmetry."""
    rng = np.random.default_rng(depth)
    widths = [channels] + [filters] * (depth - 1) + [channels]
    layers = []
    for i in range(depth):
        layer = {
            "kernel": rng.normal(0, 0.3, (3, 3, widths[i], widths[i + 1])),
            "bias": rng.normal(0, 0.3, widths[i + 1]),
        }
        if norms and 0 < i < depth - 1:
            layer |= {name: rng.normal(0, 1, filters) for name in ("gamma", "beta", "mean")}
            # Below and above the square root of Keras' epsilon.
            layer["sigma"] = np.linspace(0.02, 1.5, filters)
        layers.append({name: values.astype(np.float32) for name, values in layer.items()})
    return layers


def restored(layers: list[dict[str, np.ndarray]], noisy: np.ndarray) -> np.ndarray:
    """The network's output for (H, W, C) by its definition: zero padding, correlation, residual subtracted."""
    x = noisy.astype(np.float64)
    for i, layer in enumerate(layers):
        kernel = layer["kernel"].astype(np.float64)
        outputs = [
            sum(correlate2d(x[..., k], kernel[..., k, o], mode="same") for k in range(kernel.shape[2]))
            for o in range(kernel.shape[3])
        ]
        x = np.stack(outputs, axis=-1) + layer["bias"]
        if "gamma" in layer:
            x = layer["gamma"] * (x - layer["mean"]) / layer["sigma"] + layer["beta"]
        if i < len(layers) - 1:
            x = np.maximum(x, 0)
    return noisy - x


def write_matconvnet(path: Path, layers: list[dict[str, np.ndarray]], *, last_type: str = "loss") -> None:
    """A file as MATLAB 7.3 saves a SimpleNN network: axes reversed, trailing axes of length 1 left out."""
    with h5py.File(path, "w", userblock_size=512) as file:
        count = iter(range(10_000))

        def store(values: np.ndarray) -> h5py.Reference:
            file[f"#refs#/{(name := f'r{next(count)}')}"] = values
            return file[f"#refs#/{name}"].ref

        def store_layer(kind: str, weights: list[np.ndarray]) -> h5py.Reference:
            group = file.create_group(f"#refs#/layer{next(count)}")
            group["type"] = np.array([[ord(letter)] for letter in kind], np.uint16)
            if weights:
                group["weights"] = np.array([[store(values)] for values in weights], h5py.ref_dtype)
            return group.ref

        references = []
        for i, layer in enumerate(layers):
            kernel = layer["kernel"][..., 0] if layer["kernel"].shape[3] == 1 else layer["kernel"]
            references.append(store_layer("conv", [kernel.T, layer["bias"][None]]))
            if "gamma" in layer:
                moments = np.stack([layer["mean"], layer["sigma"]])
                references.append(store_layer("bnorm", [layer["gamma"][None], layer["beta"][None], moments]))
            if i < len(layers) - 1:
                references.append(store_layer("relu", []))
        references.append(store_layer(last_type, []))
        file["net/layers"] = np.array(references, h5py.ref_dtype)[:, None]


def kair_state(layers: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The same network as PyTorch names and orders it."""
    state, number = {}, 0
    for layer in layers:
        state |= {
            f"model.{number}.weight": layer["kernel"].transpose(3, 2, 0, 1),
            f"model.{number}.bias": layer["bias"],
        }
        if "gamma" in layer:
            number += 1
            state |= {
                f"model.{number}.weight": layer["gamma"],
                f"model.{number}.bias": layer["beta"],
                f"model.{number}.running_mean": layer["mean"],
                f"model.{number}.running_var": layer["sigma"] ** 2 - np.float32(1e-4),
                f"model.{number}.num_batches_tracked": np.array(7),
            }
        number += 2
    return state


NETWORKS = [(4, 5, 1, False), (4, 5, 1, True), (5, 4, 3, False), (12, 3, 3, True)]


def noisy_image(channels: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (9, 14, channels)).astype(np.float32)


@pytest.mark.parametrize(("depth", "filters", "channels", "norms"), NETWORKS)
def test_matconvnet_network_computes_what_its_file_says(tmp_path, depth, filters, channels, norms):
    layers = random_layers(depth, filters, channels, norms=norms)
    write_matconvnet(tmp_path / "net.mat", layers)
    model = convert_weights(tmp_path / "net.mat")
    config = model_config(model)
    assert (config.depth, config.filters, config.channels) == (depth, filters, channels)
    assert (config.batch_norm, config.residual) == (norms, True)
    expected = restored(layers, noisy_image(channels))
    output = keras.ops.convert_to_numpy(model(noisy_image(channels)[None], training=False))[0]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("depth", "filters", "channels", "norms"), NETWORKS)
def test_kair_network_computes_what_its_state_says(depth, filters, channels, norms):
    layers = random_layers(depth, filters, channels, norms=norms)
    model = build_from(kair_convolutions(kair_state(layers)))
    expected = restored(layers, noisy_image(channels))
    output = keras.ops.convert_to_numpy(model(noisy_image(channels)[None], training=False))[0]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_variances_are_never_negative(tmp_path):
    write_matconvnet(tmp_path / "net.mat", random_layers(4, 5, 1, norms=True))
    model = convert_weights(tmp_path / "net.mat")
    assert min(model.get_layer("bn_2").get_weights()[3]) >= 0


def test_pth_file_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    layers = random_layers(4, 5, 1, norms=True)
    torch.save({name: torch.tensor(values) for name, values in kair_state(layers).items()}, tmp_path / "net.pth")
    output = keras.ops.convert_to_numpy(convert_weights(tmp_path / "net.pth")(noisy_image(1)[None]))[0]
    expected = restored(layers, noisy_image(1))
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_pth_file_that_holds_code_is_not_run(tmp_path):
    torch = pytest.importorskip("torch")

    class Dangerous:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save(Dangerous(), tmp_path / "net.pth")
    with pytest.raises(ConversionError, match=r"net\.pth: PyTorch cannot read weights from it"):
        convert_weights(tmp_path / "net.pth")
    assert not (tmp_path / "ran").exists()


def test_without_torch_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "net.pth").write_bytes(b"any")
    with pytest.raises(ConversionError, match=r"net\.pth: .*pip install torch"):
        convert_weights(tmp_path / "net.pth")


def test_state_of_another_network_is_refused():
    layers = random_layers(4, 5, 1, norms=False)
    state = kair_state(layers)
    with pytest.raises(ValueError, match=r"'body\.0\.weight' does not belong to a DnCNN"):
        kair_convolutions(state | {"body.0.weight": state["model.0.weight"]})
    sigma_map = kair_state(random_layers(4, 5, 1, norms=False))
    sigma_map["model.0.weight"] = np.repeat(sigma_map["model.0.weight"], 2, axis=1)  # FDnCNN: image and noise level
    with pytest.raises(ValueError, match=r"convolution 1 must be \(3, 3, 1, 5\)"):
        build_from(kair_convolutions(sigma_map))


def _text(path: Path) -> None:
    path.write_text("no weights", encoding="utf-8")


def _foreign_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(3)


def _structure_without_weights(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["net/layers"] = np.zeros(3)


def _other_layers(path: Path) -> None:
    write_matconvnet(path, random_layers(4, 5, 1, norms=False), last_type="pool")


def _two_convolutions(path: Path) -> None:
    write_matconvnet(path, random_layers(2, 5, 1, norms=False))


def _norm_in_some_layers(path: Path) -> None:
    layers = random_layers(5, 4, 1, norms=True)
    write_matconvnet(
        path, [{k: v for k, v in layer.items() if i != 2 or k in ("kernel", "bias")} for i, layer in enumerate(layers)]
    )


def _large_kernel(path: Path) -> None:
    layers = random_layers(4, 5, 1, norms=False)
    layers[1]["kernel"] = np.zeros((5, 5, 5, 5), np.float32)
    write_matconvnet(path, layers)


def _no_numbers(path: Path) -> None:
    layers = random_layers(4, 5, 1, norms=True)
    layers[2]["kernel"][1, 1, 0, 0] = np.nan
    write_matconvnet(path, layers)


def _too_large_when_normalised(path: Path) -> None:
    layers = random_layers(4, 5, 1, norms=True)
    layers[1]["kernel"] *= np.float32(1e30)
    layers[1]["gamma"] *= np.float32(1e30)
    write_matconvnet(path, layers)


def _truncated(path: Path) -> None:
    write_matconvnet(path, random_layers(4, 5, 1, norms=False))
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_text, "not a MATLAB 7.3 file"),
        (_foreign_hdf5, "no net.layers"),
        (_structure_without_weights, "not the weights of a DnCNN"),
        (_other_layers, "type 'pool' does not belong"),
        (_two_convolutions, "at least 3 convolutions"),
        (_norm_in_some_layers, "all but the first and last or after none"),
        (_large_kernel, r"convolution 2 must be \(3, 3, 5, 5\)"),
        (_no_numbers, "weights must be finite numbers. Received: NaN or infinity in conv_3"),
        (_too_large_when_normalised, "weights must be finite numbers. Received: NaN or infinity in conv_2, normalised"),
        (_truncated, "damaged"),
    ],
)
def test_file_of_another_kind_is_refused_in_one_line(tmp_path, write, message):
    write(tmp_path / "net.mat")
    with pytest.raises(ConversionError, match=rf"net\.mat: .*{message}") as failure:
        convert_weights(tmp_path / "net.mat")
    assert "\n" not in str(failure.value)


def test_missing_file_and_other_endings(tmp_path):
    with pytest.raises(ConversionError, match="no such file"):
        convert_weights(tmp_path / "net.mat")
    with pytest.raises(ConversionError, match=r"end in \.mat .* or \.pth"):
        convert_weights(tmp_path / "net.onnx")


def test_a_model_is_written_whole_and_replaces_nothing_unasked(tmp_path):
    write_matconvnet(tmp_path / "net.mat", random_layers(4, 5, 1, norms=False))
    model = convert_weights(tmp_path / "net.mat", tmp_path / "net.keras")
    noisy = noisy_image(1)[None]
    np.testing.assert_array_equal(load_model(tmp_path / "net.keras")(noisy), model(noisy))
    before = (tmp_path / "net.keras").read_bytes()
    with pytest.raises(ConversionError, match="exists already; give `overwrite` or another name"):
        convert_weights(tmp_path / "net.mat", tmp_path / "net.keras")
    assert (tmp_path / "net.keras").read_bytes() == before
    convert_weights(tmp_path / "net.mat", str(tmp_path / "net.keras"), overwrite=True)
    with pytest.raises(OptionError, match=r"must end in \.keras\. Received: .*net\.h5"):
        convert_weights(tmp_path / "net.mat", tmp_path / "net.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.keras", "net.mat"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory, dncnn_tf):
    """The finished command in a folder with a network and a text file."""
    folder = tmp_path_factory.mktemp("convert")
    write_matconvnet(folder / "net.mat", random_layers(4, 5, 1, norms=True))
    _text(folder / "text.mat")
    return folder, dncnn_tf("convert", "net.mat", "-o", "net.keras", cwd=folder)


def test_command_writes_a_model(converted):
    folder, finished = converted
    assert (finished.returncode, finished.stdout) == (0, "net.keras\n"), finished.stderr
    assert zipfile.is_zipfile(folder / "net.keras")
    output = keras.ops.convert_to_numpy(keras.saving.load_model(folder / "net.keras")(noisy_image(1)[None]))[0]
    expected = restored(random_layers(4, 5, 1, norms=True), noisy_image(1))
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_command_replaces_nothing_unasked(converted, dncnn_tf):
    folder, _ = converted
    before = (folder / "net.keras").read_bytes()
    finished = dncnn_tf("convert", "net.mat", "-o", "net.keras", cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr == "error: net.keras: exists already; give --overwrite or another name\n"
    assert (folder / "net.keras").read_bytes() == before


def test_command_leaves_nothing_behind_on_failure(converted, dncnn_tf, dncnn_tf_here, monkeypatch):
    folder, _ = converted
    finished = dncnn_tf("convert", "text.mat", "-o", "text.keras", cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith("error: text.mat: not a MATLAB 7.3 file")
    assert "Traceback" not in finished.stderr
    _no_numbers(folder / "nan.mat")
    monkeypatch.chdir(folder)
    finished = dncnn_tf_here("convert", "nan.mat", "-o", "nan.keras")
    assert (finished.returncode, finished.stdout, finished.stderr.count("\n")) == (1, "", 1)
    assert "error: nan.mat: not the weights of a DnCNN (weights must be finite numbers" in finished.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["nan.mat", "net.keras", "net.mat", "text.mat"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["net.mat"], 2, "Missing option '-o'"),
        (["net.mat", "-o", "net.h5"], 2, "must end in .keras"),
        (["net.mat", "-o", "missing/net.keras"], 1, "there is no folder missing"),
    ],
)
def test_command_checks_its_target_first(tmp_path, dncnn_tf, arguments, status, message):
    finished = dncnn_tf("convert", *arguments, cwd=tmp_path)
    assert finished.returncode == status
    assert message in finished.stderr


@pytest.mark.data
def test_released_networks_agree_with_one_another():
    """The same network three times: batch normalisation merged, not merged, and as PyTorch has it."""
    weights = Path(os.environ["DNCNN_TF_DATA"]).parent / "reference/weights"
    files = [weights / "dncnn_s_sigma25.mat", weights / "dncnn_s_sigma25_bnorm.mat"]
    if importlib.util.find_spec("torch"):
        files.append(weights / "kair_dncnn_25.pth")
    noisy = np.random.default_rng(0).uniform(0, 1, (1, 64, 48, 1)).astype(np.float32)
    outputs = [keras.ops.convert_to_numpy(convert_weights(file)(noisy, training=False)) for file in files]
    for output in outputs[1:]:
        np.testing.assert_allclose(output, outputs[0], atol=1e-5)
    assert [model_config(convert_weights(file)).batch_norm for file in files[:2]] == [False, True]
