"""int8: rounded as it says, near the network in floating point, and refused where it cannot be."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import zlib

import numpy as np
import pytest
from helpers.models import trained_like
from helpers.processor import needs_int8
from onnx import load_model_from_string
from onnx.reference import ReferenceEvaluator

from dncnn_tf import OptionError, denoise
from dncnn_tf.data.datasets import resolve
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.engines import available
from dncnn_tf.engines.calibration import calibrated
from dncnn_tf.engines.int8 import in_int8, kernels_of_ranges
from dncnn_tf.engines.onnx_graph import onnx_model
from dncnn_tf.engines.onnxruntime_engine import OnnxRuntimeEngine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.engines.openvino_engine import OpenVINOEngine
from dncnn_tf.engines.precision import cpu_has_int8
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.metrics import psnr
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.export.exports import export_onnx, export_saved_model
from dncnn_tf.export.samples import noisy_photograph
from dncnn_tf.models.calibration import calibration_file, int8_models, read_calibrations, write_calibrations
from dncnn_tf.models.cards import PRETRAINED, ModelError
from dncnn_tf.models.dncnn import to_network
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network


@pytest.fixture(scope="module")
def model():
    return trained_like(channels=3)


@pytest.fixture(scope="module")
def network(model):
    clean, noisy = noisy_photograph(3)
    return calibrated(to_network(model), [noisy[:, :64, :64], clean[:, 64:128, :64]])


def reference(graph: bytes, noisy: np.ndarray) -> np.ndarray:
    """By ONNX's own evaluator, which knows the rounding from version 19 on; it is the same before."""
    model = load_model_from_string(graph)
    model.opset_import[0].version = 19
    return ReferenceEvaluator(model).run(["denoised"], {"noisy": noisy})[0]


def test_kernels_are_the_network_s_to_a_step(network) -> None:
    """Multiplied out again, with ranges taken back."""
    rounded = in_int8(network, network.calibration)
    ranges = [*network.calibration.ranges, np.ones(3, np.float32)]
    for i, (kernel, scale) in enumerate(zip(rounded.kernels, rounded.scales, strict=True)):
        assert kernel.dtype == np.int8
        assert (np.abs(kernel.astype(int)).max(axis=(0, 1, 2)) > 60).all()
        exact = network.kernels[i + 1] * ranges[i][:, None] / ranges[i + 1]
        assert (np.abs(kernel * scale - exact) <= 1.001 * scale).all()


def test_no_sum_of_two_products_is_beyond_16_bits(network) -> None:
    """Of features as large as they get: AVX2 would cut it off. With the finest steps of 8 bits some would be."""

    def largest_sum(kernel: np.ndarray) -> int:
        pairs = kernel.astype(int).reshape(3, 3, -1, 2, kernel.shape[-1])
        return 255 * max(abs(pairs.clip(*ends).sum(axis=3)).max() for ends in ((0, None), (None, 0)))

    rounded = in_int8(network, network.calibration)
    exact = kernels_of_ranges(network, network.calibration.ranges)[1:]
    finest = [np.abs(kernel).max(axis=(0, 1, 2)) / 127 for kernel in exact]
    assert max(largest_sum(np.rint(kernel / step)) for kernel, step in zip(exact, finest, strict=True)) > 2**15
    for kernel, scale, step in zip(rounded.kernels, rounded.scales, finest, strict=True):
        assert 0.9 * 2**15 < largest_sum(kernel) < 2**15
        assert (scale < 2 * step).all()


def test_a_channel_without_a_neighbour_counts_alone() -> None:
    narrow = to_network(trained_like(filters=1))
    narrow = calibrated(narrow, [noisy_photograph(1)[1][:, :32, :32]])
    for kernel in in_int8(narrow, narrow.calibration).kernels:
        assert np.abs(kernel.astype(int)).max() == 127


