"""The paper's figures: beside which they stand, and what its authors' released weights measure here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.measuring import GREY, Identity, save

from dncnn_tf.config import RECIPES, TrainConfig
from dncnn_tf.data.datasets import resolve
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.paper import TABLE_5, paper_figure, paper_model_of
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import shipped_models


def test_paper_figures_belong_to_the_model_that_corresponds():
    assert paper_figure("DnCNN-S", "denoise", "bsd68", 25.0).psnr == 29.23
    assert paper_figure("DnCNN-B", "denoise", "bsd68", 25.0).psnr == 29.16
    assert paper_figure("DnCNN-3", "denoise", "bsd68", 25.0).psnr == 29.02
    assert paper_figure("DnCNN-B", "jpeg", "live1", 40).ssim == 0.9247
    assert paper_figure("CDnCNN-B", "denoise", "cbsd68", 50.0).psnr == 27.92
    assert paper_figure("DnCNN-S", "denoise", "bsd68", 30.0) is None
    assert paper_figure("DnCNN-S", "denoise", "photos", 25.0) is None
    assert paper_figure("CDnCNN-B", "denoise", "bsd68", 25.0) is None


def test_what_a_model_was_trained_for_tells_which_of_the_papers_it_corresponds_to(tmp_path):
    corresponding = {"dncnn-s": "DnCNN-S", "dncnn-b": "DnCNN-B", "cdncnn-b": "CDnCNN-B", "dncnn-3": "DnCNN-3"}
    for name in shipped_models():
        if (kind := name.rstrip("0125-") if "-s-" in name else name) in corresponding:
            assert paper_model_of(name) == corresponding[kind]
    blind = RECIPES["dncnn-b"]
    pairs = TrainConfig(task="pairs", noisy_data="noisy", data="clean")
    runs = {"dncnn-3-of-old": (blind, "DnCNN-B"), "mine": (RECIPES["dncnn-3"], "DnCNN-3"), "camera": (pairs, None)}
    for folder, (config, expected) in runs.items():
        (tmp_path / folder).mkdir()
        write_json(tmp_path / folder / "config.json", config.to_dict())
        assert paper_model_of(tmp_path / folder) == expected
        assert paper_model_of(tmp_path / folder / "best.keras") == expected
    assert paper_model_of(tmp_path / "dncnn-3.keras") is None  # a name proves nothing
    assert paper_model_of(tmp_path / "exported/dncnn-3") is None


@pytest.fixture
def set12(tmp_path, monkeypatch) -> Path:
    """A folder that passes for Set12."""
    folder = tmp_path / "test/set12"
    folder.mkdir(parents=True)
    for i in range(1, 13):
        save(folder / f"{i:02d}.png", GREY[:16, :16])
    monkeypatch.setenv("DNCNN_TF_DATA", str(tmp_path))
    return folder


def test_the_papers_model_may_be_told(set12):
    assert evaluate(Identity(), "set12", Setting("denoise", 25)).paper is None
    told = evaluate(Identity(), "set12", Setting("denoise", 25), paper_model="DnCNN-S")
    assert told.table()[0] == ["image", "input PSNR", "PSNR", "input SSIM", "SSIM", "paper (DnCNN-S)"]
    assert [row[-1] for row in told.table()[1:]] == [*(f"{psnr:.2f}" for psnr in told.paper.images.values()), "30.44"]
    assert told.to_json()["paper_model"] == "DnCNN-S"
    assert told.to_json()["images"][0]["paper_psnr"] == told.paper.images["01"]


def test_a_figure_for_other_images_is_not_beside_the_papers(set12):
    (set12 / "07.png").write_text("text")
    failed = []
    result = evaluate(Identity(), "set12", Setting("denoise", 25), paper_model="DnCNN-S", on_failure=failed.append)
    assert (result.paper, list(result.failures)) == (None, failed)


def test_progress_counts_every_image_also_the_bad_ones(set12):
    (set12 / "07.png").write_text("text")
    counted = []
    evaluate(
        Identity(),
        "set12",
        Setting("denoise", 25),
        on_failure=lambda failure: None,
        progress=lambda done, total: counted.append((done, total)),
    )
    assert counted == [(i, 12) for i in range(1, 13)]


@pytest.mark.parametrize("model", ["DnCNN-S", "DnCNN-B"])
@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_table_3_averages_its_images(model, sigma):
    figure = paper_figure(model, "denoise", "set12", sigma)
    assert np.mean(list(figure.images.values())) == pytest.approx(figure.psnr, abs=0.005)  # images have two digits


def test_table_5_is_complete():
    assert sum(len(degrees) for sets in TABLE_5.values() for degrees in sets.values()) == 3 + 12 + 8


# With the authors' released weights.

# Every image of every cell, measured with them; benchmarks/paper/paper_tables.md has it beside the paper.
MEASURED = json.loads((Path(__file__).parents[2] / "benchmarks/paper/paper_tables.json").read_text(encoding="utf-8"))


def require_as_measured(result, cell):
    """The same figures as in the table: noise is seeded, so only rounding in another build may differ."""
    for image, stored in zip(result.images, MEASURED[cell]["images"], strict=True):
        assert image.name == stored["name"]
        assert image.psnr == pytest.approx(stored["psnr"], abs=0.005), image.name
        assert image.ssim == pytest.approx(stored["ssim"], abs=0.0002), image.name


@pytest.fixture(scope="module")
def released():
    from dncnn_tf.engines.opening import open_engine
    from dncnn_tf.models.conversion import convert_weights

    weights = Path(os.environ["DNCNN_TF_DATA"]).parent / "reference/weights"
    return lambda name: open_engine(convert_weights(weights / f"{name}.mat"), precision="float32")


@pytest.mark.data
@pytest.mark.parametrize(("name", "model"), [("dncnn_s_sigma25", "DnCNN-S"), ("dncnn_b", "DnCNN-B")])
def test_table_3_on_each_image(released, name, model):
    result = evaluate(released(name), resolve("set12"), Setting("denoise", 25))
    require_as_measured(result, f"{name} denoise set12 25 seed 0")
    paper = paper_figure(model, "denoise", "set12", 25)
    for image in paper.images:
        draws = [
            stored["psnr"]
            for seed in range(10)
            for stored in MEASURED[f"{name} denoise set12 25 seed {seed}"]["images"]
            if stored["name"] == image
        ]
        assert paper.images[image] == pytest.approx(np.mean(draws), abs=0.02 + 3 * np.std(draws)), image


@pytest.mark.data
@pytest.mark.parametrize(("task", "data", "degree"), [("super-resolution", "set5", 3), ("jpeg", "classic5", 10)])
def test_table_5(released, task, data, degree):
    result = evaluate(released("dncnn_3"), resolve(data), Setting(task, degree))
    require_as_measured(result, f"dncnn_3 {task} {data} {degree} seed 0")
    psnr, ssim = TABLE_5[task][data][degree]
    assert result.psnr == pytest.approx(psnr, abs=0.02)
    assert result.ssim == pytest.approx(ssim, abs=0.0005)
