"""Named batteries: seed 0 comes with the package, the others are the same job with another seed, made once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from comparisons import battery_plan
from comparisons.battery_plan import BATTERIES, COPIES, RUNS, make_missing, minutes_to_make, missing, models_of
from comparisons.phenomena import PHENOMENA
from comparisons.progress import Reporter
from comparisons.run_folder import SHIPPED
from comparisons.shipped import jobs
from snn.errors import StateError


@pytest.mark.parametrize("name", list(BATTERIES))
def test_what_is_missing(name: Any, tmp_path: Path) -> None:
    """Oracle: seeds times models, less one of each that comes with the package, less what is there."""
    found = BATTERIES[name]
    assert set(found.phenomena) <= set(PHENOMENA)
    assert {m.shipped for m in found.models.values()} - {""} <= set(jobs())
    models = models_of(name, tmp_path)
    shipped = [m.name for m in models if m.runs[0].parent == SHIPPED]
    assert shipped == [name for name, m in found.models.items() if m.shipped and m.size is None]
    assert all(len(set(m.runs)) == found.seeds for m in models)
    todo = missing(name, tmp_path)
    assert len(todo) == len(models) * found.seeds - len(shipped)
    whole = minutes_to_make(name, tmp_path)
    (tmp_path / RUNS / "leaky-1").mkdir(parents=True)
    assert minutes_to_make(name, tmp_path) == pytest.approx(whole - found.models["leaky"].minutes)
    for k, member in enumerate(found.models.values()):
        assert not member.converted or member.converted in list(found.models)[:k]


def test_making_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: every missing run is asked for once, under its own name; what is converted, after what it comes from."""
    asked: list[tuple[str, int]] = []
    again: list[str] = []

    def learned(job: Any, out: Path, *_: object, **__: object) -> None:
        member = BATTERIES["full"].models[out.name.rpartition("-")[0]]
        like = jobs()[member.shipped].model_dump()
        assert job.model_dump() == like | {"seed": job.seed, "source": like["source"] | {"size": member.size or 16}}
        made(out, job.seed)

    def made(out: Path, seed: int) -> None:
        if out.exists():
            again.append(out.name)
            return
        asked.append((out.name, seed))
        out.mkdir(parents=True)

    def converted(source: Path, out: Path, recipe: Any, *_: object) -> None:
        assert source.name == (f"leaky-ms-{recipe.seed}" if recipe.seed else "drift-leaky-ms-small") and recipe.copies == COPIES
        assert source.is_dir() or not recipe.seed
        made(out, recipe.seed)

    monkeypatch.setattr(battery_plan, "learned", learned)
    monkeypatch.setattr(battery_plan, "converted", converted)
    for name in ("quick", "full"):
        for _ in range(2):
            make_missing(name, tmp_path / name, Reporter())  # type: ignore[arg-type]
        assert missing(name, tmp_path / name) == []  # type: ignore[arg-type]
    assert again == [out for out, _ in asked], "what is there was not looked at"
    assert [out for out, _ in asked[:4]] == ["leaky-1", "leaky-2", "spiking-1", "spiking-2"]
    assert all(out.rpartition("-")[2] == str(seed) for out, seed in asked) and len(set(asked[4:])) == len(asked) - 4 == 26


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    """Oracle: a run of one seed, under the name of another."""
    shutil.copytree(SHIPPED / "drift-leaky", tmp_path / RUNS / "leaky-1")
    with pytest.raises(StateError, match=r"leaky-1: holds a run of other settings"):
        make_missing("quick", tmp_path, Reporter())
    assert not (tmp_path / RUNS / "leaky-2").exists()


def test_a_conversion_whose_source_is_gone_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: by hand: the rate network is made first, then what is there of its conversion is looked at."""
    asked: list[str] = []
    for what in ("learned", "converted"):
        monkeypatch.setattr(battery_plan, what, lambda *given, **more: asked.append(given[1].name))
    (tmp_path / RUNS / "converted-1").mkdir(parents=True)
    make_missing("full", tmp_path, Reporter())
    assert asked.index("leaky-ms-1") < asked.index("converted-1") and asked.count("converted-1") == 1