def test_what_is_written_rounds_kernels_as_what_was_measured(network, tmp_path) -> None:
    """To the last tap, although a file has fewer digits."""
    weights = tmp_path / "m.weights.h5"
    weights.write_bytes(b"any")
    write_calibrations(weights, [network.calibration])
    (read,) = read_calibrations(weights, network.config)
    measured, kept = (in_int8(network, calibration) for calibration in (network.calibration, read))
    for one, other in zip(measured.kernels, kept.kernels, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_graph_is_the_same_arithmetic_everywhere(network) -> None:
    """ONNX's own evaluator, ONNX Runtime and OpenVINO."""
    graph = onnx_model(network, int8=True)
    noisy = noisy_photograph(3)[1][:, :23, :31]
    expected = reference(graph, noisy)
    for engine in (OnnxRuntimeEngine, OpenVINOEngine):
        np.testing.assert_allclose(engine(graph, 3, 4)(noisy), expected, atol=1 / 255)


def test_shifts_keep_the_mean_of_the_residual(network) -> None:
    noisy = noisy_photograph(3)[1][:, :64, :64]
    bare = dataclasses.replace(network.calibration, shifts=tuple(0 * each for each in network.calibration.shifts))

    def bias(of) -> float:
        denoised, exact = reference(onnx_model(of, int8=True), noisy), reference(onnx_model(network), noisy)
        return np.abs((denoised - exact).mean(axis=(0, 1, 2))).max()

    assert bias(network) < bias(dataclasses.replace(network, calibration=bare))


def test_an_export_in_int8_is_kept_and_runs_by_its_path(model, tmp_path) -> None:
    kept = export_onnx(model, tmp_path, name="m", quantize="int8")
    assert kept.path == tmp_path / "m/m-int8.onnx"
    assert kept.size < 0.6 * export_onnx(model, tmp_path, name="m").size
    assert 0 < kept.difference < 0.1
    noisy = noisy_photograph(3)[1][:, :33, :40]
    both = [open_engine(kept.path, engine=engine)(noisy) for engine in ("openvino", "onnxruntime")]
    np.testing.assert_allclose(*both, atol=1 / 255)
    np.testing.assert_allclose(open_engine(kept.path, precision="int8")(noisy), both[0])
    with pytest.raises(ModelError, match="keeps the precision it was exported with, int8"):
        open_engine(kept.path, precision="bfloat16")


@pytest.mark.parametrize(("write", "option"), [(export_onnx, "quantize"), (export_saved_model, "precision")])
def test_what_a_format_has_not_is_refused(model, tmp_path, write, option) -> None:
    refused = {"quantize": "float16", "precision": "int8"}[option]
    with pytest.raises(OptionError, match=f"`{option}` of .* must be .*Received: {refused}"):
        write(model, tmp_path, name="m", **{option: refused})


@needs_int8
@pytest.mark.parametrize("name", int8_models())
def test_shipped_models_keep_pictures_noisy_and_clean(name) -> None:
    """All are calibrated for the weights in the box; a clean picture stays within what 45 dB allow."""
    engine, exact = (open_engine(name, engine="openvino", precision=each) for each in ("int8", "float32"))
    clean, noisy = (each[:, 200:328, 200:328] for each in noisy_photograph(engine.channels))
    if not name.startswith("dncnn-s"):
        assert psnr(clean, engine(clean).clip(0, 1), peak=1) > min(45, psnr(clean, exact(clean).clip(0, 1), peak=1) - 1)
    sigma = int(name[8:]) if name.startswith("dncnn-s") else 25
    noisy = add_gaussian_noise(clean, sigma, np.random.default_rng(0))
    loss = psnr(clean, exact(noisy), peak=1) - psnr(clean, engine(noisy), peak=1)
    assert loss < (0.12 if engine.channels == 3 else 0.06)


@needs_int8
@pytest.mark.data
@pytest.mark.parametrize(("name", "data", "bound"), [("dncnn-b", "bsd68", 0.05), ("cdncnn-b", "cbsd68", 0.12)])
def test_loss_on_a_published_set(name, data, bound) -> None:
    files = resolve(data)[::17]
    scores = [
        evaluate(name, files, Setting("denoise", 25), precision=precision).psnr for precision in ("float32", "int8")
    ]
    assert scores[0] - scores[1] < bound


@needs_int8
def test_models_without_calibration_are_refused_in_one_line(model, tmp_path) -> None:
    model.save(tmp_path / "m.keras")
    assert "dncnn-b" in int8_models()
    for source in (model, tmp_path / "m.keras"):
        with pytest.raises(
            ModelError, match=r"no ranges for int8, which come with dncnn-s-15, .*as ONNX with `quantize` int8"
        ):
            open_engine(source, precision="int8")


@needs_int8
def test_an_engine_without_int8_is_refused() -> None:
    with pytest.raises(ModelError, match=r"dncnn-b in int8 runs in openvino\. Received: onnxruntime"):
        open_engine("dncnn-b", engine="onnxruntime", precision="int8")


def test_a_processor_without_int8_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(available, "cpu_has_int8", lambda: False)
    with pytest.raises(ModelError, match=r"int8 is for processors .*\(AVX2, VNNI or AMX\), which this one does not"):
        denoise(np.zeros((8, 8), np.uint8), "dncnn-b", precision="int8")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("avx512f avx512_vnni", True),
        ("avx2 avx_vnni", True),
        ("avx_vnni", True),
        ("amx_int8", True),
        ("avx avx2 avx512f", True),
        ("avx512f avx512_bf16", False),
        ("avx sse4_2", False),
    ],
)
def test_flags_of_the_processor(tmp_path, flags, expected) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
    assert cpu_has_int8(tmp_path / "cpuinfo") == expected


