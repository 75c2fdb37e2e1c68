"""Named batteries: seed 0 comes with the package, the others are the same job with another seed, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from comparisons import battery_plan
from comparisons.battery_plan import BATTERIES, MINUTES, RUNS, make_missing, minutes_to_make, missing, models_of
from comparisons.phenomena import PHENOMENA
from comparisons.progress import Reporter
from comparisons.run_folder import SHIPPED
from comparisons.shipped import jobs


@pytest.mark.parametrize("name", list(BATTERIES))
def test_what_is_missing(name: str, tmp_path: Path) -> None:
    """Oracle: seeds times models, less one of each that comes with the package, less what is there."""
    found = BATTERIES[name]  # type: ignore[index]
    assert set(found.phenomena) <= set(PHENOMENA) and set(found.models) <= set(MINUTES) and set(found.models.values()) <= set(jobs())
    models = models_of(name, tmp_path)  # type: ignore[arg-type]
    assert all(m.runs[0].parent == SHIPPED and len(m.runs) == found.seeds for m in models)
    todo = missing(name, tmp_path)  # type: ignore[arg-type]
    assert len(todo) == len(models) * (found.seeds - 1)
    for path, job in todo.items():
        model, _, seed = path.name.rpartition("-")
        like = jobs()[found.models[model]]
        assert job.model_dump() == like.model_dump() | {"seed": int(seed)}
    (tmp_path / RUNS / "leaky-1").mkdir(parents=True)
    assert minutes_to_make(name, tmp_path) == pytest.approx(sum(MINUTES[p.name.rpartition("-")[0]] for p in todo) - MINUTES["leaky"])  # type: ignore[arg-type]


def test_making_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: every missing run is asked for once, under its own name."""
    asked = []

    def run_job(job: object, out: Path, **_: object) -> None:
        asked.append(out)
        out.mkdir(parents=True)

    monkeypatch.setattr(battery_plan, "run_job", run_job)
    make_missing("quick", tmp_path, Reporter())
    make_missing("quick", tmp_path, Reporter())
    assert [p.name for p in asked] == ["leaky-1", "leaky-2", "spiking-1", "spiking-2"]
    assert missing("quick", tmp_path) == {}
