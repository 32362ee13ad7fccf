"""Where pictures come from and go to: names that lead out, pipes, and files that others write meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.waiting import HANGS

from dncnn_tf import FileRules, denoise_files, inspect_files
from dncnn_tf.images.png import encode

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("upath")


class Engine:
    """Gives back what it gets, and does something else first."""

    channels, receptive_radius = 1, 1

    def __init__(self, first=lambda: None) -> None:
        self.first = first

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        self.first()
        return noisy


def png(value: int = 100) -> bytes:
    return encode(np.full((9, 9, 1), value, np.uint8))


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


OUTSIDE = ("../a.png", "ok/../../b.png", "ok/../c.png", "ok//tmp/../../../d.png")


def zip_of(names: tuple[str, ...], folder: Path) -> str:
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for name in names:
            archive.writestr(name, png())
    return f"zip://::file://{folder}/photos.zip"


def store_of(names: tuple[str, ...], folder: Path) -> str:
    store = fsspec.filesystem("memory")
    root = f"/{folder.name}"
    for name in names:
        store.pipe(f"{root}/{name}", png())
    return f"memory:/{root}"


@pytest.mark.parametrize("kind", [zip_of, store_of])
def test_names_that_lead_out_are_refused_and_the_others_done(kind, tmp_path) -> None:
    """They come from whoever filled the archive or the store."""
    (tmp_path / "in").mkdir()
    url = kind(("ok/e.png", "f.png", *OUTSIDE), tmp_path / "in")
    out = tmp_path / "deep/er/out"
    tally = denoise_files(url, out, model=Engine(), sigma=5, rules=FileRules(recursive=True))
    assert tree(tmp_path / "deep") == {"er/out/ok/e_denoised.png", "er/out/f_denoised.png"}
    assert tally.done == 2
    assert len(tally.failures) == len(OUTSIDE)
    for failure in tally.failures:
        assert ".." in failure.source
        assert failure.reason.startswith(f"{failure.source}: its name leads out of ")
        assert "\n" not in failure.reason


def test_an_absolute_name_below_a_folder_of_an_archive_is_refused(tmp_path) -> None:
    """The archive's library reads a//b as a name that begins with a slash."""
    url = zip_of((f"a/{tmp_path}/victim.png", "a/b.png"), tmp_path).replace("zip://", "zip://a", 1)
    denoise_files(url, tmp_path / "out", model=Engine(), sigma=5, rules=FileRules(recursive=True))
    assert tree(tmp_path) <= {"photos.zip", "out/b_denoised.png"}


def test_pipes_are_read_once(tmp_path) -> None:
    """Also while the picture before them is in work, when files are looked into."""
    (tmp_path / "a.png").write_bytes(png(50))
    pipe = tmp_path / "b.png"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, png(60))
        inputs = [tmp_path / "a.png", pipe]
        tally = denoise_files(inputs, tmp_path / "out", model=Engine(), sigma=5)
        assert (tally.done, tally.failures) == (2, [])
        threads.submit(pipe.write_bytes, png(70))
        assert list(inspect_files(pipe).inspections) == [pipe]
    assert (tmp_path / "out/b_denoised.png").read_bytes() == png(60)


def test_the_shell_s_pipes_are_inputs(tmp_path) -> None:
    reading, writing = os.pipe()
    os.write(writing, png(60))
    os.close(writing)
    tally = denoise_files(f"/dev/fd/{reading}", tmp_path / "out.png", model=Engine(), sigma=5)
    os.close(reading)
    assert tally.done == 1
    assert (tmp_path / "out.png").read_bytes() == png(60)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) & 0o400


@pytest.mark.parametrize("where", ["{}", "file://{}"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_result_that_another_writes_meanwhile_is_kept(tmp_path, where, overwrite) -> None:
    (tmp_path / "a.png").write_bytes(png())
    theirs = tmp_path / "out/a_denoised.png"

    def write_theirs() -> None:
        theirs.parent.mkdir(exist_ok=True)
        theirs.write_text("theirs")

    rules = FileRules(overwrite=overwrite)
    output = where.format(tmp_path / "out") + "/"
    tally = denoise_files(tmp_path / "a.png", output, model=Engine(write_theirs), sigma=5, rules=rules)
    assert theirs.read_bytes() == (png() if overwrite else b"theirs")
    assert [str(failure).count("a_denoised.png: exists already") for failure in tally.failures] == [1] * (not overwrite)


def test_two_runs_that_go_on_with_one_folder_do_not_disturb_each_other(tmp_path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(png())
    rules, out = FileRules(skip_existing=True), tmp_path / "out"

    def do_it_too() -> None:
        tallies.append(denoise_files(tmp_path, out, model=Engine(), sigma=5, rules=rules, save_noise=True))

    tallies = []
    tallies.append(denoise_files(tmp_path, out, model=Engine(do_it_too), sigma=5, rules=rules, save_noise=True))
    assert all(tally.failures == [] for tally in tallies)
    assert len(tree(out)) == 6


def test_private_pictures_have_private_results(tmp_path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(png())
    source.chmod(0o600)
    denoise_files(source, model=Engine(), sigma=5, save_noise=True, compare=True)
    results = [path for path in tmp_path.iterdir() if path != source]
    assert len(results) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in results} == {0o600}


def test_a_picture_in_its_own_place_keeps_its_times(tmp_path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(png())
    os.utime(source, ns=(10**18, 10**18))
    rules = FileRules(overwrite=True, suffix="")
    tally = denoise_files(source, model=Engine(lambda: None), sigma=5, rules=rules)
    assert (tally.done, source.stat().st_mtime_ns) == (1, 10**18)


def test_json_may_go_into_a_pipe(dncnn_tf, tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(pipe.read_text)
        done = dncnn_tf("models", "dncnn-b", "--json", pipe)
        assert done.returncode == 0, done.stderr
        assert '"name": "dncnn-b"' in heard.result(HANGS)
    assert pipe.is_fifo()


@pytest.mark.parametrize(("before", "after"), [(signal.SIG_IGN, True), (signal.SIG_DFL, False)])
def test_nohup_is_heeded(before, after) -> None:
    from cli.commands.models import models

    kept = signal.signal(signal.SIGHUP, before), signal.getsignal(signal.SIGTERM)
    try:
        assert CliRunner().invoke(models, ["dncnn-b"]).exit_code == 0
        assert (signal.getsignal(signal.SIGHUP) == signal.SIG_IGN) == after
        assert (signal.getsignal(signal.SIGHUP) == signal.getsignal(signal.SIGTERM)) != after
    finally:
        signal.signal(signal.SIGHUP, kept[0])
        signal.signal(signal.SIGTERM, kept[1])
