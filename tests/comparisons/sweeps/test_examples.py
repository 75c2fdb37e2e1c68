"""The examples of sweeps: each file is a sweep whose runs can be done, and the jobs of a cluster are scripts that a shell reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from comparisons.learning import Job
from comparisons.sweeps.axes import Range
from comparisons.sweeps.cluster import THREADS
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep
from comparisons.sweeps.search import run_search

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FILES = sorted(EXAMPLES.glob("*.toml"))


def small(sweep: Sweep) -> Sweep:
    """The same with frames of 16x16 (a field of 9 needs them), four drifts and one seed."""
    if isinstance(sweep.run, Conversion):
        rate = sweep.run.rate
        source = rate.source.model_copy(update={"n_movies": 2, "n_frames": 6, "size": 8})
        plan = rate.plan.model_copy(update={"updates": 1, "n_frames": 6})
        model = rate.model.model_copy(update={"rows": 8, "cols": 8, "channels": (1, 2), "r_channels": (2, 2)})
        recipe = sweep.run.recipe.model_copy(update={"dead": "keep_all", "calibration_frames": 8})
        whole = rate.model_copy(update={"source": source, "plan": plan, "model": model})
        return sweep.model_copy(update={"run": Conversion(rate=whole, recipe=recipe), "seeds": (0,)})
    assert isinstance(sweep.run, Job)
    run = sweep.run.model_copy(update={"source": sweep.run.source.model_copy(update={"n_movies": 4})})
    return sweep.model_copy(update={"run": run, "seeds": (0,)})


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_its_command_stands_in_it(file: Path) -> None:
    """So that who opens it knows what to type; and the command is of that file."""
    verb = "search" if any(isinstance(axis, Range) for _, axis in Sweep.read(file).vary) else "sweep"
    assert f"spiking-prednet {verb} examples/{file.name} --out " in file.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_it_runs(file: Path, tmp_path: Path) -> None:
    sweep = small(Sweep.read(file))
    searched = any(isinstance(axis, Range) for _, axis in sweep.vary)
    table = run_search(sweep, tmp_path, trials=1) if searched else run_sweep(sweep, tmp_path)
    assert set(table["status"]) == {"done"}, table[["error"]].to_string()
    assert len(table) == (1 if searched else sweep.n_runs)


def test_the_jobs_of_a_cluster_are_read_by_a_shell() -> None:
    """Oracle: ``bash -n``; one core, one thread, and a worker that ends before its job does."""
    pytest.importorskip("dask_jobqueue")
    command = [sys.executable, str(EXAMPLES / "slurm.py"), str(EXAMPLES / "ablations.toml"), "--out", "x", "--script", "--hours", "2"]
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    for line in ("#SBATCH --cpus-per-task=1", "#SBATCH -t 2:00:00", *(f"export {name}=1" for name in THREADS)):
        assert line in script.splitlines()
    assert "--nthreads 1" in script and "--lifetime 110m" in script
