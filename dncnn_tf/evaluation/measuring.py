"""Model × data set × setting → PSNR and SSIM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..data.datasets import resolve
from ..engines.base import Engine
from ..engines.opening import ModelLike, as_engine
from ..errors import EngineError
from ..images.picture import ImageError
from ..restoration.denoising import denoise_batch
from .paper import PaperModel, paper_figure, paper_model_of
from .protocol import degraded_pair, score
from .results import EvaluationError, ImageScore, Restoration, Result
from .settings import Setting


def evaluate(
    model: ModelLike,
    data: str | Path | Sequence[Path],
    setting: Setting,
    *,
    precision: str = "float32",
    trust: bool = False,
    paper_model: PaperModel | None = None,
    on_image: Callable[[ImageScore, Restoration], None] | None = None,
    on_failure: Callable[[EvaluationError], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Degrade, restore and score images, one after another.

        evaluate("dncnn-s-25", "bsd68", Setting("denoise", 25)).psnr

    Args:
        model: a name, a path, a Keras model or an engine.
        data: clean images: a published set's name, a folder, or files.
        setting: task, degree and seed.
        precision: the network's arithmetic: "float32", as all published figures are of, "bfloat16", "int8" or "auto".
            Of no effect on an engine.
        trust: as for `open_engine`: whether a model that is a SavedModel folder is run in any case.
        paper_model: which of the paper's models to compare with; None for the one whose task the model was trained
            for, by its card or its run. Nothing else tells them apart.
        on_image: called after each image.
        on_failure: called instead of raising when one image cannot be evaluated; the others go on.
        progress: called with the number of images that are done, and of all.

    Raises:
        EvaluationError: an image cannot be evaluated, or none of them, or the task is not one for this model.
        ModelError: the model cannot be loaded.
        DatasetError: there are no images.
    """
    engine = as_engine(model, precision=precision, trust=trust)
    name = str(model) if isinstance(model, str | Path) else type(model).__name__
    if engine.channels == 3 and setting.task != "denoise":
        raise EvaluationError(f"{name}: a colour model, but {setting.task} is measured on luminance; take a grey model")
    files = resolve(str(data)) if isinstance(data, str | Path) else list(data)
    scores: list[ImageScore] = []
    failures: list[EvaluationError] = []
    for done, path in enumerate(files, 1):
        try:
            image, restoration = evaluate_image(engine, path, setting)
        except EvaluationError as error:
            if on_failure is None:
                raise
            failures.append(error)
            on_failure(error)
        else:
            scores.append(image)
            if on_image is not None:
                on_image(image, restoration)
        if progress is not None:
            progress(done, len(files))
    if not scores:
        raise EvaluationError("no image could be evaluated")
    of_set = str(data) if isinstance(data, str | Path) else f"{len(files)} files"
    paper_model = paper_model or (paper_model_of(model) if isinstance(model, str | Path) else None)
    # A figure for other images than the paper's is not to be compared with it.
    paper = None
    if paper_model is not None and not failures:
        paper = paper_figure(paper_model, setting.task, of_set, setting.degree)
    return Result(name, of_set, setting, precision, tuple(scores), tuple(failures), paper)


def evaluate_image(engine: Engine, path: Path, setting: Setting) -> tuple[ImageScore, Restoration]:
    """Degrade, restore and score one image.

    Raises:
        EvaluationError: it cannot be read, is too small, or has other channels than the model.
    """
    try:
        clean, degraded = degraded_pair(path, engine.channels, setting)
        restored = denoise_batch(degraded[None], engine)[0]
        scores = (*score(clean, restored, setting), *score(clean, degraded, setting))
        return ImageScore(path.stem, *scores), Restoration(clean, degraded, restored)
    except ImageError as error:
        raise EvaluationError(str(error)) from error
    except (ValueError, OSError, EngineError) as error:
        raise EvaluationError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