def changed(card: dict, **changes) -> dict:
    """The file with something else in its last calibration."""
    *others, last = card["calibrations"]
    return card | {"calibrations": [*others, last | {key: change(last[key]) for key, change in changes.items()}]}


def bits_of_zeros(count: int) -> str:
    return base64.b64encode(zlib.compress(bytes(count // 8))).decode()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda card: card | {"sha256": "0" * 64}, "is of other weights"),
        (lambda card: changed(card, ranges=lambda ranges: ranges[:-1]), "not what int8 needs"),
        (lambda card: changed(card, ranges=lambda ranges: [[0.0] * 64, *ranges[1:]]), "not what int8 needs"),
        (lambda card: changed(card, ranges=lambda ranges: [[float("nan")] * 64, *ranges[1:]]), "not what int8 needs"),
        (lambda card: changed(card, shifts=lambda shifts: [["1"] * 64, *shifts[1:]]), "not what int8 needs"),
        (lambda card: changed(card, shifts=lambda shifts: 3), "not what int8 needs"),
        (lambda card: changed(card, away=lambda text: text[:-8]), "not what int8 needs"),
        (lambda card: changed(card, away=lambda text: "é" + text), "not what int8 needs"),
        (lambda card: changed(card, away=lambda text: None), "not what int8 needs"),
        (lambda card: changed(card, away=lambda text: bits_of_zeros(1_000)), "not what int8 needs"),
        (lambda card: changed(card, away=lambda text: bits_of_zeros(100_000_000)), "not what int8 needs"),
        (lambda card: changed(card, roughness=lambda bound: "31"), "not what int8 needs"),
        (lambda card: changed(card, roughness=lambda bound: 31), "not what int8 needs"),  # nothing for rougher ones
        (lambda card: card | {"calibrations": 2 * card["calibrations"]}, "not what int8 needs"),
        (lambda card: card | {"calibrations": []}, "not what int8 needs"),
        (lambda card: card | {"calibrations": None}, "not what int8 needs"),
        (lambda card: [], "not a model card"),
    ],
)
def test_a_damaged_calibration_costs_int8_alone(tmp_path, spoil, said) -> None:
    for file in PRETRAINED.glob("dncnn-s-15.*"):
        shutil.copy(file, tmp_path)
    weights = tmp_path / "dncnn-s-15.weights.h5"
    config = read_network(find_source(weights)).config
    assert read_calibrations(weights, config)[-1].ranges[0].shape == (64,)
    card = calibration_file(weights)
    card.write_text(json.dumps(spoil(json.loads(card.read_text()))))
    with pytest.raises(ModelError, match=said):
        read_calibrations(weights, config)
    assert read_network(find_source(weights)).calibration is None
