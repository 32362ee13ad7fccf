"""A SavedModel is a program: one that is not as it was exported runs only for those who say that they trust it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.models import trained_like
from PIL import Image

from dncnn_tf import ModelError, deblock, denoise, denoise_files, evaluate, export_saved_model, open_engine, upscale
from dncnn_tf.engines.contract import card_of_saved_model, sha256_of_saved_model
from dncnn_tf.evaluation.settings import Setting

LEVELS = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    return export_saved_model(trained_like(), tmp_path_factory.mktemp("exported"), name="small").path


def write_program(folder: Path, written: Path) -> None:
    """A SavedModel that has a file written when it denoises."""

    class Program(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="noisy")])
        def serve(self, noisy):
            with tf.control_dependencies([tf.io.write_file(str(written), "as you like")]):
                return {"denoised": tf.identity(noisy)}

    program = Program()
    tf.saved_model.save(program, str(folder), signatures={"serving_default": program.serve})


def no_sha256(folder: Path) -> None:
    """As exports were written before theirs was kept."""
    card = card_of_saved_model(folder)
    content = json.loads(card.read_text())
    del content["sha256"]
    card.write_text(json.dumps(content))


def another_program(folder: Path) -> None:
    """In the place of an export, and with its card."""
    card = card_of_saved_model(folder).read_text()
    shutil.rmtree(folder)
    write_program(folder, folder.parent / "written")
    card_of_saved_model(folder).parent.mkdir()
    card_of_saved_model(folder).write_text(card)


def another_file(folder: Path) -> None:
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets/more").write_text("read by who knows what")


CHANGES = {
    "no SHA-256": (no_sha256, "its card does not tell its SHA-256"),
    "another program": (another_program, "its SHA-256 is not its card's"),
    "another file": (another_file, "its SHA-256 is not its card's"),
}


@pytest.fixture(params=CHANGES)
def changed(request, exported, tmp_path) -> tuple[Path, str]:
    """An export that is not as it was, and what is said of it."""
    change, said = CHANGES[request.param]
    folder = Path(shutil.copytree(exported, tmp_path / "small" / "1"))
    change(folder)
    return folder, said


def test_only_what_is_as_it_was_exported_runs(changed) -> None:
    folder, said = changed
    for path in (folder, folder.parent):
        with pytest.raises(ModelError, match=f"{said}, and a SavedModel is a program .* give `trust`") as caught:
            denoise(LEVELS, path)
        assert "\n" not in str(caught.value)
    assert not (folder.parent / "written").exists()
    assert denoise(LEVELS, folder, trust=True).shape == LEVELS.shape


WAYS: dict[str, Callable[..., object]] = {
    "denoise": lambda model, file, **trust: denoise(LEVELS, model, **trust),
    "deblock": lambda model, file, **trust: deblock(LEVELS, model, **trust),
    "upscale": lambda model, file, **trust: upscale(LEVELS, 2, model, **trust),
    "denoise_files": lambda model, file, **trust: denoise_files(file, model=model, **trust),
    "evaluate": lambda model, file, **trust: evaluate(model, [file], Setting("denoise", 25), **trust),
    "open_engine": lambda model, file, **trust: open_engine(model, **trust),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run_a_model_asks_for_trust(way, exported, tmp_path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "1"))
    no_sha256(folder)
    Image.fromarray(LEVELS).save(tmp_path / "a.png")
    with pytest.raises(ModelError, match="give `trust`"):
        WAYS[way](folder, tmp_path / "a.png")
    WAYS[way](folder, tmp_path / "a.png", trust=True)
    (tmp_path / "a_denoised.png").unlink(missing_ok=True)
    WAYS[way](exported, tmp_path / "a.png")


def test_the_command_runs_no_program_unasked(dncnn_tf, exported, tmp_path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "small/1"))
    another_program(folder)
    Image.fromarray(LEVELS).save(tmp_path / "a.png")
    done = dncnn_tf("denoise", "a.png", "--model", "small", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "a program that may do anything; export it again, or give --trust" in done.stderr
    assert not (tmp_path / "small/written").exists()
    done = dncnn_tf("denoise", "a.png", "--model", "small", "--trust", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "a_denoised.png\n"), done.stderr
    assert (tmp_path / "small/written").exists()


def test_what_is_beside_the_program_does_not_count(exported, tmp_path) -> None:
    """The server's warm-up requests may come and go."""
    folder = Path(shutil.copytree(exported, tmp_path / "1"))
    (folder / "assets.extra/tf_serving_warmup_requests").write_bytes(b"others")
    assert sha256_of_saved_model(folder) == sha256_of_saved_model(exported)
    assert open_engine(folder).channels == 1
    (folder / "saved_model.pb").rename(folder / "saved_model.pbtxt")
    assert sha256_of_saved_model(folder) != sha256_of_saved_model(exported)
