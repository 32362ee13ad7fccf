"""What "auto" stands for: by the processor where networks run, by the GPU too where they are trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from dncnn_tf import OptionError, open_engine
from dncnn_tf.engines import precision
from dncnn_tf.engines.openvino_alone import openvino
from dncnn_tf.engines.precision import (
    bfloat16_is_fast,
    cpu_has_bfloat16,
    fastest_for_engines,
    openvino_has_bfloat16,
    training_precision,
)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fma avx512f avx512_bf16 sse", True), ("amx_bf16 amx_tile", True), ("avx512f avx512_bf16x", False), ("", False)],
)
def test_flags_of_the_processor(tmp_path, flags, expected) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: fpu {flags}\n\nprocessor : 1\n")
    assert cpu_has_bfloat16(tmp_path / "cpuinfo") is expected
    assert bfloat16_is_fast(tmp_path / "cpuinfo") is expected
    assert not cpu_has_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(
    ("flags", "expected"), [("avx512f avx512bw", True), ("amx_bf16", True), ("avx2 fma", False), ("avx512f", False)]
)
def test_flags_for_bfloat16_by_openvino(tmp_path, flags, expected) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
    assert openvino_has_bfloat16(tmp_path / "cpuinfo") is expected


def test_openvino_says_the_same_of_this_processor() -> None:
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert openvino_has_bfloat16() == ("BF16" in capabilities)


@pytest.mark.parametrize(("generation", "expected"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_a_gpu_decides_for_training_alone(monkeypatch, generation, expected) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: {"compute_capability": generation})
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda cpuinfo=Path(): False)
    assert (training_precision("auto"), fastest_for_engines()) == (expected, "float32")
    assert [training_precision(each) for each in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_another_precision_is_refused() -> None:
    with pytest.raises(
        OptionError, match=r'`precision` must be "auto", "float32", "bfloat16" or "int8"\. Received: float16'
    ):
        open_engine("dncnn-b", precision="float16")
