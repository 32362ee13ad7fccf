"""`dncnn-tf evaluate`: tables, JSON and the report."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from helpers.measuring import GREY, RGB, save
from PIL import Image

from dncnn_tf.config import ModelConfig
from dncnn_tf.errors import DnCNNError
from dncnn_tf.evaluation.report import EvaluationReport
from dncnn_tf.models.dncnn import build_dncnn


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, dncnn_tf):
    """A folder with an untrained model, two photographs and a broken one, and the command's run over them."""
    folder = tmp_path_factory.mktemp("evaluate")
    build_dncnn(ModelConfig(depth=3, filters=4), seed=0).save(folder / "tiny.keras")
    (folder / "photos").mkdir()
    save(folder / "photos/a.png", GREY)
    save(folder / "photos/b.png", RGB)
    (folder / "photos/c.png").write_bytes((folder / "photos/b.png").read_bytes()[:3000])
    arguments = "evaluate --model tiny.keras --data photos --sigma 15 --sigma 25 --json out.json --report report"
    return folder, dncnn_tf(*arguments.split(), cwd=folder)


def test_command_goes_on_after_a_bad_file_and_fails_in_the_end(workshop):
    _, finished = workshop
    assert finished.returncode == 1
    assert "error: photos/c.png: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_command_shows_a_table_for_each_level(workshop):
    _, finished = workshop
    results = json.loads((workshop[0] / "out.json").read_text(encoding="utf-8"))["results"]
    for result in results:
        for name, figures in [(image["name"], image) for image in result["images"]] + [("average", result)]:
            cells = [f"{figures['input_psnr']:.2f}", f"{figures['psnr']:.2f}"]
            cells += [f"{figures['input_ssim']:.4f}", f"{figures['ssim']:.4f}"]
            assert [name, *cells] in map(str.split, finished.stdout.splitlines())
    assert [result["level"] for result in results] == [15, 25]


def test_command_writes_figures_protocol_and_versions(workshop):
    content = json.loads((workshop[0] / "out.json").read_text(encoding="utf-8"))
    for result in content["results"]:
        assert [image["name"] for image in result["images"]] == ["a", "b"]
        assert result["psnr"] == pytest.approx(np.mean([image["psnr"] for image in result["images"]]))
        assert (result["task"], result["data"], result["paper_psnr"]) == ("denoise", "photos", None)
    assert content["settings"] == {"model": "tiny.keras", "precision": "float32", "seed": 0, "noisy": None}
    assert "neither clipped nor rounded" in content["protocol"]["denoise"]["input"]
    assert {"python", "keras", "numpy", "pillow", "scikit-image"} <= content["versions"].keys()


def test_report_is_one_file_with_every_picture(workshop):
    report = workshop[0] / "report"
    assert [file.name for file in report.iterdir()] == ["index.html"]
    page = (report / "index.html").read_text(encoding="utf-8")
    entries = json.loads(re.search(r'id="entries">(.*)</script>', page)[1])
    assert [entry["name"] for entry in entries] == ["a", "b", "a", "b"]
    pictures = dict(re.findall(r'<script type="text/plain" id="(\w+)">([^<]+)</script>', page))
    assert len(pictures) == 2 * 2 * 2 + 2  # of each degree and image, input and output; clean is the same
    for entry in entries:
        assert list(entry["files"]) == ["input", "output", "clean"]
        assert {*entry["files"].values()} <= {*pictures}
    clean = Image.open(io.BytesIO(base64.b64decode(pictures[entries[2]["files"]["clean"]])))
    np.testing.assert_array_equal(np.asarray(clean), GREY)
    assert page.count("<table>") == 2
    assert '<button type="button">input PSNR</button>' in page
    assert page.count('<img src="data:image/jpeg;base64,') == 4


def test_command_measures_the_same_alone_and_prints_json(workshop, dncnn_tf):
    folder, _ = workshop
    (folder / "one").mkdir()
    save(folder / "one/b.png", RGB)
    finished = dncnn_tf("evaluate", "--model", "tiny.keras", "--data", "one", "--sigma", 25, "--json", "-", cwd=folder)
    assert finished.returncode == 0, finished.stderr
    alone = json.loads(finished.stdout)["results"][0]["images"][0]
    among_others = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"][1]["images"][1]
    assert alone == among_others


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("", 2, "--task denoise needs --sigma"),
        ("--task jpeg --sigma 25", 2, "--sigma does not belong to --task jpeg; give --quality"),
        ("--task super-resolution --scale 5", 2, "'5' is not one of"),
        ("--sigma 256", 2, "from 0 to 255"),
        ("--sigma 25 --noisy photos", 2, "--noisy brings its own noise"),
        ("--sigma 25 --json out.json", 1, "error: out.json: exists already; give --overwrite"),
        ("--sigma 25 --json no/out.json", 1, "error: no/out.json: there is no folder no"),
    ],
)
def test_command_refuses_what_does_not_go_together(workshop, dncnn_tf, arguments, status, message):
    folder, _ = workshop
    finished = dncnn_tf("evaluate", "--model", "tiny.keras", "--data", "photos", *arguments.split(), cwd=folder)
    assert finished.returncode == status
    assert message in finished.stderr
    assert finished.stdout == ""


def test_a_report_replaces_no_report_unasked_and_nothing_else(tmp_path):
    (tmp_path / "0001-clean.png").write_text("mine")
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(DnCNNError, match=r"index\.html: exists already"):
        EvaluationReport(tmp_path)
    EvaluationReport(str(tmp_path), overwrite=True).write("title")
    assert "<title>title</title>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "0001-clean.png").read_text() == "mine"
    late = EvaluationReport(tmp_path / "other")
    (tmp_path / "other/index.html").write_text("mine")
    with pytest.raises(FileExistsError):  # written by another meanwhile
        late.write("title")
    assert (tmp_path / "other/index.html").read_text() == "mine"
