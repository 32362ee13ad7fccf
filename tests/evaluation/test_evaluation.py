"""The protocol, with engines whose output is known, against scikit-image and Pillow; then the real command."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from dncnn_tf.config import RECIPES, ModelConfig, TrainConfig
from dncnn_tf.data.datasets import resolve
from dncnn_tf.data.degradations import bicubic_down_up
from dncnn_tf.errors import DnCNNError, OptionError
from dncnn_tf.evaluation.measuring import evaluate, evaluate_image
from dncnn_tf.evaluation.paper import TABLE_5, paper_figure, paper_model_of
from dncnn_tf.evaluation.protocol import degraded_pair
from dncnn_tf.evaluation.report import EvaluationReport
from dncnn_tf.evaluation.results import EvaluationError, evaluation_json
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.files import write_json
from dncnn_tf.models.cards import shipped_models
from dncnn_tf.models.dncnn import build_dncnn

GREY, RGB = skimage.data.camera()[:90, 100:250], skimage.data.astronaut()[:101, 100:247]


class Identity:
    """A network that changes nothing."""

    receptive_radius = 0

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        assert noisy.dtype == np.float32
        assert noisy.shape[-1] == self.channels
        return noisy


class Broken(Identity):
    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        return noisy * np.nan


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photo(tmp_path) -> Path:
    return save(tmp_path / "photo.png", GREY)


def noise_of(path: Path, sigma: float, **options: object) -> np.ndarray:
    clean, noisy = degraded_pair(path, 1, Setting("denoise", sigma, **options))
    return noisy - clean


def test_noise_has_the_level_asked_for_and_is_neither_clipped_nor_rounded(photo):
    clean, noisy = degraded_pair(photo, 1, Setting("denoise", 50))
    assert noisy.dtype == np.float32
    np.testing.assert_array_equal(clean[..., 0], GREY.astype(np.float32) / 255)
    assert np.std(noisy - clean) * 255 == pytest.approx(50, rel=0.02)
    assert abs(np.mean(noisy - clean) * 255) < 4 * 50 / np.sqrt(GREY.size)
    assert noisy.min() < 0
    levels = noisy * 255
    assert np.mean(np.abs(levels - levels.round()) < 0.01) < 0.05


def test_noise_depends_on_the_image_and_the_seed_alone(tmp_path, photo):
    other = save(tmp_path / "other.png", GREY)
    files = [photo, other]
    forward = evaluate(Identity(), files, Setting("denoise", 25))
    backward = evaluate(Identity(), files[::-1], Setting("denoise", 25))
    assert {image.name: image for image in forward.images} == {image.name: image for image in backward.images}
    np.testing.assert_array_equal(noise_of(photo, 25), noise_of(photo, 25))
    assert abs(np.corrcoef(noise_of(photo, 25).ravel(), noise_of(other, 25).ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(noise_of(photo, 25).ravel(), noise_of(photo, 25, seed=1).ravel())[0, 1]) < 0.05


def test_denoising_is_scored_on_clipped_8_bit_output(photo):
    score, restoration = evaluate_image(Identity(), photo, Setting("denoise", 25))
    levels = np.clip(restoration.degraded[..., 0] * 255, 0, 255).round()
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(GREY, levels.astype(np.uint8)), abs=1e-9)
    # 8-bit rounding and clipping are visible in the figure: the unclipped noise has 20.17 dB.
    assert score.psnr > 20 * np.log10(255 / 25) + 0.05


def test_colour_is_scored_over_all_channels(tmp_path):
    path = save(tmp_path / "photo.png", RGB)
    score, restoration = evaluate_image(Identity(3), path, Setting("denoise", 25))
    assert restoration.degraded.shape == (*RGB.shape[:2], 3)
    levels = np.clip(restoration.degraded * 255, 0, 255).round().astype(np.uint8)
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(RGB, levels), abs=1e-9)


def test_grey_model_sees_the_luma_of_a_colour_image(tmp_path):
    clean, _ = degraded_pair(save(tmp_path / "photo.png", RGB), 1, Setting("denoise", 0))
    np.testing.assert_allclose(clean[..., 0] * 255, RGB @ [0.299, 0.587, 0.114], atol=0.6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_is_scored_on_unrounded_luminance_without_border(tmp_path, scale):
    score, _ = evaluate_image(Identity(), save(tmp_path / "photo.png", RGB), Setting("super-resolution", scale))
    height, width = (side // scale * scale for side in RGB.shape[:2])
    clean = RGB[:height, :width]
    result = bicubic_down_up(clean.astype(np.float32) / 255, scale)
    inner = np.s_[scale:-scale, scale:-scale]
    reference, result = rgb2ycbcr(clean)[..., 0][inner], rgb2ycbcr(result)[..., 0][inner]
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(reference, result, data_range=255), abs=1e-4)


def test_super_resolution_keeps_grey_images_grey_and_in_8_bits(photo):
    clean, degraded = degraded_pair(photo, 1, Setting("super-resolution", 4))
    np.testing.assert_array_equal((clean[..., 0] * 255).round(), GREY[:88, :148])
    np.testing.assert_allclose(degraded * 255, (degraded * 255).round(), atol=1e-4)


def test_jpeg_is_made_of_rounded_luminance(tmp_path):
    score, restoration = evaluate_image(Identity(), save(tmp_path / "photo.png", RGB), Setting("jpeg", 10))
    reference = rgb2ycbcr(RGB)[..., 0].round().astype(np.uint8)
    np.testing.assert_array_equal((restoration.clean[..., 0] * 255).round(), reference)
    buffer = io.BytesIO()
    Image.fromarray(reference).save(buffer, "JPEG", quality=10)
    assert score.psnr == pytest.approx(peak_signal_noise_ratio(reference, np.asarray(Image.open(buffer))), abs=1e-9)


def test_noisy_files_are_taken_as_they_are(tmp_path, photo):
    (tmp_path / "noisy").mkdir()
    noisy = np.random.default_rng(0).integers(0, 65536, GREY.shape).astype(np.uint16)
    save(tmp_path / "noisy/photo.tif", noisy)
    _, degraded = degraded_pair(photo, 1, Setting("denoise", None, noisy=tmp_path / "noisy"))
    np.testing.assert_allclose(degraded[..., 0], noisy / 65535, atol=1e-7)


def test_noisy_file_must_exist_once_and_fit(tmp_path, photo):
    folder = tmp_path / "noisy"
    folder.mkdir()
    setting = Setting("denoise", None, noisy=folder)
    with pytest.raises(EvaluationError, match=r"photo\.png: .*exactly one noisy image .* Received: none"):
        evaluate_image(Identity(), photo, setting)
    save(folder / "photo.png", GREY[1:])
    with pytest.raises(EvaluationError, match=r"same shape, \(90, 150, 1\)\. Received: \(89, 150, 1\)"):
        evaluate_image(Identity(), photo, setting)
    save(folder / "photo.bmp", GREY)
    with pytest.raises(EvaluationError, match=r"Received: photo\.bmp, photo\.png"):
        evaluate_image(Identity(), photo, setting)


def test_image_that_does_not_fit_is_named(tmp_path, photo):
    with pytest.raises(EvaluationError, match=r"photo\.png: a grey image, but the model is for colour"):
        evaluate_image(Identity(3), photo, Setting("denoise", 25))
    with pytest.raises(EvaluationError, match=r"photo\.png: jpeg is measured on luminance"):
        evaluate_image(Identity(3), save(tmp_path / "photo.png", RGB), Setting("jpeg", 10))
    with pytest.raises(EvaluationError, match=r"dot\.png: SSIM needs at least 11x11 pixels"):
        evaluate_image(Identity(), save(tmp_path / "dot.png", GREY[:1, :1]), Setting("denoise", 25))
    with pytest.raises(EvaluationError, match=r"dot\.png: .*4x4"):
        evaluate_image(Identity(), tmp_path / "dot.png", Setting("super-resolution", 4))
    with pytest.raises(EvaluationError, match=r"photo\.png: .*Received: NaN or infinity in \d+ of \d+ values"):
        evaluate_image(Broken(), save(tmp_path / "photo.png", GREY), Setting("denoise", 25))


def test_one_bad_file_does_not_stop_the_others(tmp_path, photo):
    bad = tmp_path / "bad.png"
    bad.write_text("text")
    failures = []
    result = evaluate(Identity(), [bad, photo], Setting("denoise", 25), on_failure=failures.append)
    assert [image.name for image in result.images] == ["photo"]
    assert str(failures[0]).startswith(f"{bad}: ")
    with pytest.raises(EvaluationError, match="no image could be evaluated"):
        evaluate(Identity(), [bad], Setting("denoise", 25), on_failure=failures.append)


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


def test_json_has_no_infinity_and_says_all_that_made_the_figures(photo):
    settings = Setting.each("denoise", sigma=[0, 25, 0], seed=3)
    assert [setting.degree for setting in settings] == [0, 25]
    content = evaluation_json([evaluate(Identity(), [photo], setting) for setting in settings])
    assert [result["level"] for result in content["results"]] == [0, 25]
    assert content["results"][0]["psnr"] is None
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["settings"] == {"model": "Identity", "precision": "float32", "seed": 3, "noisy": None}
    assert content["protocol"].keys() == {"denoise", "psnr", "ssim"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Setting("denoise", None), "`task` denoise needs `sigma`"),
        (lambda: Setting("denoise", 256), "`sigma` must be a number from 0 to 255. Received: 256"),
        (lambda: Setting("denoise", float("nan")), "`sigma` must be a number"),
        (lambda: Setting("super-resolution", 2.5), "`scale` must be a whole number"),
        (lambda: Setting("jpeg", 0), "`quality` must be a whole number from 1 to 100. Received: 0"),
        (lambda: Setting("blur", 1), "`task` must be one of denoise, super-resolution, jpeg. Received: blur"),
        (lambda: Setting("denoise", 25, noisy=Path("noisy")), "`noisy` brings its own noise"),
        (lambda: Setting("jpeg", None, noisy=Path("noisy")), "`noisy` brings its own noise"),
        (lambda: Setting.each("jpeg", sigma=[25]), "`sigma` does not belong to `task` jpeg; give `quality`"),
        (lambda: Setting.each("jpeg"), "`task` jpeg needs `quality`"),
    ],
)
def test_what_does_not_go_together_is_refused(make, message):
    with pytest.raises(OptionError) as refused:
        make()
    assert message in str(refused.value)


def test_a_colour_model_is_refused_for_luminance_before_any_image(photo):
    with pytest.raises(EvaluationError, match="a colour model, but jpeg is measured on luminance"):
        evaluate(Identity(3), [photo], Setting("jpeg", 10), on_failure=lambda failure: None)


@pytest.mark.parametrize("model", ["DnCNN-S", "DnCNN-B"])
@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_table_3_averages_its_images(model, sigma):
    figure = paper_figure(model, "denoise", "set12", sigma)
    assert np.mean(list(figure.images.values())) == pytest.approx(figure.psnr, abs=0.005)  # images have two digits


def test_table_5_is_complete():
    assert sum(len(degrees) for sets in TABLE_5.values() for degrees in sets.values()) == 3 + 12 + 8


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


def test_what_the_network_was_given_is_scored_as_what_it_made(photo):
    score, restoration = evaluate_image(Identity(), photo, Setting("denoise", 25))
    assert (score.input_psnr, score.input_ssim) == (score.psnr, score.ssim)

    class Halving(Identity):
        def __call__(self, noisy: np.ndarray) -> np.ndarray:
            return noisy / 2

    halved, _ = evaluate_image(Halving(), photo, Setting("denoise", 25))
    levels = np.clip(restoration.degraded[..., 0] * 255, 0, 255).round().astype(np.uint8)
    assert halved.input_psnr == pytest.approx(peak_signal_noise_ratio(GREY, levels), abs=1e-9)
    assert halved.psnr < halved.input_psnr


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


def test_a_report_replaces_no_report_unasked_and_nothing_else(tmp_path):
    (tmp_path / "0001-clean.png").write_text("mine")
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(DnCNNError, match=r"index\.html: exists already"):
        EvaluationReport(tmp_path)
    EvaluationReport(tmp_path, overwrite=True).write("title")
    assert "<title>title</title>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "0001-clean.png").read_text() == "mine"
    late = EvaluationReport(tmp_path / "other")
    (tmp_path / "other/index.html").write_text("mine")
    with pytest.raises(FileExistsError):  # written by another meanwhile
        late.write("title")
    assert (tmp_path / "other/index.html").read_text() == "mine"
