"""`dncnn-tf models`: it shows what the cards say, at once, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dncnn_tf.models.cards import PRETRAINED, read_card, shipped_models


def test_the_list_names_every_model_and_its_figures(dncnn_tf) -> None:
    lines = dncnn_tf("models").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *shipped_models()]
    for name, line in zip(shipped_models(), lines[1:], strict=True):
        card = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
        for level, sign in (("sigma", "σ "), ("scale", "×"), ("quality", "quality ")):
            for first in [row for row in card["measured"] if level in row][:1]:
                assert f"{first['data']}: {first['psnr']:.2f} dB at {sign}{first[level]}" in line


@pytest.mark.parametrize("name", shipped_models())
def test_a_card_says_how_the_model_came_about(dncnn_tf, name: str) -> None:
    card = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
    shown = dncnn_tf("models", name).stdout
    for value in (card["summary"], card["command"], card["hardware"], card["sha256"], f"{card['result']['steps']:,}"):
        assert value in shown
    for row in card["measured"]:
        assert f"{row['psnr']:.2f}  {row['ssim']:.4f}" in shown
    assert f"{card['curve'][-1]['step']}" in shown


def test_a_card_says_where_another_model_in_the_box_is_better(dncnn_tf) -> None:
    (best,) = (row["psnr"] for row in read_card("dncnn-s-25")["measured"] if row["data"] == "bsd68")
    ends = {}
    for name in ("dncnn-b", "dncnn-s-25"):
        lines = map(str.split, dncnn_tf("models", name).stdout.splitlines())
        (line,) = (each for each in lines if each[:3] == ["bsd68", "σ", "25"])
        ends[name] = line[5:]
    assert ends == {"dncnn-b": ["dncnn-s-25", f"{best:.2f}"], "dncnn-s-25": []}


def test_json_is_the_cards(dncnn_tf, tmp_path: Path) -> None:
    cards = [json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8")) for name in shipped_models()]
    assert json.loads(dncnn_tf("models", "--json", "-").stdout) == cards
    file = tmp_path / "card.json"
    assert dncnn_tf("models", shipped_models()[0], "--json", file).returncode == 0
    assert json.loads(file.read_text(encoding="utf-8")) == cards[0]
    file.write_text("mine")
    refused = dncnn_tf("models", "--json", file)
    assert (refused.returncode, file.read_text()) == (1, "mine")
    assert "exists already; give --overwrite" in refused.stderr
    assert dncnn_tf("models", "--json", file, "--overwrite").returncode == 0
    assert json.loads(file.read_text(encoding="utf-8")) == cards


def test_an_unknown_model_is_refused_with_the_names_there_are(dncnn_tf) -> None:
    done = dncnn_tf("models", "dncnn-s-75")
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"no such model is shipped; there are: {', '.join(shipped_models())}" in done.stderr
