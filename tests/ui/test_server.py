"""`dncnn-tf ui` without a browser: who may use it, what it holds and for how long, and the files that it gives."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import requests
import skimage.data
import tifffile
from helpers.page import SETTINGS, Page, served
from helpers.waiting import wait_for
from PIL import ExifTags, Image, ImageCms

ROOT = Path(__file__).parents[2]
NOISY = np.clip(
    skimage.data.coffee()[100:170, 200:290] + np.random.default_rng(0).normal(0, 15, (70, 90, 3)), 0, 255
).astype(np.uint8)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with served() as page:
        yield page


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of many kinds, and one that the command refuses to write."""
    folder = tmp_path_factory.mktemp("album")
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Camera maker", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = Image.fromarray(NOISY)
    photo.save(folder / "photo, turned.jpg", exif=exif.tobytes(), icc_profile=profile, quality=83)
    photo.convert("L").save(folder / "-grey.png")
    transparent = photo.copy()
    transparent.putalpha(photo.convert("L"))
    transparent.save(folder / "transparent.png")
    photo.save(folder / "photo.webp", quality=80)
    deep = NOISY.astype(np.uint16) * 257 + 3
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    tifffile.imwrite(folder / "pages.tif", np.stack([deep[..., 0], deep[::-1, :, 1]]), photometric="minisblack")
    photo.quantize(16).save(folder / "palette.gif")
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"strength": 0.6},
        {"model": "dncnn-b", "sigma": 14.5},
        {"task": "deblock"},
        {"task": "upscale", "scale": 3},
    ],
    ids=str,
)
def test_a_download_is_what_the_shown_command_writes(page: Page, album: Path, tmp_path: Path, settings: dict) -> None:
    shutil.copytree(album, tmp_path / "album")
    files = sorted((tmp_path / "album").iterdir())
    ids = [page.upload(file).json()["id"] for file in files]
    page.lines(f"/pictures/{ids[0]}/result", {"settings": SETTINGS | settings})  # is seen before; its output is kept
    words = shlex.split(page.command(ids, **settings))
    made, archive = page.download(ids, **settings)
    by_command = subprocess.run(
        [Path(sys.executable).with_name("dncnn-tf"), *words[1:]],
        cwd=tmp_path / "album",
        capture_output=True,
        text=True,
        check=False,
    )
    results = set((tmp_path / "album").iterdir()) - set(files)
    assert len(results) == len(files) - 1
    with zipfile.ZipFile(io.BytesIO(archive)) as pictures:
        assert {*pictures.namelist()} == {"failed.txt", *(result.name for result in results)}
        for result in results:
            assert pictures.read(result.name) == result.read_bytes(), result.name
        failed = pictures.read("failed.txt").decode().splitlines()
    assert made["failures"] == failed
    assert [f"error: {line}" for line in failed] == [
        line for line in by_command.stderr.splitlines() if line.startswith("error: ")
    ]


def test_one_picture_is_no_archive(page: Page, album: Path, tmp_path: Path, dncnn_tf) -> None:
    id = page.upload(album / "photo, turned.jpg").json()["id"]
    made, content = page.download([id])
    assert made["name"] == "photo, turned_denoised.jpg"
    assert dncnn_tf("denoise", album / "photo, turned.jpg", "-o", tmp_path).returncode == 0
    assert content == (tmp_path / made["name"]).read_bytes()
    error, _ = page.download([page.upload(album / "palette.gif").json()["id"]])
    assert error == {"error": "palette.gif: GIF holds 256 colours, too few for the result; choose another --format, "
                     "such as png"}  # fmt: skip


def test_what_is_known_of_a_picture(page: Page, album: Path) -> None:
    facts = page.upload(album / "photo, turned.jpg").json()
    assert (facts["name"], facts["width"], facts["height"]) == ("photo, turned.jpg", 70, 90)  # as it is seen
    assert (facts["kind"], facts["format"]) == ("8-bit RGB", "JPEG, quality 83")
    assert page.upload(album / "pages.tif").json()["remarks"] == ["page 1 of 2 is shown"]


def test_a_damaged_file_is_the_commands_line_as_text(page: Page, tmp_path: Path, dncnn_tf) -> None:
    file = tmp_path / "<img src=x onerror=alert(1)>.png"
    content = io.BytesIO()
    Image.fromarray(NOISY).save(content, "PNG")
    file.write_bytes(content.getvalue()[:5000])
    answer = page.upload(file)
    line = dncnn_tf("denoise", file.name, cwd=tmp_path).stderr
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/plain; charset=utf-8")
    assert f"error: {answer.text}\n" == line
    assert "damaged" in line


