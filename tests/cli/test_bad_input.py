"""Whatever a folder holds: one line for each bad file, nothing half written, and the rest is done."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import resource
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import skimage
import tifffile
from conftest import command
from helpers.models import trained_like
from PIL import Image

from dncnn_tf.models.cards import ModelError
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import load_model, read_network, save_weights

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    with Image.open(PHOTOGRAPHS / "coffee.png") as image:
        return image.crop((100, 100, 161, 143))


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is large, and holds next to nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    parts = (header, data, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def test_strange_names_are_files_like_others(dncnn_tf, coffee, model, tmp_path) -> None:
    names = ["a b.png", 'it\'s "so".png', "two\nlines.png", b"\xff\xfe bytes.png", "-dash.png", "ünïcödé 写真.png"]
    names = [os.fsdecode(name) for name in names]
    for name in names:
        coffee.save(tmp_path / name)
    (tmp_path / "bad\n\x1b[31mname.png").write_text("no picture")
    done = subprocess.run(command("denoise", ".", "--model", model, "-o", "out"), cwd=tmp_path, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode().count("error: ") == 1
    assert r"error: bad\n\x1b[31mname.png: not an image" in done.stderr.decode()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"{Path(name).stem}_denoised.png" for name in names
    )


def test_a_name_too_long_for_its_result_is_said(dncnn_tf, coffee, model, tmp_path) -> None:
    source = tmp_path / f"{'long' * 62}.png"
    coffee.save(source)
    done = dncnn_tf("denoise", source, "--model", model)
    assert done.returncode == 1
    assert "File name too long" in done.stderr
    assert list(tmp_path.iterdir()) == [source]
    done = dncnn_tf("denoise", source, "--model", model, "--suffix", "_d")
    assert (done.returncode, len(list(tmp_path.iterdir()))) == (0, 2)


def test_names_with_a_leading_dash_come_after_two(dncnn_tf, coffee, model, tmp_path) -> None:
    coffee.save(tmp_path / "-dash.png")
    done = dncnn_tf("denoise", "--model", model, "--", "-dash.png", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "-dash_denoised.png").exists()) == (0, True)


def test_what_is_no_file_is_one_line(dncnn_tf, coffee, model, tmp_path) -> None:
    """Folders named like pictures, links in circles and to nowhere, devices and sockets."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "nowhere.png").symlink_to("gone.png")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/up").symlink_to(tmp_path)
    coffee.save(tmp_path / "inner/good.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.png"))
    done = dncnn_tf("denoise", tmp_path, "/dev/zero", "--recursive", "--model", model, timeout=60)
    lines = sorted(done.stderr.splitlines())
    assert done.returncode == 1
    assert [line for line in lines if line.startswith("error: ")] == [
        "error: /dev/zero: a device, not an image file",
        f"error: {tmp_path}/loop.png: Too many levels of symbolic links",
        f"error: {tmp_path}/nowhere.png: No such file or directory",
    ]
    assert done.stdout.splitlines() == [f"{tmp_path}/inner/good_denoised.png"]


def test_bombs_are_refused_unless_trusted(dncnn_tf, model, tmp_path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(60_000, 60_000))
    stack = np.zeros((10, 400, 400), np.float32)
    tifffile.imwrite(tmp_path / "pages.tif", stack, photometric="minisblack", metadata=None, compression="zlib")
    done = dncnn_tf("denoise", tmp_path / "bomb.png", "--model", model)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "too large, more than 179 million pixels; if you trust it, give a higher --max-pixels" in done.stderr
    for limit, status in (("1M", 1), ("2m", 0)):
        done = dncnn_tf("denoise", tmp_path / "pages.tif", "--model", model, "--max-pixels", limit)
        assert done.returncode == status
        assert ("more than 1 million pixels" in done.stderr) == (status == 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 50_000), (50_000, 1), (3, 2)])
def test_extreme_shapes_are_pictures_too(dncnn_tf, model, tmp_path, size) -> None:
    Image.effect_noise(size, 60).save(tmp_path / "thin.png")
    done = dncnn_tf("denoise", tmp_path / "thin.png", "--model", model)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "thin_denoised.png").size == size


