"""Real photographs: how much of a camera's noise goes, and what stays of clean pictures.

    pip install bm3d opencv-python-headless
    DNCNN_TF_DATA=DIR dncnn-tf finetune --pairs DIR/pairs/polyu/tune/noisy DIR/pairs/polyu/tune/clean \\
        --model dncnn-photo --output runs/finetuned-photo
    DNCNN_TF_DATA=DIR python -m benchmarks.quality.photographs --finetuned runs/finetuned-photo

PolyU's pairs for measuring come from three cameras that none of those for tuning come from. Their license is for
non-commercial research: no weights in the box are trained on them, and no picture of them is shown, so the crops are of
photographs inside scikit-image with simulated noise. Figures are kept and not measured again unless a model has
changed; those of a run fine-tuned from this `dncnn-photo`, too, so that it can be left out.
Results: photographs.json, photographs.md, photographs.png, and docs/images/camera.png for the README.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path

import bm3d
import click
import cv2
import numpy as np
import skimage.color
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf.data import datasets
from dncnn_tf.data.camera.photographs import photograph
from dncnn_tf.data.camera.shots import draw_shot
from dncnn_tf.evaluation.measuring import evaluate
from dncnn_tf.evaluation.metrics import psnr, ssim
from dncnn_tf.evaluation.settings import Setting
from dncnn_tf.files import atomic_path, write_json
from dncnn_tf.models.cards import read_card
from dncnn_tf.restoration.denoising import denoise
from dncnn_tf.restoration.noise import estimate_noise

HERE = Path(__file__).parent
RESULTS, PAGE, PICTURE = HERE / "photographs.json", HERE / "photographs.md", HERE / "photographs.png"
README_PICTURE = HERE.parents[1] / "docs" / "images" / "camera.png"
MODELS = ("cdncnn-b", "dncnn-photo")
STRENGTHS = (3, 5, 10, 15, 20)  # σ, or OpenCV's h
CLEAN_EVERY = 6
WHITE_SIGMAS = (0, 5, 15, 25, 50)
CROP, SCALE = 112, 2
README_SIDE = 256

Denoiser = Callable[[np.ndarray], np.ndarray]
"""From noisy to denoised, both uint8 (H, W, 3)."""
Figures = dict[str, dict[str, list[float]]]
"""Method → picture's name → PSNR in dB and SSIM."""


