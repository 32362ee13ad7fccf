"""Files in Python: the bytes that the commands write, a tally with reasons, callbacks, and nothing changed around."""

from __future__ import annotations

import io
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage
from helpers.models import trained_like
from PIL import Image

import dncnn_tf as library
from dncnn_tf import (
    FileRules,
    OptionError,
    deblock,
    deblock_files,
    denoise,
    denoise_files,
    inspect_files,
    request_files,
    upscale,
    upscale_files,
)
from dncnn_tf.engines import serving
from dncnn_tf.engines.base import Engine
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.cards import ModelError

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    with Image.open(PHOTOGRAPHS / "coffee.png") as image:
        return image.crop((100, 100, 171, 153))


@pytest.fixture(scope="module")
def album(tmp_path_factory, coffee) -> Path:
    """Pictures of several kinds in two folders, and a file that is none."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "more").mkdir()
    coffee.save(folder / "a.png")
    coffee.save(folder / "b.jpg", quality=80, dpi=(300, 300))
    coffee.convert("LA").save(folder / "c.tif")
    coffee.quantize(16).save(folder / "more/d.png")
    (folder / "bad.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(trained_like(), precision="float32")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_folder_is_the_same_bytes_by_the_function_and_by_the_command(dncnn_tf, album, tmp_path) -> None:
    notes, failures = [], []
    tally = denoise_files(
        album,
        tmp_path / "function",
        rules=FileRules(recursive=True),
        save_noise=True,
        compare=True,
        note=notes.append,
        on_failure=failures.append,
    )
    options = ("--recursive", "--save-noise", "--compare", "-o", tmp_path / "command")
    done = dncnn_tf("denoise", album, *options)
    assert contents(tmp_path / "function") == contents(tmp_path / "command")
    assert len(contents(tmp_path / "function")) == 4 * 3
    assert (tally.done, tally.skipped, tally.failures) == (4, 0, failures)
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == sorted([*notes, *(f"error: {failure}" for failure in failures)])


def test_a_tally_names_what_failed_and_why(album, engine, tmp_path) -> None:
    tally = denoise_files([album, album / "gone.png"], tmp_path, model=engine)
    assert str(tally) == "3 done, 0 skipped, 2 failed"
    gone, bad = tally.failures
    assert (gone.source, gone.reason) == (f"{album}/gone.png", f"{album}/gone.png: no such file")
    assert bad.source == f"{album}/bad.png"
    assert bad.reason.startswith(f"{album}/bad.png: not an image")
    again = denoise_files(album, tmp_path, model=engine, rules=FileRules(skip_existing=True))
    assert (again.done, again.skipped, len(again.failures)) == (0, 3, 1)
    refused = denoise_files(album / "a.png", tmp_path, model=engine)
    reason = (
        f"{tmp_path}/a_denoised.png: exists already; give `overwrite` to replace it, or another `output` or `suffix`"
    )
    assert [failure.reason for failure in refused.failures] == [reason]


def test_callbacks_hear_of_each_file(album, engine, tmp_path) -> None:
    done, shares = [], []
    denoise_files(
        album,
        tmp_path,
        model=engine,
        on_done=lambda source, target: done.append((source.name, target.name)),
        progress=lambda *so_far: shares.append(so_far),
    )
    assert done == [("a.png", "a_denoised.png"), ("b.jpg", "b_denoised.jpg"), ("c.tif", "c_denoised.tif")]
    assert shares == sorted(shares)
    assert shares[-1] == (4, 4)


def test_files_hold_what_the_functions_for_arrays_compute(album, coffee, engine, tmp_path) -> None:
    options = {"model": engine, "rules": FileRules(suffix="")}
    denoise_files(album / "a.png", tmp_path / "denoised.png", strength=0.7, **options)
    deblock_files(str(album / "a.png"), tmp_path / "deblocked.png", **options)
    upscale_files([album / "c.tif"], tmp_path / "upscaled/", scale=3, **options)
    np.testing.assert_array_equal(pixels(tmp_path / "denoised.png"), np.asarray(denoise(coffee, engine, strength=0.7)))
    np.testing.assert_array_equal(pixels(tmp_path / "deblocked.png"), np.asarray(deblock(coffee, engine)))
    expected = np.asarray(upscale(coffee.convert("LA"), 3, engine))
    np.testing.assert_array_equal(pixels(tmp_path / "upscaled/c.tif"), expected)


def test_a_stream_is_a_file_like_others(album, engine, tmp_path) -> None:
    denoise_files(album / "b.jpg", tmp_path / "b.jpg", model=engine)
    target = io.BytesIO()
    heard = []
    with (album / "b.jpg").open("rb") as source:
        tally = denoise_files(source, target, model=engine, on_done=lambda *way: heard.append(way))
    assert target.getvalue() == (tmp_path / "b.jpg").read_bytes()
    assert (tally.done, heard) == (1, [(None, None)])
    denoise_files(io.BytesIO((album / "b.jpg").read_bytes()), tmp_path / "from_stream.jpg", model=engine)
    assert (tmp_path / "from_stream.jpg").read_bytes() == target.getvalue()
    broken = denoise_files(io.BytesIO(b"text"), io.BytesIO(), model=engine)
    assert broken.failures[0].reason.startswith("standard input: not an image")


def test_a_dry_run_says_what_would_be_and_writes_nothing(album, tmp_path) -> None:
    would = []
    tally = denoise_files(
        f"{album}/*.png",
        tmp_path / "out",
        model="no such model",
        dry_run=True,
        on_done=lambda source, target: would.append(target.name),
    )
    assert (tally.done, would) == (2, ["a_denoised.png", "bad_denoised.png"])
    assert not list(tmp_path.iterdir())


def test_results_of_earlier_runs_are_known_by_the_names_that_the_task_gives(coffee, engine, tmp_path) -> None:
    names = ("a", "a_denoised", "a_denoised_noise", "a_denoised_compare", "a_denoised_other")
    for name in names:
        coffee.save(tmp_path / f"{name}.png")
    noted = []
    tally = denoise_files(tmp_path, "out/", model=engine, dry_run=True, note=noted.append)
    assert (tally.done, noted) == (2, ["passing over results of an earlier run (3)"])
    assert deblock_files(tmp_path, "out/", model=engine, dry_run=True).done == len(names)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: FileRules(overwrite=True, skip_existing=True), "`overwrite` and `skip_existing` exclude each other"),
        (lambda: FileRules(suffix="a/b"), "`suffix` is a part of a file's name"),
        (lambda: FileRules(format="gif"), "`format` must be one of keep, png"),
        (lambda: FileRules(quality=0), "`quality` must be from 1 to 100"),
        (lambda: FileRules(shard=(3, 2)), "`shard` is a part such as"),
        (lambda: denoise_files("a.png", strength=2), "`strength` must be from 0 to 1"),
        (lambda: denoise_files("a.png", sigma=-1), "`sigma` must be from 0 to 255"),
        (lambda: denoise_files("a.png", on="mars"), "`on` must be one of local, ray"),
        (lambda: denoise_files("a.png", actors=2), "`actors` are Ray's; give `on` ray"),
        (lambda: denoise_files(["a.png", "b.png"], "c.png"), "`output` names one file"),
        (lambda: denoise_files("a.png", "c.xyz"), "no ending of an image file"),
        (lambda: denoise_files([io.BytesIO(), "a.png"], "c.png"), "goes alone"),
        (lambda: denoise_files(io.BytesIO()), "must be a file"),
        (lambda: denoise_files(io.BytesIO(), io.BytesIO(), compare=True), "need a file for the result"),
        (lambda: inspect_files("memory://a.png"), "only files of this machine"),
        (lambda: inspect_files("a.png", max_memory=-1), "`max_memory` must be None or a whole number of bytes"),
        (lambda: inspect_files("a.png", max_pixels=0), "`max_pixels` must be at least 1. Received: 0"),
        (lambda: FileRules(max_pixels=-5), "`max_pixels` must be at least 1. Received: -5"),
        (lambda: denoise_files("a.png", strength="1"), "`strength` must be from 0 to 1. Received: '1'"),
        (lambda: denoise_files("a.png", max_memory=-1), "`max_memory` must be None or a whole number of bytes"),
        (lambda: deblock_files("a.png", max_memory=2e9), "`max_memory` must be None or a whole number of bytes"),
        (lambda: upscale_files("a.png", scale=2, tile=-1), "`tile` must be"),
        (lambda: denoise_files("a.png", on="ray", actors=0), "`actors` must be at least 1. Received: 0"),
    ],
)
def test_what_does_not_go_together_is_refused(call, said) -> None:
    with pytest.raises(OptionError, match=said):
        call()


def test_a_scale_that_is_none_is_refused(album, engine) -> None:
    with pytest.raises(OptionError, match="`scale` must be 2, 3 or 4"):
        upscale_files(album, "out/", scale=5, model=engine)


def test_a_model_that_is_none_is_refused(album, tmp_path) -> None:
    with pytest.raises(ModelError, match=r"gone\.keras"):
        denoise_files(album, tmp_path, model=tmp_path / "gone.keras")


def test_a_server_s_results_are_written_by_the_same_rules(monkeypatch, album, engine, tmp_path) -> None:
    asked = []

    def client(*where: object, **options: object) -> Engine:
        asked.append((where, options))
        return engine

    monkeypatch.setattr(serving, "Client", client)
    tally = request_files(
        album, tmp_path / "server", url="grpc://host:1", model="mine", version_number=2, timeout=3, luma=0.4
    )
    denoise_files(album, tmp_path / "here", model=engine, luma=0.4)
    assert contents(tmp_path / "server") == contents(tmp_path / "here")
    assert (tally.done, len(tally.failures)) == (3, 1)
    assert asked == [(("grpc://host:1", "mine"), {"version_number": 2, "timeout": 3})]


def test_files_are_inspected(album) -> None:
    heard, failed = [], []
    inspected = inspect_files(
        album, recursive=True, on_done=lambda file, _: heard.append(file), on_failure=failed.append
    )
    assert list(inspected.inspections) == heard == [album / name for name in ("a.png", "b.jpg", "c.tif", "more/d.png")]
    assert inspected.inspections[album / "c.tif"].alpha
    assert inspected.inspections[album / "b.jpg"].jpeg_quality == 80
    assert inspected.failures == failed
    assert failed[0].source == f"{album}/bad.png"
    small = inspect_files(album / "a.png", max_pixels=100)
    assert "too large" in small.failures[0].reason


def test_calls_in_threads_have_limits_of_their_own_and_leave_the_process_as_it_was(album, engine, tmp_path) -> None:
    def around() -> tuple[object, ...]:
        return Image.MAX_IMAGE_PIXELS, list(warnings.filters), sys.stdout, sys.stderr, dict(os.environ), Path.cwd()

    def run(i: int) -> int:
        rules = FileRules(max_pixels=(10**9, 71 * 53 - 1)[i % 2])
        return denoise_files(album, tmp_path / str(i), model=engine, rules=rules).done

    before = around()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, range(8))) == [3, 0] * 4
    assert around() == before
    assert contents(tmp_path / "0") == contents(tmp_path / "6")


def test_all_of_it_is_public() -> None:
    assert {"denoise_files", "upscale_files", "deblock_files", "request_files", "inspect_files"} <= set(library.__all__)
    assert {"FileRules", "Tally", "Failure", "Inspection", "OptionError", "RayError"} <= set(library.__all__)