@pytest.mark.parametrize("name", ["..", "/etc/passwd", "../../x.png", "levels.npy", "a" * 300 + ".png", "\0", ""])
def test_a_name_leads_nowhere(page: Page, name: str) -> None:
    content = io.BytesIO()
    Image.fromarray(NOISY[:20, :20]).save(content, "PNG")
    answer = page.ask("POST", "/pictures", params={"name": name}, data=content.getvalue())
    assert answer.status_code == 200, answer.text
    assert page.download([answer.json()["id"]])[1]


def test_pictures_are_limited_as_in_the_command(tmp_path: Path, dncnn_tf) -> None:
    file = tmp_path / "photo.png"
    Image.fromarray(NOISY).save(file)
    with served("--max-pixels", 1000) as page:
        answer = page.upload(file)
    assert answer.status_code == 422
    line = dncnn_tf("denoise", file.name, "--max-pixels", 1000, cwd=tmp_path).stderr
    assert f"error: {answer.text}\n" == line
    assert "--max-pixels" in line


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {"Host": "rebound.example:80"}),
        ("GET", "/", {"Origin": "http://elsewhere.example"}),
        ("GET", "/page/main.js", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", "/sample", {}),
        ("POST", "/sample", {"Origin": "null"}),
        ("POST", "/sample", {"Origin": "http://elsewhere.example"}),
        ("POST", "/sample", {"Origin": "{origin}", "Sec-Fetch-Site": "cross-site"}),
        ("POST", "/sample", {"Origin": "http://127.0.0.1:1"}),
    ],
    ids=str,
)
def test_a_page_of_another_site_cannot_use_it(page: Page, method: str, path: str, headers: dict) -> None:
    headers = {name: value.format(origin=page.origin) for name, value in headers.items()}
    assert page.ask(method, path, headers=headers).status_code == 403