def test_less_memory_than_it_takes_is_said_and_changes_nothing(dncnn_tf, coffee, model, tmp_path) -> None:
    coffee.save(tmp_path / "photo.png")
    results = []
    for memory in ("2G", "1M"):
        done = dncnn_tf(
            "denoise", "photo.png", "-o", f"{memory}.png", "--model", model, "--max-memory", memory, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert ("photo.png: reading and writing it takes more than --max-memory, 1 MB" in done.stderr) == (
            memory == "1M"
        )
        results.append(np.asarray(Image.open(tmp_path / f"{memory}.png")).astype(int))
    assert np.abs(results[1] - results[0]).max() <= 1


def test_two_inputs_never_share_an_output(dncnn_tf, coffee, model, tmp_path) -> None:
    for ending in ("png", "jpg"):
        coffee.save(tmp_path / f"photo.{ending}")
    done = dncnn_tf("denoise", tmp_path, "--format", "png", "--model", model)
    assert done.returncode == 2
    assert "would both be written to" in done.stderr
    assert len(list(tmp_path.iterdir())) == 2


def test_an_input_is_its_own_output_only_when_asked(dncnn_tf, coffee, model, tmp_path) -> None:
    photo = tmp_path / "photo.png"
    coffee.save(photo)
    before = photo.read_bytes()
    done = dncnn_tf("denoise", photo, "-o", photo, "--model", model)
    assert (done.returncode, photo.read_bytes()) == (1, before)
    assert dncnn_tf("denoise", photo, "--suffix", "", "--model", model).returncode == 1
    assert photo.read_bytes() == before
    assert dncnn_tf("denoise", photo, "-o", photo, "--overwrite", "--model", model).returncode == 0
    assert photo.read_bytes() != before
    assert list(tmp_path.iterdir()) == [photo]


def test_a_full_disk_leaves_no_half_file(coffee, model, tmp_path) -> None:
    """A limit on the size of files stands in for a full disk, which takes a mount to make."""
    Image.effect_noise((300, 300), 80).save(tmp_path / "noisy.png")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
         "from dncnn_tf.cli.main import main; main()", "denoise", "noisy.png", "--model", str(model)],
        cwd=tmp_path, capture_output=True, text=True, preexec_fn=limit, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "error: noisy_denoised.png: File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["noisy.png"]


