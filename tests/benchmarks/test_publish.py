"""What is measured for a card."""

from __future__ import annotations

from types import SimpleNamespace

from benchmarks.release import publish


def test_only_what_a_card_lacks_is_measured(monkeypatch) -> None:
    """And all rows are in the order in which `publish` measures them."""
    asked = []

    def evaluate(engine, folder, setting):
        asked.append((folder, setting.task, setting.degree))
        return SimpleNamespace(psnr=30.00004, ssim=0.900004)

    monkeypatch.setattr(publish, "evaluate", evaluate)
    monkeypatch.setattr(publish, "resolve", lambda data: data)
    all_rows = publish.measure(None, "dncnn-3")
    assert asked[-1] == ("live1", "jpeg", 40)
    assert {"data": "urban100", "scale": 3, "psnr": 30.0, "ssim": 0.9} in all_rows

    asked.clear()
    known = [row | {"psnr": 31.0} for row in all_rows if row["data"] != "urban100"]
    completed = publish.measure(None, "dncnn-3", known)
    assert asked == [("urban100", "super-resolution", scale) for scale in (2, 3, 4)]
    assert [(row["data"], row["psnr"] == 30) for row in completed] == [
        (row["data"], row["data"] == "urban100") for row in all_rows
    ]