def test_its_own_page_can_by_every_name_of_this_machine(page: Page) -> None:
    port = page.origin.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost"):
        answer = requests.get(f"http://127.0.0.1:{port}/", headers={"Host": f"{name}:{port}"}, timeout=60)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    answer = page.ask("POST", "/sample", headers={"Origin": page.origin, "Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


def test_another_address_needs_a_password(dncnn_tf) -> None:
    refused = dncnn_tf("ui", "--no-browser", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "--host 0.0.0.0 is reachable from other machines, which needs --auth USER:PASSWORD" in refused.stderr
    assert dncnn_tf("ui", "--no-browser", "--auth", "nobody").returncode == 2
    with served("--host", "0.0.0.0", env=os.environ | {"DNCNN_TF_UI_AUTH": "me:secrét"}) as page:
        assert page.address.startswith("http://0.0.0.0:")
        path = page.origin.replace("0.0.0.0", "127.0.0.1")
        assert requests.get(path, timeout=60).status_code == 401
        assert requests.get(path, auth=("me", "wrong"), timeout=60).status_code == 401
        assert requests.get(path, auth=(b"me", "secrét".encode()), timeout=60).status_code == 200
        said = (page.stop(), page.process.communicate()[1])[1]
    assert "reachable at 0.0.0.0 from other machines" in said
    assert "Traceback" not in said


def test_uploads_are_private_and_gone_at_the_end(tmp_path: Path) -> None:
    Image.fromarray(NOISY).save(tmp_path / "photo.png")
    with served() as page:
        (folder,) = page.folders()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        id = page.upload(tmp_path / "photo.png").json()["id"]
        assert (folder / id / "input/photo.png").exists()
        assert page.ask("DELETE", f"/pictures/{id}").status_code == 204
        assert not (folder / id).exists()
        assert page.ask("POST", f"/pictures/{id}/result", json={"settings": SETTINGS}).status_code == 404
        page.upload(tmp_path / "photo.png")
        assert page.stop() == 0
        assert page.process.communicate() == ("", "")
        assert page.folders() == set()


def test_what_a_crash_left_is_removed_at_the_next_start_and_nothing_else(tmp_path: Path) -> None:
    with served(temporary=tmp_path) as crashed, served(temporary=tmp_path):
        two = crashed.folders()
        assert len(two) == 2
        assert crashed.stop(signal.SIGKILL) == -signal.SIGKILL
        assert crashed.folders() == two
        with served(temporary=tmp_path):
            now = crashed.folders()
    assert len(two & now) == 1
    assert len(now) == 2


# The second part of a large picture begins when its work is cancelled, and so not before.
WORKS_UNTIL_CANCELLED = """
import time
from dncnn_tf.ui.kept_engine import KeptEngine

begin = KeptEngine.__init__

def begin_patiently(self, engine, turns, cancelled, folder, **options):
    def asked():
        end = time.monotonic() + 120
        while folder and any(folder.glob("*.npy")) and not cancelled() and time.monotonic() < end:
            time.sleep(0.01)
        return cancelled()

    begin(self, engine, turns, asked, folder, **options)

KeptEngine.__init__ = begin_patiently
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that is done in parts: 1260×1260."""
    path = tmp_path_factory.mktemp("large") / "large.png"
    Image.fromarray(np.tile(NOISY, (18, 14, 1))).save(path)
    return path


def test_work_ends_with_the_request(large: Path, tmp_path: Path) -> None:
    with served(code=WORKS_UNTIL_CANCELLED) as page:
        id = page.upload(large).json()["id"]
        (folder,) = (folder / id for folder in page.folders())
        there = set(folder.iterdir())
        path, order = f"/pictures/{id}/result", {"settings": SETTINGS}
        with page.ask("POST", path, json=order, stream=True) as answer:
            assert b"progress" in next(answer.iter_lines())
            wait_for(lambda: set(folder.iterdir()) > there)
        small = page.upload(write_small(tmp_path)).json()["id"]  # whose turn comes when the large one gives up its
        assert "id" in page.lines(f"/pictures/{small}/result", order)[-1]
        wait_for(lambda: set(folder.iterdir()) == there)  # its thread tidies up at its own pace


def test_it_ends_in_the_middle_of_work_without_a_word(large: Path) -> None:
    with served(code=WORKS_UNTIL_CANCELLED) as page:
        id = page.upload(large).json()["id"]
        path = f"/pictures/{id}/result"
        with page.ask("POST", path, json={"settings": SETTINGS}, stream=True) as answer:
            assert b"progress" in next(answer.iter_lines())
            assert page.stop() == 0
        assert page.process.communicate() == ("", "")
        assert page.folders() == set()


def write_small(folder: Path) -> Path:
    Image.fromarray(NOISY).save(folder / "small.png")
    return folder / "small.png"


@pytest.mark.parametrize(
    ("path", "order", "line"),
    [
        ("/command", {"pictures": [], "settings": SETTINGS}, "--pictures is a list of at least one"),
        ("/command", {"settings": SETTINGS}, "--pictures is a list of at least one"),
        ("/command", [], "an order is a JSON object"),
        ("/pictures/{id}/result", {}, "settings are --task"),
        ("/pictures/{id}/result", {"settings": SETTINGS | {"model": "/etc/passwd"}}, "--model must be auto or"),
        ("/pictures/{id}/result", {"settings": SETTINGS | {"sigma": 256}}, "--sigma must be from 0 to 255"),
        ("/pictures/{id}/result", {"settings": SETTINGS | {"strength": float("nan")}}, "--strength must be from 0"),
        ("/pictures/{id}/result", {"settings": SETTINGS | {"scale": 5}}, "--scale must be 2, 3 or 4"),
        ("/pictures/{id}/preview", {"settings": SETTINGS, "area": [0, 0, 10**6, 1]}, "--area is a part of"),
        ("/pictures/{id}/preview", {"settings": SETTINGS, "area": "all"}, "--area is x, y, width and height"),
    ],
)
def test_an_order_that_makes_no_sense_is_one_line(page: Page, tmp_path: Path, path: str, order, line: str) -> None:
    id = page.upload(write_small(tmp_path)).json()["id"]
    answer = page.ask("POST", path.format(id=id), data=json.dumps(order))
    assert answer.status_code == 422
    assert answer.text.startswith(line)


def test_without_the_extra_one_line_says_what_to_install() -> None:
    hide = "import sys; sys.modules['starlette'] = None; import dncnn_tf.__main__"
    done = subprocess.run(
        [sys.executable, "-c", hide, "ui", "--no-browser"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: starlette is missing; install it with: pip install 'dncnn-tf[ui]'\n"


def test_no_tensorflow_is_imported() -> None:
    """Which would take longer than all the rest."""
    code = """
import sys, tempfile
from pathlib import Path
from dncnn_tf.ui.app import Application
from dncnn_tf.ui.pictures import UploadedPicture, new_file
from dncnn_tf.ui.sample import write_sample
from dncnn_tf.ui.settings import Settings
from dncnn_tf.ui.work import Workshop
with tempfile.TemporaryDirectory() as folder:
    Application(Path(folder), 10**7).asgi()
    picture = UploadedPicture.read(write_sample(new_file(Path(folder), "sample.png")), 10**7)
    print(Workshop(10**7).result(picture, Settings(), print, lambda: False).pixels.shape)
print(sorted({"tensorflow", "keras", "skimage", "scipy", "matplotlib"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["(400, 600, 3)", "[]"], done.stderr