@click.command()
@click.option("--finetuned", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The fine-tuned run.")
def main(finetuned: Path | None) -> None:
    """Measure what is missing, and write page and picture."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    files = datasets.resolve("polyu-test")
    figures: Figures = kept.get("pairs", {})
    for method, denoiser in _methods(finetuned).items():
        measured = figures.setdefault(method, {})
        for path in files:
            if path.stem not in measured:
                measured[path.stem] = _measured(path, denoiser)
                write_json(RESULTS, kept | {"pairs": figures})
        click.echo(f"{method}: {np.mean(list(measured.values()), axis=0)}")
    white = _white(kept.get("white", {}))
    clean = _clean_sides(files)
    write_json(RESULTS, {"pairs": figures, "white": white})
    pictures = [path.stem for path in files]
    lines = ["## Real pairs", "", *_table(figures, pictures)]
    lines += ["", "## White noise and clean pictures", "", *_white_table(white, clean)]
    lines += ["", "## Crops", "", _CROPS, "", "![crops](photographs.png)"]
    _draw_crops()
    click.echo(f"{README_PICTURE.name}: {_draw_for_readme()}")
    write_page(PAGE, "Real photographs", _HOW, lines)


_HOW = (
    "PSNR in dB and SSIM of PolyU's 38 pairs for measuring (`polyu-test`: Canon 600D and 80D, Sony A7 II; no other "
    "public pairs were at hand), in float32. σ is the package's own estimate, or one for all pictures, or the best on "
    f"each of {', '.join(map(str, STRENGTHS))}: which one that is nobody knows who has no clean picture. Made by "
    f"`DNCNN_TF_DATA=DIR python -m benchmarks.quality.photographs` with bm3d {importlib.metadata.version('bm3d')} and "
    f"OpenCV {cv2.__version__} on"
)
_CROPS = (
    "PolyU's license keeps its pictures out of here. These are photographs inside scikit-image with simulated noise: "
    "noisy, `cdncnn-b`, `dncnn-photo`, clean."
)


def _key(name: str) -> str:
    """A model's name with the first digits of its weights' SHA-256."""
    return f"{name} {read_card(name)['sha256'][:8]}"


def _finetuned_key() -> str:
    return f"finetuned from {_key('dncnn-photo')}"


def _methods(finetuned: Path | None) -> dict[str, Denoiser]:
    """Each method's key and what it does to a picture."""
    methods: dict[str, Denoiser] = {"noisy": lambda noisy: noisy}
    methods |= {_key(name): functools.partial(_by_model, name=name) for name in MODELS}
    if finetuned is not None:
        methods[_finetuned_key()] = functools.partial(_by_model, name=str(finetuned))
    for name, denoiser in CLASSICS.items():
        methods[f"{name} estimated"] = lambda noisy, denoiser=denoiser: denoiser(noisy, estimate_noise(noisy).sigma)
        methods |= {f"{name} {sigma}": functools.partial(denoiser, sigma=sigma) for sigma in STRENGTHS}
    return methods


def _by_model(noisy: np.ndarray, name: str) -> np.ndarray:
    return denoise(noisy, name, precision="float32")


def _nlm(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """OpenCV's, with its windows' default sizes and the same strength for luma and chroma."""
    return cv2.fastNlMeansDenoisingColored(noisy, None, h=sigma, hColor=sigma)


def _bm3d(noisy: np.ndarray, sigma: float) -> np.ndarray:
    if sigma == 0:
        return noisy
    return np.rint(np.clip(bm3d.bm3d_rgb(noisy / 255, sigma / 255), 0, 1) * 255).astype(np.uint8)


CLASSICS = {"nlm": _nlm, "bm3d": _bm3d}


def _measured(path: Path, denoiser: Denoiser) -> list[float]:
    """PSNR and SSIM of one picture."""
    clean = datasets.decode(path, 3)
    restored = denoiser(datasets.decode(datasets.noisy_folder(path) / path.name, 3))
    return [round(float(psnr(clean, restored)), 4), round(float(ssim(clean, restored)), 5)]


def _table(figures: Figures, pictures: list[str]) -> list[str]:
    """A row for each method: means by camera and over all."""
    cameras = sorted({name.split("_")[0] for name in pictures})
    groups = {camera: [name for name in pictures if name.startswith(camera)] for camera in cameras}
    groups = {f"{camera} ({len(names)})": names for camera, names in groups.items()} | {"all": pictures}
    rows = [f"| | {' | '.join(groups)} |", "|---|" + "--:|" * len(groups)]
    for label, measured in _rows(figures, pictures):
        means = (np.mean([measured[name] for name in names], axis=0) for names in groups.values())
        rows.append(f"| {label} | {' | '.join(f'{a:.2f} / {b:.4f}' for a, b in means)} |")
    return rows


def _rows(figures: Figures, pictures: list[str]) -> list[tuple[str, dict[str, list[float]]]]:
    """What the page calls each method, and its figures by picture."""
    rows = [("as it came", figures["noisy"])]
    for name, label in (("nlm", "OpenCV's colour non-local means"), ("bm3d", "CBM3D")):
        by_sigma = {sigma: figures[f"{name} {sigma}"] for sigma in STRENGTHS}
        one = max(by_sigma, key=lambda sigma: np.mean([by_sigma[sigma][picture][0] for picture in pictures]))
        best = {picture: max(measured[picture] for measured in by_sigma.values()) for picture in pictures}
        rows += [(f"{label}, σ estimated", figures[f"{name} estimated"])]
        rows += [(f"… σ {one} for all, the best such one", by_sigma[one]), ("… the best σ on each", best)]
    rows += [(f"`{name}`", figures[_key(name)]) for name in MODELS]
    if _finetuned_key() in figures:
        rows.append(("… fine-tuned on `polyu-tune`", figures[_finetuned_key()]))
    return rows


def _white(kept: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """PSNR of CBSD68 with white noise of each σ, by model; from its card where that has it."""
    for name in MODELS:
        rows = [row for row in read_card(name)["measured"] if row["data"] == "cbsd68"]
        measured = {str(row["sigma"]): row["psnr"] for row in rows} | kept.get(_key(name), {})
        kept[_key(name)] = measured
        for sigma in WHITE_SIGMAS:
            if str(sigma) not in measured:
                measured[str(sigma)] = round(evaluate(name, "cbsd68", Setting("denoise", sigma)).psnr, 3)
                click.echo(f"{name}, cbsd68, σ {sigma}: {measured[str(sigma)]}")
    return {_key(name): kept[_key(name)] for name in MODELS}


def _clean_sides(files: list[Path]) -> dict[str, float]:
    """How far each model leaves the clean sides of the pairs from themselves: the mean of PSNR in dB."""
    pictures = [datasets.decode(path, 3) for path in files[::CLEAN_EVERY]]
    return {_key(name): float(np.mean([psnr(clean, _by_model(clean, name)) for clean in pictures])) for name in MODELS}


def _white_table(white: dict[str, dict[str, float]], clean: dict[str, float]) -> list[str]:
    cells = " | ".join(f"CBSD68, σ {sigma}" for sigma in WHITE_SIGMAS)
    rows = [f"| | {cells} | clean sides of PolyU |", "|---|" + "--:|" * (len(WHITE_SIGMAS) + 1)]
    for name in MODELS:
        figures = [white[_key(name)][str(sigma)] for sigma in WHITE_SIGMAS]
        rows.append(f"| `{name}` | {' | '.join(f'{psnr:.2f}' for psnr in (*figures, clean[_key(name)]))} |")
    return rows


def _draw_crops() -> None:
    """A row of crops of each photograph: noisy, by either model, clean."""
    places = {
        "astronaut": (40, 170),  # skin
        "chelsea": (90, 130),  # fur
        "coffee": (150, 300),
        "rocket": (60, 420),  # sky
        "page": (60, 120),  # text
    }
    rows = []
    for seed, (name, (top, left)) in enumerate(places.items()):
        noisy, clean = _taken(name, [_SEED, seed])
        columns = [noisy, *(_by_model(noisy, model) for model in MODELS), clean]
        rows.append(np.concatenate([column[top : top + CROP, left : left + CROP] for column in columns], axis=1))
    image = Image.fromarray(np.concatenate(rows))
    with atomic_path(PICTURE) as path:
        image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST).save(path, optimize=True)


def _draw_for_readme() -> str:
    """One photograph before, after and clean; returns the PSNR of the first two, of what is shown."""
    noisy, clean = _taken("astronaut", [9, 0])
    window = np.s_[10 : 10 + README_SIDE, 100 : 100 + README_SIDE]
    columns = [side[window] for side in (noisy, _by_model(noisy, "dncnn-photo"), clean)]
    image = Image.fromarray(np.concatenate(columns, axis=1))
    with atomic_path(README_PICTURE) as path:
        image.save(path, optimize=True)
    return ", ".join(f"{psnr(columns[-1], side):.2f} dB" for side in columns[:-1])


def _taken(name: str, seed: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A photograph inside scikit-image, noisy and clean, as a simulated camera writes it."""
    picture = getattr(skimage.data, name)()
    picture = picture if picture.ndim == 3 else skimage.color.gray2rgb(picture)
    picture = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
    rng = np.random.default_rng(seed)
    return photograph(picture, draw_shot(rng), rng)


_SEED = 4  # noise of more than middling strength on all of them


if __name__ == "__main__":
    main()
