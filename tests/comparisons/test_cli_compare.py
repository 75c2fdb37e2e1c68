"""The command that lays models side by side: what it writes, and what it refuses before anything costs time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comparisons import cli_compare
from comparisons.cli_compare import compare
from snn.errors import RunFolderError, SubjectError

TWO = ("leaky=drift-leaky", "lstm=drift-convlstm")
LITTLE = {"parts": "trajectories", "movies": 2, "length": 10, "trials": 1}


@pytest.fixture(autouse=True)
def known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring how fast models are would take as long as asking them."""
    monkeypatch.setattr("comparisons.comparing.frame_s", lambda responder: 0.1)


def test_numbers_page_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: numbers.json has the rows that were asked for; the table names both; the folder is whole."""
    out = tmp_path / "new" / "both"
    compare(model=TWO, out=out, **LITTLE)  # type: ignore[arg-type]
    told = capsys.readouterr()
    assert "lstm beside leaky" in told.out and "both untrained" in told.out
    assert "this will take about 10 s" in told.err, "20 frames, by two models and both untrained, at 0.1 s and 1.3 for the rest"
    assert f"page: {out / 'compare.html'}" in told.err
    numbers = json.loads((out / "numbers.json").read_text())
    rows = numbers["parts"]["trajectories"]["rows"]
    assert {r["relation"] for r in rows} == {"models", "untrained", "learning", "pixels"}, "of one run each no two can be compared"
    assert numbers["models"]["lstm"][0].endswith("drift-convlstm") and "--length 10" in numbers["command"]
    assert sorted(p.name for p in out.iterdir()) == ["compare.html", "figures", "numbers.json"]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["both"], "nothing else is left"
    with pytest.raises(RunFolderError, match="exists already"):
        compare(model=TWO, out=out)


def test_without_a_folder_nothing_is_drawn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.figure_compare.trajectories_svg", lambda traces: pytest.fail("it was drawn"))
    compare(model=TWO, movies=2, length=10, trials=1, untrained=False, json_=True)
    numbers = json.loads(capsys.readouterr().out)
    assert list(numbers["parts"]) == ["trajectories"] and numbers["command"].endswith("--no-untrained")


def test_half_a_folder_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that cannot be written leaves nothing behind."""
    monkeypatch.setattr("comparisons.compare_page.write_page", lambda out: 1 / 0)
    monkeypatch.setattr("comparisons.figure_compare.trajectories_svg", lambda traces: "<svg/>")
    with pytest.raises(ZeroDivisionError):
        compare(model=TWO, out=tmp_path / "out", untrained=False, **LITTLE)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"model": TWO[:1]}, "two or more"),
        ({"model": (TWO[0], TWO[0])}, "one name"),
        ({"model": ("drift-leaky", TWO[1])}, "NAME=RUN"),
        ({"model": TWO, "parts": "rsa,size"}, "no such part.*size.*trajectories, rsa, fields, tuning"),
        ({"model": ("a=drift-leaky,drift-leaky", "b=drift-leaky,drift-leaky")}, "one run twice"),
        ({"model": ("a=drift-leaky", "b=drift-convlstm,drift-leaky")}, "same number of runs"),
    ],
)
def test_what_is_refused(words: dict[str, object], match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_compare, "_write", lambda *_: pytest.fail("it was run"))
    with pytest.raises(SubjectError, match=match):
        compare(**words)  # type: ignore[arg-type]
