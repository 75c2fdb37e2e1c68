"""``learn --mismatch --calibrate``: what learns when, and that a stop changes nothing.

Oracles: the state at birth, byte equality with an uninterrupted run, and the messages.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import main
from comparisons.inspection import load_circuit
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.progress import Reporter
from comparisons.recipes import RECIPES, STILL_FRAMES, still_photographs
from comparisons.running import run_job
from plasticity import VogelsRate
from plasticity.balance import inhibition_of_errors
from plasticity.training import Plan
from snn.stimuli.drift import LEARNING
from snn.testing import random_walk

SIZE = 6


@pytest.fixture
def frames(tmp_path: Path) -> str:
    np.savez(tmp_path / "clips.npz", one=random_walk(9, SIZE, SIZE, seed=1).frames, two=random_walk(9, SIZE, SIZE, seed=2).frames)
    return str(tmp_path / "clips.npz")


def job(frames: str, **changes: object) -> Job:
    settings = {"source": Source(frames=frames, size=SIZE), "plan": Plan(passes=1), "mismatch": 0.3, "calibration": 2}
    return Job(**{**settings, **changes})


def test_it_is_calibrated_then_frozen(frames: str, tmp_path: Path) -> None:
    """Oracle: weights at birth; those of the same calibration without any learning after it; no rule in the description."""
    options = ["--frames", frames, "--size", str(SIZE), "--passes", "1", "--mismatch", "0.3", "--calibrate", "2", "--no-figures"]
    with pytest.raises(SystemExit) as left:
        main(["learn", *options, "--out", str(tmp_path / "run")])
    assert not left.value.code
    run, made = load_circuit(tmp_path / "run", "check"), job(frames)
    born = made.learner().simulation
    calibrated = made.matured(born).state()
    for name in inhibition_of_errors(run.network):
        assert run.network.projection(name).rule is None
        assert not np.array_equal(run.state.weights(name), born.state().weights(name))
        assert np.array_equal(run.state.weights(name), calibrated.weights(name))
    taught = [j.name for j in run.network.projections if j.rule is not None]
    assert len(taught) == 2
    assert all(not np.array_equal(run.state.weights(name), born.state().weights(name)) for name in taught)


def test_what_goes_on_is_slower(frames: str, tmp_path: Path) -> None:
    """Oracle: the share asked for, in the description; weights that move by less than at full speed, and move."""
    moved = []
    for share in (0.01, 1.0):
        made = job(frames, calibration=0, balance_after=share)
        routes = inhibition_of_errors(made.network())
        rules = {made.network().projection(name).rule for name in routes}
        full = RECIPES["plain"].balance_rule(made.spec())
        assert isinstance(full, VogelsRate)
        assert rules == {full.model_copy(update={"eta_mV": share * full.eta_mV})}
        run_job(made, tmp_path / f"{share}", figures=False)
        born, run = made.learner().simulation.state(), load_circuit(tmp_path / f"{share}", "check")
        moved.append(sum(np.abs(run.state.weights(name) - born.weights(name)).sum() for name in routes))
    assert 0 < moved[0] < 0.1 * moved[1]


@pytest.mark.parametrize("after", [0, 1])
def test_a_stop_changes_nothing(after: int, frames: str, tmp_path: Path) -> None:
    """Oracle: the weights of an uninterrupted run, byte by byte; at 0 calibration is done anew, at 1 it is not."""

    class Stop(Exception):
        pass

    class Stopping(Reporter):
        def step(self, done: int, total: int, note: str = "") -> None:
            if done > after:
                raise Stop

    made = job(frames)
    with pytest.raises(Stop):
        run_job(made, tmp_path / "run", figures=False, report=Stopping(), checkpoint_s=0.0)
    run_job(made, tmp_path / "run", resume=True, figures=False)
    run_job(made, tmp_path / "straight", figures=False)
    for name in ("weights.npz", "curve.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes(), name


def test_scenes_are_learning_photographs_that_stand_still() -> None:
    """Oracle: equal frames, and the names of the photographs that may be learned from."""
    scenes = still_photographs(Source(frames="photographs", size=SIZE), 12, seed=3)
    assert len(scenes) == 12
    for scene in scenes:
        assert scene.n_frames == STILL_FRAMES
        assert (scene.frames == scene.frames[0]).all()
        assert scene.name.split("_drift_")[0] in {name.rsplit(".", 1)[0] for name in LEARNING}
    assert scenes[0].frames.std() > 0


def test_old_settings_keep_their_form(frames: str) -> None:
    """Oracle: the fields of a job that calibrates nothing."""
    plain = job(frames, mismatch=0.0, calibration=0).model_dump()
    assert not {"mismatch", "calibration", "balance_after"} & set(plain)
    assert job(frames).model_dump()["calibration"] == 2


@pytest.mark.parametrize("changes", [{"calibration": 3}, {"calibration": 0, "balance_after": 0.5}])
def test_branches_are_not_calibrated(changes: dict[str, object], frames: str) -> None:
    """Oracle: the message."""
    with pytest.raises(ValueError, match="use branches=1"):
        job(frames, recipe="gated", mismatch=0.0, **changes)
