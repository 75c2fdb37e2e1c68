"""The demonstration, with tiny numbers: what it makes, says, keeps and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comparisons import demo
from comparisons.battery import Battery
from comparisons.demo import PHENOMENA, command, job, models, run_demo
from comparisons.run_folder import SHIPPED, verify
from comparisons.shipped import jobs
from conversion.recipe import Recipe
from snn.errors import StateError


def test_models_and_phenomena() -> None:
    """Oracle: the shipped models, by name; every phenomenon is one; the local circuit learns as the shipped one does."""
    found = {m.name: m for m in models(Path("out"), 2)}
    assert list(found) == ["prednet", "converted", "local"] and [m.untrained for m in found.values()] == [True, False, True]
    assert found["prednet"].runs == (SHIPPED / demo.PREDNET,) and (SHIPPED / demo.SMALL).is_dir() and demo.SMALL in jobs()
    assert [run.name for run in found["local"].runs] == ["local-0", "local-1"]
    Battery(list(found.values()), PHENOMENA, Path("out"))
    like = jobs()["drift-spiking"]
    assert job(3, 7).plan == like.plan and job(3, 7).source == like.source.model_copy(update={"n_movies": 7}) and job(3, 7).seed == 3  # type: ignore[union-attr]


@pytest.mark.slow
def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it once; again, it uses what is there; with other numbers it refuses."""
    monkeypatch.setattr(demo, "RECIPE", Recipe(copies=1, dead="keep"))
    monkeypatch.setattr(demo, "PHENOMENA", ("rhythms",))
    out = tmp_path / "demo"
    printed = run_demo(out, seeds=1, n_movies=4, workers=2)
    for name in ("converted", "local-0"):
        verify(out / name)
    lines = printed.splitlines()
    for name in ("prednet", "converted", "local"):
        said = next(line for line in lines if line.startswith(f"  {name} "))
        ratio = json.loads((out / "results" / name / "0" / "gate.json").read_text())["ratio"]
        assert said.split() == [name, f"{ratio:.2f}"]
    assert lines[-1] == f"the report, with pictures: {out / 'report.html'}"
    page = (out / "report.html").read_text()
    assert f"spiking-prednet demo --seeds 1 --movies 4 --out {out}" in page
    assert command(Battery.open(out)) == ["demo", "--seeds", "1", "--movies", "4", "--out", str(out)]
    stamps = {p: p.stat().st_mtime_ns for kind in ("results", "converted", "local-0") for p in (out / kind).rglob("*") if p.is_file()}
    assert run_demo(out, seeds=1, n_movies=4, workers=2) == printed
    kept = {p: p.stat().st_mtime_ns for p in stamps}
    assert {p.name for p in stamps if kept[p] != stamps[p]} <= {"rhythms.forecast.npz"}
    with pytest.raises(StateError, match="other settings"):
        run_demo(out, seeds=1, n_movies=5, workers=1)
