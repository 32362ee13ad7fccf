"""Many pictures: parts of a run, pictures by URL, a report, and Ray, with the same results as one machine."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import skimage
from conftest import command
from helpers.waiting import HANGS, wait_for
from PIL import Image

WAY = ("--model", "cdncnn-b", "--luma", 0.4)
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """Thirty pictures in two folders, one with a name that is no text, and a file that is none."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "more").mkdir()
    with Image.open(PHOTOGRAPHS / "coffee.png") as coffee:
        for i in range(30):
            name = f"{'more/' * (i % 2)}{i:02d}.{('png', 'jpg', 'tif')[i % 3]}"
            coffee.crop((7 * i, 5 * i, 7 * i + 150, 5 * i + 110)).save(folder / name)
        coffee.crop((0, 0, 50, 40)).save(Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9 a.png")))
    Path(os.fsdecode(os.fsencode(folder) + b"/bad \xe9.png")).write_bytes(b"not a picture")
    return folder


@pytest.fixture(scope="module")
def here(dncnn_tf, album, tmp_path_factory) -> dict[str, bytes]:
    """What this machine makes of them."""
    out = tmp_path_factory.mktemp("here")
    done = dncnn_tf(
        "denoise",
        album,
        "--recursive",
        "-o",
        out,
        *WAY,
        "--report",
        out / "report.json",
        errors="surrogateescape",
    )
    assert done.returncode == 1
    report = json.loads((out / "report.json").read_text())
    assert (report["done"], report["skipped"]) == (31, 0)
    assert [line.split(":")[0] for line in report["failed"]] == [f"{album}/bad \\udce9.png"]
    (out / "report.json").unlink()
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    files = (
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )  # what a kill leaves
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def planned(dncnn_tf):
    """Names of what a part of a run would read."""

    def names(folder: Path, part: str) -> list[str]:
        arguments = ("denoise", folder, "--recursive", "-o", "out/", "--dry-run", "--shard", part)
        done = dncnn_tf(*arguments, errors="surrogateescape")
        assert done.returncode == 0, done.stderr
        return [str(Path(line.split(" -> ")[0]).relative_to(folder)) for line in done.stdout.splitlines()]

    return names


def test_parts_are_all_of_it_and_none_twice(album, planned) -> None:
    parts = [planned(album, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(itertools.chain(*parts)) == sorted(planned(album, "1/1"))
    assert sum(map(len, parts)) == 32
    assert all(len(part) >= 5 for part in parts)


def test_a_picture_s_part_does_not_change_when_others_come(album, planned, tmp_path) -> None:
    (tmp_path / "more").mkdir()
    for path in album.rglob("*.jpg"):
        (tmp_path / path.relative_to(album)).write_bytes(b"")
    assert planned(tmp_path, "2/3") == [name for name in planned(album, "2/3") if name.endswith(".jpg")]


@pytest.mark.parametrize("part", ["0/2", "3/2", "2", "a/b"])
def test_a_part_that_makes_no_sense_is_refused(dncnn_tf, album, part) -> None:
    done = dncnn_tf("denoise", album, "--shard", part)
    assert done.returncode == 2
    assert "is no part such as 2/8, the second of eight" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "one.png", "--shard", "1/2"), "--shard divides many pictures"),
        (("-o", "-", "--shard", "1/2"), "--shard divides many pictures"),
        (("--report", "-"), "--report needs a file"),
        (("--report", "r.json", "--dry-run"), "--report needs a file"),
    ],
)
def test_what_does_not_go_together_is_refused(dncnn_tf, album, options, said) -> None:
    done = dncnn_tf("denoise", album / "00.png", *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_standard_input_goes_to_a_url_too(album, model, tmp_path) -> None:
    content = (album / "00.png").read_bytes()
    arguments = ("denoise", "-", "-o", f"file://{tmp_path}/out.png", "--model", model)
    done = subprocess.run(command(*arguments), input=content, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_inspect_reads_files_alone(dncnn_tf, album) -> None:
    done = dncnn_tf("inspect", f"file://{album}/00.png")
    assert done.returncode == 2
    assert "only files of this machine" in done.stderr


def test_a_report_replaces_no_file_unasked(dncnn_tf, album, model, tmp_path) -> None:
    report = tmp_path / "report.json"
    report.write_text("mine")
    done = dncnn_tf("denoise", album, "-o", tmp_path / "out", "--model", model, "--report", report)
    assert done.returncode == 1
    assert f"error: {report}: exists already" in done.stderr
    assert report.read_text() == "mine"
    assert not (tmp_path / "out").exists()


def test_pictures_by_url_are_pictures_like_others(dncnn_tf, album, here, tmp_path) -> None:
    urls = (f"file://{album}/more", "-o", f"file://{tmp_path}/out")
    done = dncnn_tf("denoise", *urls, *WAY)
    assert done.returncode == 0, done.stderr
    expected = {name.removeprefix("more/"): content for name, content in here.items() if name.startswith("more/")}
    assert contents(tmp_path / "out") == expected
    again = dncnn_tf("denoise", *urls, *WAY, "--skip-existing")
    assert (again.returncode, again.stdout) == (0, "")
    assert "15 of 15 are done already" in again.stderr
    refused = dncnn_tf("denoise", *urls, *WAY)
    assert refused.returncode == 1
    assert refused.stderr.count("exists already") == 15


@pytest.mark.parametrize(
    ("url", "said"),
    [("file:///not/there", "error: file:///not/there: no such file"), ("nowhere://a/b", "URLs need pip install")],
)
def test_a_url_that_leads_nowhere_is_one_line(dncnn_tf, url, said) -> None:
    done = dncnn_tf("denoise", url, "-o", "out/")
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_ray_needs_files(dncnn_tf, album) -> None:
    done = dncnn_tf("denoise", album / "00.png", "-o", "-", "--on", "ray")
    assert done.returncode == 2
    assert "--on ray works on files" in done.stderr


def test_a_cluster_that_is_not_there_is_one_line(dncnn_tf, album, tmp_path) -> None:
    environment = os.environ | {"RAY_ADDRESS": "127.0.0.1:9"}  # nobody listens there
    done = dncnn_tf("denoise", album / "00.png", "-o", tmp_path / "out.png", "--on", "ray", env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: RAY_ADDRESS=127.0.0.1:9: no cluster answers there (Connection refused)")
    assert done.stderr.count("\n") == 1


def test_actors_are_ray_s(dncnn_tf, album) -> None:
    done = dncnn_tf("denoise", album, "--actors", 2)
    assert done.returncode == 2
    assert "give --on ray" in done.stderr


def test_actors_leave_a_cpu_of_each_machine(tmp_path) -> None:
    script = """
from dncnn_tf.bulk.on_ray import _actors_and_share

def nodes(*cpus):
    return [{"Alive": True, "Resources": {"CPU": count}} for count in cpus]

assert _actors_and_share(nodes(2), None) == (1, 1)
assert _actors_and_share(nodes(2), 2) == (2, 0.5)
assert _actors_and_share(nodes(1), None) == (1, 0.5)
assert _actors_and_share(nodes(16, 16, 0), None) == (2, 15)
assert _actors_and_share(nodes(16, 16), 6) == (6, 5)
assert _actors_and_share([*nodes(8), {"Alive": False, "Resources": {"CPU": 8}}], None) == (1, 7)
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


# One picture is not read before the file named here is there.
WAITING = """
import pathlib, time
real = pathlib.Path.open
def open(path, *args, **options):
    while path.name == "17.tif" and not pathlib.Path({told!r}).exists():
        time.sleep(0.01)
    return real(path, *args, **options)
pathlib.Path.open = open
"""


@pytest.mark.slow
def test_ray_makes_the_same_once_even_if_its_processes_are_killed(album, here, tmp_path) -> None:
    """In the middle, when results are there, and one picture is left that waits until they have been killed."""
    pytest.importorskip("ray")
    out, report, told = tmp_path / "out", tmp_path / "report.json", tmp_path / "told"
    (tmp_path / "sitecustomize.py").write_text(WAITING.format(told=str(told)))
    arguments = ("denoise", album, "--recursive", "-o", out, *WAY, "--on", "ray", "--actors", 2)
    process = subprocess.Popen(
        command(*arguments, "--report", report), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="surrogateescape", env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    try:
        wait_for(lambda: out.exists() and contents(out), unless=process.poll)
        killed = kill_actors(process.pid)
        told.touch()
        printed, said = process.communicate(timeout=2 * HANGS)
    finally:
        process.kill()
    assert killed, said
    assert process.returncode == 1, said
    assert contents(out) == here
    assert sorted(printed.splitlines()) == sorted(f"{out}/{name}" for name in here)
    assert f"error: {album}/bad \\udce9.png: not an image" in said
    result = json.loads(report.read_text())
    assert (result["done"], len(result["failed"])) == (31, 1)
    assert "31 done, 0 skipped, 1 failed (actors: 2)" in said


@pytest.mark.slow
def test_a_picture_that_kills_its_process_ends_as_a_failure(album, model, tmp_path) -> None:
    """Every process that reads it dies; with it in one piece of work, its neighbours are given up too."""
    pytest.importorskip("ray")
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png", "killer.png"):
        (folder / name).write_bytes((album / "00.png").read_bytes())
    (tmp_path / "sitecustomize.py").write_text("""
import os, pathlib, signal
real = pathlib.Path.open
def open(path, *args, **options):
    if path.name == "killer.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, *args, **options)
pathlib.Path.open = open
""")
    arguments = ("denoise", folder, "-o", tmp_path / "out", "--model", model, "--on", "ray")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=2 * HANGS, check=False
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[1].strip() for line in lines] == [
        str(folder / name) for name in ("a.png", "b.png", "killer.png")
    ]
    assert all("in 4 attempts; run again with --skip-existing" in line for line in lines)
    assert "Traceback" not in done.stderr


def kill_actors(driver: int) -> int:
    """Kill the actors that a driver's own Ray has started; how many they were."""
    killed = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            title = (folder / "cmdline").read_bytes()
            parents = ancestors(int(folder.name))
        except OSError:
            continue
        if b"_Actor" in title and title.startswith(b"ray::") and driver in parents:
            os.kill(int(folder.name), signal.SIGKILL)
            killed += 1
    return killed


def ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(process)
    return found
