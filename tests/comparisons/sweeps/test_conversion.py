"""Sweeps of conversions: the rate network is trained once for all that convert it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from comparisons.inspection import CircuitRun, load_run
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep
from comparisons.sweeps.table import read_table
from snn.errors import DescriptionError, MovieError

FILE = """
seeds = [3]
[run]
kind = "conversion"
recipe = { dead = "keep_all", calibration_frames = 20 }
[run.rate]
kind = "rate"
model = { rows = 8, cols = 8, channels = [1, 2], r_channels = [2, 2], cell = "leaky", pooling = "average", timing = { step_ms = 10.0 } }
plan = { updates = 1, batch = 1 }
source = { frames = "photographs", size = 8, n_movies = 2 }
[vary]
"recipe.copies" = [1, 2]
"""


def test_a_sweep_of_copies(tmp_path: Path) -> None:
    """Oracle: sizes: twice the copies are twice the cells but those of the eye; one rate network lies in the folder beside both."""
    (tmp_path / "copies.toml").write_text(FILE)
    sweep = Sweep.read(tmp_path / "copies.toml")
    assert Sweep(**sweep.model_dump(mode="json")) == sweep
    table = run_sweep(sweep, tmp_path / "out")
    assert list(table["status"]) == ["done", "done"], table["error"].tolist()
    assert list(table["recipe.copies"]) == [1, 2] and list(table["seed"]) == [3, 3]
    runs = [load_run(tmp_path / "out" / "runs" / name) for name in table["run"]]
    for run, copies in zip(runs, (1, 2), strict=True):
        assert isinstance(run, CircuitRun) and run.job.seed == 3
        assert run.network.population("level0.representation").copies == copies
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 3
    again = run_sweep(sweep, tmp_path / "out")
    assert again.drop(columns="seconds").equals(read_table(tmp_path / "out").drop(columns="seconds"))


def test_seeds_stand_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "copies.toml").write_text(FILE.replace("plan = { updates", "seed = 1\nplan = { updates"))
    with pytest.raises(DescriptionError, match="seed is that of rate and recipe too"):
        Sweep.read(tmp_path / "copies.toml")


def test_what_cannot_be_converted_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "copies.toml").write_text(FILE.replace(", timing = { step_ms = 10.0 }", ""))
    with pytest.raises(DescriptionError, match="only a network in milliseconds can be converted"):
        Sweep.read(tmp_path / "copies.toml")


def test_frames_that_are_not_there_are_missed_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "copies.toml").write_text(FILE.replace('frames = "photographs"', 'frames = "missing.npz"'))
    with pytest.raises(MovieError, match=r"missing.npz: no such file or folder"):
        run_sweep(Sweep.read(tmp_path / "copies.toml"), tmp_path / "out")


def test_a_rate_network_that_fails_is_the_error_of_its_conversion(tmp_path: Path) -> None:
    bad = tmp_path / "missing.npz"
    bad.write_text("no frames")
    (tmp_path / "copies.toml").write_text(FILE.replace('frames = "photographs"', f'frames = "{bad}"'))
    table = run_sweep(Sweep.read(tmp_path / "copies.toml"), tmp_path / "out")
    assert set(table["status"]) == {"failed"}
    assert all("could not be made" in error and "missing.npz" in error for error in table["error"])


def test_ablations_are_of_circuits(tmp_path: Path) -> None:
    (tmp_path / "copies.toml").write_text('ablations = ["shared"]\n' + FILE)
    with pytest.raises((DescriptionError, ValidationError), match="edits of a circuit"):
        Sweep.read(tmp_path / "copies.toml").points()
