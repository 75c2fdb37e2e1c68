"""A small ladder, climbed for real: networks made, asked, and not made again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from comparisons import climbing
from comparisons.battery import Battery
from comparisons.climbing import ASKED, climb, estimate, plan_table
from comparisons.ladder import Ladder, Scale, ladder
from comparisons.ladder_page import write_ladder
from comparisons.ladder_results import CLIMBED, Found, read_climbed
from comparisons.ladder_table import cost_table, tables
from comparisons.subjects import held_out_ratio
from comparisons.sweeps import work
from comparisons.sweeps.table import read_table

TINY = Scale(size=16, channels=(1, 2), r_channels=(2, 2), n_movies=2, n_frames=6, batch=1, updates=1, circuit_updates=1, seeds=2)


def tiny(*rungs: str) -> Ladder:
    return replace(ladder("quick", phenomena=("flow_halt",)), scale=TINY, cumulative=rungs)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ladder, Path, Found]:
    out, asked = tmp_path_factory.mktemp("ladder"), tiny("prednet", "local")
    return asked, out, climb(asked, out)


def test_all_networks_are_made_and_asked(made: tuple[Ladder, Path, Found]) -> None:
    asked, out, found = made
    assert [(c.rung, c.seed, c.error) for c in found.climbed] == [(r, s, "") for s in (0, 1) for r in ("prednet", "local")]
    assert sorted((r.model, r.seed) for r in found.records) == [("local", 0), ("local", 1), ("prednet", 0), ("prednet", 1)]
    assert tuple(read_climbed(out / CLIMBED)) == found.climbed
    assert set(read_table(out)["rung"]) == {"prednet", "local"}
    row = cost_table(asked, found, "cumulative").rows[1]
    assert row[0] == "local" and row[2] == "2" and row[4] != "-"


def test_the_gate_is_the_held_out_error_of_the_run(made: tuple[Ladder, Path, Found]) -> None:
    """Oracle: the run scored again."""
    _, out, found = made
    one = next(c for c in found.climbed if c.rung == "local")
    gate = next(r.gate for r in found.records if r.model == "local" and r.seed == 0)
    assert gate == pytest.approx(held_out_ratio(out / "runs" / one.run), rel=1e-4)


def test_a_ladder_that_was_climbed_is_not_climbed_again(made: tuple[Ladder, Path, Found], monkeypatch: pytest.MonkeyPatch) -> None:
    asked, out, found = made
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.json") if "runs" in path.parts or "flow_halt" in path.name}
    monkeypatch.setattr(Battery, "measure", lambda self, task: pytest.fail("measured again"))
    assert climb(asked, out) == found
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert estimate(asked, out, 1).startswith("0 of 4 networks are to be made")


def test_the_page_has_what_biology_costs_before_the_phenomena(made: tuple[Ladder, Path, Found]) -> None:
    asked, out, found = made
    page = write_ladder(asked, found, out / ASKED).read_text()
    assert page.index("From PredNet to biology") < page.index('id="flow_halt"')
    assert "a local rule in place of backprop" in page and page.count("<svg") >= 2
    assert "| local |" in tables(asked, found)


def test_what_cannot_be_made_is_a_row_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: a rung whose settings make it fail while it is built: one channel beside three levels of a circuit too small for them."""
    asked = replace(tiny("prednet", "local"), scale=replace(TINY, channels=(1, 2, 2), r_channels=(2, 2, 2), seeds=2))
    monkeypatch.setattr(climbing, "_keep_gates", lambda *_: None)
    monkeypatch.setattr(Battery, "run", lambda self, *_: {})
    found = climb(asked, tmp_path)
    assert {c.rung: bool(c.error) for c in found.climbed} == {"prednet": False, "local": True}
    assert all("field" in c.error for c in found.climbed if c.rung == "local")


def test_the_plan_lists_every_rung_with_its_time() -> None:
    rows = plan_table(ladder("quick")).rows
    assert [row[1] for row in rows] == ["prednet", "leaky", "milliseconds", "spikes", "circuit", "local"]
    assert all(float(row[5]) > 0 for row in rows) and rows[-1][4] == "12,000"


@pytest.mark.usefixtures("a_worker_of_this_process")
def test_a_ladder_of_which_a_seed_fails_goes_on_and_keeps_its_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed 0 of a rung fails; seed 1 is asked with the stimuli of seed 1, in its own folder; climbed again, the same."""
    asked = tiny("prednet")
    first = asked.points()[0].name
    real = work.numbers
    monkeypatch.setattr(work, "numbers", lambda folder: real(folder) if folder.name != first else 1 / 0)
    asked_again = [climb(asked, tmp_path) for _ in range(2)]
    for found in asked_again:
        assert [(c.seed, bool(c.error)) for c in found.climbed] == [(0, True), (1, False)]
        assert [r.seed for r in found.records] == [1] and list(found.values("prednet", "flow_halt")) == [1]
    assert [p.name for p in (tmp_path / ASKED / "results" / "prednet").iterdir()] == ["1"]
    assert Battery.open(tmp_path / ASKED).models[0].seeds == (1,)
    assert "1, 1 failed" in (tmp_path / "ladder.md").read_text()


def test_tables_are_there_when_asking_is_stopped(made: tuple[Ladder, Path, Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, out, found = made
    shutil.copytree(out, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / ASKED)
    (tmp_path / "copy" / "ladder.md").unlink()
    monkeypatch.setattr(Battery, "measure", lambda self, task: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        climb(asked, tmp_path / "copy")
    assert cost_table(asked, Found(found.climbed), "cumulative").markdown() in (tmp_path / "copy" / "ladder.md").read_text()


@pytest.mark.slow
def test_what_is_converted_is_asked_beside_its_untrained_self(tmp_path: Path) -> None:
    """The rate network is made once for both rungs, and the converted one finds it for its control, also where both were moved."""
    asked = replace(tiny("milliseconds", "spikes"), scale=replace(TINY, n_movies=8, updates=60, batch=2, n_frames=12, copies=2))
    found = climb(asked, tmp_path / "ladder")
    assert [(c.rung, c.error) for c in found.climbed] == [("milliseconds", ""), ("spikes", "")] * 2
    assert len(list((tmp_path / "ladder" / "runs").iterdir())) == 4
    shutil.move(tmp_path / "ladder", tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / ASKED)
    again = climb(asked, tmp_path / "moved")
    assert again.climbed == found.climbed
    assert [r.effects for r in again.records] == [r.effects for r in found.records]
    assert all("untrained" in r.effects for r in again.records if r.model == "spikes")
