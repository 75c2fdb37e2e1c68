"""``learn --sleep``: nights between stretches. Oracles: byte equality, and the run without sleep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import plasticity.sleep
from comparisons.cli import main
from comparisons.inspection import load_run
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.progress import Reporter
from comparisons.running import run_job
from plasticity.sleep import Sleep
from plasticity.training import Plan
from snn.errors import DescriptionError
from snn.testing import random_walk

SIZE = 8


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two clips; and nights of two patterns only, since whole ones take half a minute."""
    whole = plasticity.sleep.patterns
    monkeypatch.setattr(plasticity.sleep, "patterns", lambda *given: whole(*given)[12:14])
    np.savez(tmp_path / "clips.npz", one=random_walk(6, SIZE, SIZE, seed=1).frames, two=random_walk(6, SIZE, SIZE, seed=2).frames)
    return str(tmp_path / "clips.npz")


def job(frames: str, **more: object) -> Job:
    return Job(**{"source": Source(frames=frames, size=SIZE), "plan": Plan(passes=2), "sleep": Sleep(nights=2), **more})  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Stop(Exception):
    """Stands for whatever ends a process."""


class Stopping(Reporter):
    def step(self, done: int, total: int, note: str = "") -> None:
        if done > 2:
            raise Stop


def test_a_run_that_sleeps_survives_a_stop(frames: str, tmp_path: Path) -> None:
    """The stop comes right after the first night."""
    with pytest.raises(Stop):
        run_job(job(frames), tmp_path / "run", figures=False, report=Stopping(), checkpoint_s=0.0)
    run_job(job(frames), tmp_path / "run", resume=True, figures=False)
    run_job(job(frames), tmp_path / "straight", figures=False)
    assert files(tmp_path / "run") == files(tmp_path / "straight")


def test_sleep_is_a_step_that_can_be_left_out(frames: str, tmp_path: Path) -> None:
    """Without it nothing is written of it, so that older runs keep their settings; with it the weights are others."""
    for out, options in (("awake", []), ("slept", ["--sleep", "1"])):
        with pytest.raises(SystemExit) as left:
            main(
                ["learn", "--frames", frames, "--size", str(SIZE), "--passes", "1", "--no-figures", "--out", str(tmp_path / out), *options]
            )
        assert not left.value.code
    assert "sleep" not in load_run(tmp_path / "awake").job.model_dump()
    assert load_run(tmp_path / "slept").job.sleep == Sleep(nights=1)  # type: ignore[union-attr]
    curves = [(tmp_path / out / "curve.csv").read_bytes() for out in ("awake", "slept")]
    assert curves[0] == curves[1], "the only night came after the last stretch"
    assert files(tmp_path / "awake")["weights.npz"] != files(tmp_path / "slept")["weights.npz"]


def test_what_cannot_sleep_is_refused_before_it_learns(frames: str, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="spiking"):
        run_job(job(frames, cells="rate"), tmp_path / "run", figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["clips.npz"]