def test_a_small_disk_that_fills_up_keeps_what_was_whole(model, tmp_path) -> None:
    """A file system of 200 kB in a namespace of its own: two pictures and one result fit, two results do not."""
    apart = ("unshare", "--map-root-user", "--mount", "sh", "-c")
    if shutil.which("unshare") is None or subprocess.run([*apart, "mount -t tmpfs none /mnt"], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    for name in ("a", "b"):
        Image.effect_noise((230, 230), 80).save(tmp_path / f"{name}.png")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"""
        mount -t tmpfs -o size=200k none {disk} && cp {tmp_path}/*.png {disk} || exit 77
        {shlex.join(command("denoise", disk, "--model", model))}
        echo "status $?"
        find {disk} -type f
    """
    done = subprocess.run([*apart, script], capture_output=True, text=True, timeout=120, check=False)
    printed, _, found = done.stdout.partition("status 1\n")
    assert printed == f"{disk}/a_denoised.png\n", done.stdout + done.stderr
    assert f"error: {disk}/b_denoised.png: No space left on device" in done.stderr
    assert sorted(found.split()) == [f"{disk}/{name}.png" for name in ("a", "a_denoised", "b")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_read_or_written_is_named(dncnn_tf, coffee, model, tmp_path) -> None:
    for name in ("locked.png", "good.png"):
        coffee.save(tmp_path / name)
    (tmp_path / "locked.png").chmod(0)
    (tmp_path / "closed").mkdir(0)
    (tmp_path / "fixed").mkdir(0o500)
    done = dncnn_tf("denoise", tmp_path, "--recursive", "-o", tmp_path / "fixed", "--model", model)
    assert done.returncode == 1
    for name in ("locked.png", "closed", "fixed/good_denoised.png"):
        assert f"{tmp_path / name}: Permission denied" in done.stderr


def test_skip_existing_does_what_is_missing(dncnn_tf, coffee, model, tmp_path) -> None:
    for name in "abc":
        coffee.save(tmp_path / f"{name}.png")
    (tmp_path / "b_denoised.png").write_text("mine")
    done = dncnn_tf("denoise", tmp_path, "--skip-existing", "--model", model)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{tmp_path}/{name}_denoised.png" for name in "ac"]
    assert "1 of 3 are done already" in done.stderr
    assert (tmp_path / "b_denoised.png").read_text() == "mine"
    again = dncnn_tf("denoise", tmp_path, "--skip-existing", "--model", model)
    assert (again.returncode, again.stdout) == (0, "")
    assert dncnn_tf("denoise", tmp_path, "--skip-existing", "--overwrite").returncode == 2


def test_what_a_killed_run_left_beside_a_missing_result_does_not_stop_the_next(
    dncnn_tf, coffee, model, tmp_path
) -> None:
    coffee.save(tmp_path / "a.png")
    (tmp_path / "a_denoised_compare.png").write_text("whole")
    arguments = ("denoise", tmp_path, "--compare", "--model", model)
    refused = dncnn_tf(*arguments)
    assert (refused.returncode, "a_denoised_compare.png: exists already" in refused.stderr) == (1, True)
    done = dncnn_tf(*arguments, "--skip-existing")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/a_denoised.png\n")
    assert (tmp_path / "a_denoised_compare.png").read_text() == "whole"
    assert "a_denoised_compare.png: is there already and stays as it is" in done.stderr


def bad_models(folder: Path) -> dict[str, Path]:
    good = folder / "good.keras"
    trained_like(depth=3, filters=4).save(good)
    files = {name: folder / f"{name}.keras" for name in ("bomb", "pickle", "truncated", "empty")}
    with zipfile.ZipFile(files["bomb"], "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            with archive.open(name, "w", force_zip64=True) as entry:
                for _ in range(100):
                    entry.write(bytes(2**20))
    files["pickle"].write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    files["truncated"].write_bytes(good.read_bytes()[:-3000])
    files["empty"].touch()
    return files


def test_a_model_file_that_is_none_is_one_line(dncnn_tf, coffee, tmp_path) -> None:
    coffee.save(tmp_path / "photo.png")
    files = bad_models(tmp_path)
    for file in files.values():
        with pytest.raises(ModelError, match=str(file)) as refusal:
            load_model(file)
        assert "\n" not in str(refusal.value)
    done = dncnn_tf("denoise", tmp_path / "photo.png", "--model", files["bomb"], timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"error: {files['bomb']}: unpacks to 315 MB" in done.stderr
    assert not (tmp_path / "photo_denoised.png").exists()


@pytest.mark.parametrize("kind", ["array", "network"])
def test_a_weights_file_that_would_fill_the_memory_is_refused(tmp_path, kind) -> None:
    """An array of 40 GB that takes no room in its file, and a card that asks for as large a network."""
    path = tmp_path / "bomb.weights.h5"
    if kind == "array":
        save_weights(trained_like(depth=3, filters=4), path, {"name": "bomb"})
        with h5py.File(path, "a") as file:
            file.create_dataset("more", (10**10,), "f4", chunks=True, compression="gzip")
    else:
        save_weights(trained_like(depth=3, filters=4), path, {"name": "bomb"})
    card = json.loads((tmp_path / "bomb.json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    if kind == "network":
        card["model"]["filters"] = 40_000
    (tmp_path / "bomb.json").write_text(json.dumps(card))
    for read in (load_model, lambda file: read_network(find_source(file))):
        with pytest.raises(ModelError, match=r"bomb\.weights\.h5: unpacks to .* MB; a DnCNN has some 3, at most 200"):
            read(path)


def test_standard_input_may_be_anything(model) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((40, 40), 50).save(buffer, "PNG")
    for content in (b"", b"\0" * 5000, buffer.getvalue()[:300]):
        done = subprocess.run(command("denoise", "-", "--model", model), input=content, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.startswith(b"error: standard input: ")
