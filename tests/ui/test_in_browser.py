"""The page in a real browser: Debian's Chromium without a window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from helpers.browser import CHROMIUM, DRIVER, Browser, browser
from helpers.page import Page, served
from PIL import Image
from selenium.webdriver import ActionChains, Keys

from dncnn_tf import EvaluationReport, Setting, denoise
from dncnn_tf.evaluation.results import ImageScore, Restoration, Result

TESTS = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromium-driver: apt-get install them"),
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with served() as page:
        yield page


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("downloads")) as window:
        yield window


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy photograph in colour."""
    clean = skimage.data.astronaut()[:220, 100:400]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(noisy).save(path)
    return path


def in_the_middle(canvas: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The picture in a canvas that shows it in its own size."""
    top, left = ((room - side) // 2 for room, side in zip(canvas.shape, shape[:2], strict=False))
    return canvas[top : top + shape[0], left : left + shape[1], :3].astype(int)


def test_a_picture_is_dropped_looked_at_and_downloaded(
    page: Page, window: Browser, photo: Path, tmp_path: Path, dncnn_tf
) -> None:
    before = np.asarray(Image.open(photo)).astype(int)
    after = denoise(before.astype(np.uint8)).astype(int)
    window.open(page.address)
    window.wait_for_result("sample.png")
    window.drop(photo)
    window.wait_for_result("photo.png")
    assert "300 × 220 · 8-bit RGB · PNG · noise of σ" in window.text("#facts")
    assert "so cdncnn-b" in window.text("#facts")
    window.element("#actual").click()
    runs = len([address for address in window.requests() if address.endswith("/result")])

    divider = window.element("#stage input")
    ActionChains(window.driver).move_to_element(divider).click_and_hold().move_by_offset(80, 0).release().perform()
    assert float(divider.get_property("value")) == pytest.approx(58, abs=1)
    shown = in_the_middle(window.canvas(), before.shape)
    split = round(float(divider.get_property("value")) / 100 * 1000) - 350
    np.testing.assert_array_equal(shown[:, : split - 1], before[:, : split - 1])
    np.testing.assert_array_equal(shown[:, split + 1 :], after[:, split + 1 :])

    window.set("#stage input", 0)
    for strength in (0, 0.4, 1):
        window.set("#strength", strength)
        shown = in_the_middle(window.canvas(), before.shape)
        assert np.abs(shown - (before - strength * (before - after))).max() <= 2
    window.set("#strength", 0.4)
    window.set("#side", 4)
    removed = in_the_middle(window.canvas(), before.shape)
    assert np.abs(removed - np.clip(128 + 4 * 0.4 * (before - after), 0, 255)).max() <= 2
    assert len([address for address in window.requests() if address.endswith("/result")]) == runs

    window.wait(lambda: window.text("#command") == "dncnn-tf denoise photo.png --strength 0.4")
    window.element("#download").click()
    content = window.downloaded("photo_denoised.png")
    assert dncnn_tf("denoise", photo, "--strength", 0.4, "-o", tmp_path).returncode == 0
    assert content == (tmp_path / "photo_denoised.png").read_bytes()
    window.set("#sigma", 20)
    window.wait(lambda: "σ 20 given, so cdncnn-b" in window.text("#facts"))
    window.set("#model", "dncnn-b")
    window.wait(lambda: "(estimated), dncnn-b by choice" in window.text("#facts"))


def test_a_damaged_file_is_said_as_text_and_the_others_are_shown(
    page: Page, window: Browser, photo: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "<img src=x onerror=document.title=1>.png"
    bad.write_bytes(photo.read_bytes()[:3000])
    window.open(page.address)
    window.wait_for_result("sample.png")
    window.drop(bad, photo)
    window.wait_for_result("photo.png")
    window.wait(lambda: window.text("#failure"))
    assert window.text("#failure").startswith(f"{bad.name}: damaged or cut short")
    assert not window.run("return document.querySelector('#failure').children.length")


def test_of_a_large_picture_a_part_comes_first_and_the_rest_can_be_cancelled(
    page: Page, window: Browser, photo: Path, tmp_path: Path
) -> None:
    noisy = np.asarray(Image.open(photo))
    large = Image.fromarray(np.tile(noisy, (19, 20, 1))[:4000])  # 24 megapixels
    large.save(tmp_path / "large.jpg", quality=99, subsampling=0)  # which leaves white noise white
    window.open(page.address, width=390, height=600)
    window.wait_for_result("sample.png")
    window.drop(tmp_path / "large.jpg")
    window.wait(lambda: "6000 × 4000" in window.text("#facts"))
    window.wait(lambda: window.run("return document.querySelector('#progress').hasAttribute('value')"))
    assert [address for address in window.requests() if address.endswith("/preview")]
    window.set("#stage input", 0)
    after = window.canvas()
    window.set("#stage input", 100)
    assert np.abs(after[..., :3].astype(int) - window.canvas()[..., :3]).mean() > 5  # all that is seen is done
    window.element("#cancel").click()
    window.wait(lambda: window.run("return document.querySelector('#work').hidden"))
    (input,) = (file for folder in page.folders() for file in folder.glob("*/input/large.jpg"))
    window.wait(lambda: sorted(each.name for each in input.parents[1].iterdir()) == ["input", "levels.npy"])
    window.element("#fit").click()
    window.element("#download").click()  # the page goes on
    window.wait(lambda: window.run("return document.querySelector('#progress').hasAttribute('value')"))
    window.element("#cancel").click()
    window.drop(photo)
    window.wait_for_result("photo.png")


def test_two_tabs_are_two_desks(page: Page, window: Browser, photo: Path, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.open(photo).convert("L").save(grey)
    window.open(page.address)
    first = window.driver.current_window_handle
    window.drop(photo)
    window.driver.switch_to.new_window("tab")
    try:
        window.open(page.address)
        window.drop(grey)
        window.wait_for_result("grey.png")
        assert "8-bit grey" in window.text("#facts")
    finally:
        window.driver.close()
        window.driver.switch_to.window(first)
    window.wait_for_result("photo.png")
    assert "8-bit RGB" in window.text("#facts")
    gone = {file.name for folder in page.folders() for file in folder.glob("*/input/grey.png")}
    window.wait(lambda: not gone or not [file for folder in page.folders() for file in folder.glob("*/input/grey.png")])


def test_keys_are_enough(page: Page, window: Browser, photo: Path) -> None:
    window.open(page.address)
    window.element("#choose").send_keys(str(photo))
    window.wait_for_result("photo.png")
    window.run("document.activeElement.blur()")

    def press(*keys: str) -> str:
        ActionChains(window.driver).send_keys(*keys).perform()
        return window.run(
            "const {id, name, tagName, type} = document.activeElement; return id || name || type || tagName"
        )

    visited = []
    while (now := press(Keys.TAB)) not in visited:
        visited.append(now)
        if now == "CANVAS":
            small = window.canvas()
            press("+")
            window.wait(lambda small=small: not np.array_equal(window.canvas(), small))
            press("0")
            window.wait(lambda small=small: np.array_equal(window.canvas(), small))
        elif now == "range":
            press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
            assert window.run("return document.activeElement.value") == "48"
            window.wait(lambda: window.run("return document.activeElement.ariaValueText") == "48 % before")
        elif now == "strength":
            press(Keys.ARROW_LEFT)
            window.wait(lambda: "--strength 0.99" in window.text("#command"))
    assert {"task", "choose", "download", "CANVAS", "range", "strength", "model", "sigma", "side", "fit", "copy"} <= {
        *visited
    }
    outlines = "return getComputedStyle(arguments[0]).outlineStyle"
    window.run("arguments[0].focus({focusVisible: true})", window.element("#stage canvas"))
    assert window.run(outlines, window.element("#stage canvas")) != "none"
    window.run("document.querySelector('#tasks input').focus()")
    press(Keys.ARROW_RIGHT)
    window.wait(lambda: window.text("#command") == "dncnn-tf deblock photo.png")
    window.run("document.querySelector('#download').focus()")
    press(Keys.ENTER)
    assert window.downloaded("photo_deblocked.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_phone_in_the_dark_too(page: Page, window: Browser, dark: bool) -> None:
    window.open(page.address, width=390, height=844, dark=dark)
    window.wait_for_result("sample.png")
    assert window.run("return document.documentElement.scrollWidth") == 390
    outside = """
        return [...document.querySelectorAll("button, select, input, main")].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.width > 1 && !each.closest("#stage") && (box.left < 0 || box.right > 390);
        }).map((each) => each.outerHTML)"""
    assert window.run(outside) == []
    color = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    back = luminance(window.run(color, "body", "backgroundColor"))
    assert (back < 0.1) == dark
    for part in ("body", "footer", "#command"):
        text = luminance(window.run(color, part, "color"))
        assert (max(text, back) + 0.05) / (min(text, back) + 0.05) > 4.5  # WCAG's contrast


def luminance(color: str) -> float:
    """Of "rgb(R, G, B)", relative, as WCAG has it."""
    levels = np.array([float(level) for level in color[4:-1].split(",")[:3]]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_page_in_one_file_opens_from_the_disk(window: Browser, photo: Path, tmp_path: Path, dncnn_tf) -> None:
    assert dncnn_tf("denoise", photo, "-o", tmp_path / "out", "--compare", "html").returncode == 0
    seen = len(window.requests())
    window.driver.get_log("browser")  # of what was before
    window.open((tmp_path / "out/photo_denoised_compare.html").as_uri())
    window.wait(lambda: window.run("return document.querySelector('.divider:not([hidden])')"))
    window.element("#actual").click()
    window.set("#stage input", 0)
    with Image.open(tmp_path / "out/photo_denoised.png") as after:
        np.testing.assert_array_equal(in_the_middle(window.canvas(), (220, 300)), np.asarray(after))
    assert all(address.startswith(("file:", "data:")) for address in window.requests()[seen:])
    assert not [entry for entry in window.driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_report_is_chosen_from_and_sorted(window: Browser, tmp_path: Path) -> None:
    report = EvaluationReport(tmp_path)
    scores = [ImageScore(name, psnr, 0.9, 20.0, 0.5) for name, psnr in (("b<b>", 9.5), ("a", 30.25))]
    for score, level in zip(scores, (0.25, 0.75), strict=True):
        pictures = [np.full((40, 60, 1), value, np.float32) for value in (level, level / 2, level / 3)]
        report.add_image(score, Restoration(*pictures))
    report.add(Result("model", "data", Setting("denoise", 25), "float32", tuple(scores)))
    report.write("title")
    window.open((tmp_path / "index.html").as_uri())
    window.wait(lambda: window.text("#name") == "b<b>")
    first = "return [...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent)"
    assert window.run(first) == ["b<b>", "a"]
    for order in (["b<b>", "a"], ["a", "b<b>"]):
        window.run("document.querySelectorAll('th button')[2].click()")  # PSNR
        assert window.run(first) == order
    window.run("document.querySelectorAll('.index button')[1].click()")
    window.wait(lambda: window.text("#name") == "a")
    assert window.text("#caption") == "20.00 dB → 30.25 dB, SSIM 0.5000 → 0.9000"
    window.element("#actual").click()
    for side, level in (("clean", 0.75), ("input", 0.375), ("output", 0.25)):
        window.set("#right", side)
        window.set("#stage input", 0)
        shown = in_the_middle(window.canvas(), (40, 60))[2:-2, 2:-2]
        assert (shown == round(level * 255)).all()


def test_nothing_is_asked_of_elsewhere_and_nothing_is_missed() -> None:
    """In a network of its own, without a way out, the page does all that it does."""
    unshare = ["unshare", "--net", "--map-root-user"] if os.getuid() else ["unshare", "--net"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network of one's own is permitted here")
    done = subprocess.run(
        [*unshare, sys.executable, "-m", "helpers.isolated"], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not found["reached"]
    assert found["size"] > 100_000
    assert len(found["requests"]) > 10
    elsewhere = [
        address for address in found["requests"] if not address.startswith((found["origin"], "blob:", "data:"))
    ]
    assert elsewhere == []
