"""Search: it finds what a grid finds, gives up what does badly, judges by frames kept for that, and goes on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comparisons.evaluation import pooled_ratio
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.subjects import validation_scores
from comparisons.sweeps.axes import Range
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.search import MEASURE, run_search
from comparisons.sweeps.table import best, read_table
from plasticity.training import Plan
from snn.errors import DescriptionError

optuna = pytest.importorskip("optuna")
JOB = Job(source=Source(frames="photographs", size=8, n_movies=30), plan=Plan(passes=1, eta_end=0.02))
SWEEP = Sweep(run=JOB, vary={"eta: plan.eta_start": Range(low=0.003, high=1.0, log=True)})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("search")
    run_search(SWEEP, out, trials=10)
    return out


def test_it_prefers_what_learns(searched: Path) -> None:
    """Oracle: a rate a hundred times too low learns nothing, so that what was tried most and was best lies far above it."""
    table = read_table(searched)
    done = table[table["status"] == "done"]
    assert len(table) == 10 and len(done) >= 5
    best = done.loc[done[MEASURE].idxmin()]
    assert best["eta"] > 0.1 and best[MEASURE] == done[MEASURE].min() < done[MEASURE].max()


def test_what_does_badly_is_given_up(searched: Path) -> None:
    """Runs that were given up have no outcome and no finished folder; those that ended were as good as others at that point."""
    table = read_table(searched)
    waiting = table[table["status"] == "waiting"]
    assert len(waiting) > 0
    for name in waiting["run"]:
        assert not (searched / "runs" / name).exists() and (searched / "runs" / f"{name}.partial").exists()


def test_it_is_judged_by_frames_that_are_not_held_out(searched: Path) -> None:
    """Oracle: the score on new drifts of the photographs that were learned from, from the run folder."""
    row = read_table(searched).query("status == 'done'").iloc[0]
    assert row[MEASURE] == pytest.approx(pooled_ratio(validation_scores(searched / "runs" / row["run"])))
    assert row[MEASURE] != pytest.approx(row["ratio"])


def test_it_goes_on(searched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough trials are enough; two more are two more runs."""
    before = {p.name for p in (searched / "results").glob("*.json")}
    run_search(SWEEP, searched, trials=10)
    assert {p.name for p in (searched / "results").glob("*.json")} == before
    assert len(run_search(SWEEP, searched, trials=12)) == 12


def test_equal_seeds_propose_the_same(tmp_path: Path) -> None:
    one, again = (run_search(SWEEP, tmp_path / name, trials=3, seed=5)["eta"].tolist() for name in ("one", "again"))
    other = run_search(SWEEP, tmp_path / "other", trials=3, seed=6)["eta"].tolist()
    assert one == again != other


def test_lists_whole_numbers_and_seeds(tmp_path: Path) -> None:
    axes = {"eta: plan.eta_start": (0.3, 0.8), "stretch: plan.stretch": Range(low=5, high=10, integer=True)}
    table = run_search(Sweep(run=JOB, vary=axes, seeds=(0, 1)), tmp_path, trials=2)  # type: ignore[arg-type]
    assert set(table["eta"]) <= {0.3, 0.8} and set(table["seed"]) == {0, 1}
    assert all(5 <= s <= 10 and s == round(s) for s in table["stretch"])


def test_a_run_that_fails_is_told_and_does_not_end_the_search(tmp_path: Path) -> None:
    strict = JOB.model_copy(update={"plan": JOB.plan.model_copy(update={"max_rate_Hz": 15.0})})
    table = run_search(Sweep(run=strict, vary={"eta: plan.eta_start": (0.3, 1e6)}), tmp_path, trials=6)  # type: ignore[arg-type]
    told = dict(zip(table["eta"], table["status"], strict=True))
    assert told == {0.3: "done", 1e6: "failed"}


def test_settings_that_make_no_run_are_counted(tmp_path: Path) -> None:
    """A value that the circuit refuses would otherwise be tried for ever; the table has the others."""
    axes = {"tau: level0.error_pos.cell.tau_mem_ms": (-1.0, 1.0)}
    table = run_search(Sweep(run=JOB, vary=axes), tmp_path, trials=4)  # type: ignore[arg-type]
    assert set(table["tau"]) <= {1.0}


def test_more_trials_are_of_other_settings(tmp_path: Path) -> None:
    first = run_search(SWEEP, tmp_path, trials=2)["eta"].tolist()
    more = run_search(SWEEP, tmp_path, trials=4)["eta"].tolist()
    assert more[:2] == first and len(set(more)) == 4


def test_the_best_are_those_of_which_all_seeds_ended() -> None:
    rows = [("a", 0, 0.3), ("a", 1, 0.5), ("b", 0, 0.1), ("b", 1, np.nan), (None, 0, 0.2), (None, 1, 0.3)]
    table = pd.DataFrame([{"eta": e, "seed": s, "status": "done", MEASURE: m} for e, s, m in rows])
    assert [group[MEASURE].mean() for group in best(table, ["eta"], MEASURE, 2)] == pytest.approx([0.25, 0.4])


def test_bad_searches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="nothing to search"):
        run_search(Sweep(run=JOB), tmp_path, trials=1)
    both = Sweep(run=JOB, vary={"plan.eta_start": (0.1, 0.2)}, ablations=("none", "shared"))  # type: ignore[arg-type]
    with pytest.raises(DescriptionError, match="search with one at a time"):
        run_search(both, tmp_path, trials=1)
    video = SWEEP.model_copy(update={"run": JOB.model_copy(update={"source": Source(frames="drive.mp4", size=8, hold_out=20)})})
    with pytest.raises(DescriptionError, match="keeps no frames to choose settings on"):
        run_search(video, tmp_path, trials=1)


SCRIPT = """
import json, sys
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.search import run_search
run_search(Sweep(**json.loads(sys.argv[1])), sys.argv[2], trials=8)
"""


@pytest.mark.slow
def test_killed_in_the_middle_it_ends_what_was_cut_off(tmp_path: Path) -> None:
    """The trial that ran when the process was killed comes first, and from its checkpoint; none stays in a state of running."""
    longer = SWEEP.model_copy(update={"run": JOB.model_copy(update={"source": JOB.source.model_copy(update={"n_movies": 300})})})
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(longer.model_dump(mode="json")), str(tmp_path)])
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "results").glob("*.json"))) < 2 or not list((tmp_path / "runs").glob("*.partial")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    cut_off = {p.name.removesuffix(".partial") for p in (tmp_path / "runs").glob("*.partial")}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    table = run_search(longer, tmp_path, trials=8)
    assert len(table) == 8 and cut_off <= set(table["run"])
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.journal")))
    states = [t.state.name for t in optuna.load_study(study_name="search", storage=storage).trials]
    assert "RUNNING" not in states and states.count("COMPLETE") + states.count("PRUNED") == 8
    assert np.isfinite(table[table["status"] == "done"]["ratio"]).all()
