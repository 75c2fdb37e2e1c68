"""A process that is killed in the middle loses nothing: resumed, it leaves the bytes of one that was never stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from comparisons.cli import main
from comparisons.learning import Job, load_checkpoint
from comparisons.movies import Source
from comparisons.run_folder import partial_of
from comparisons.running import run_job
from plasticity.training import Plan

PASSES, WAIT_S = 150, 120.0
# The options of the command line below, with a checkpoint after every stretch.
BEGIN = """
import sys
from pathlib import Path
from comparisons.learning import Job
from comparisons.running import run_job
from comparisons.movies import Source
from plasticity.training import Plan
job = Job(source=Source(frames=sys.argv[1], size=8), plan=Plan(passes=int(sys.argv[3])))
run_job(job, Path(sys.argv[2]), figures=False, checkpoint_s=0.0)
"""


def reached(partial: Path) -> int:
    """Stretches in the checkpoint; it is always there whole, or not yet there at all."""
    return len(load_checkpoint(partial / "checkpoint.npz")[1].points) if (partial / "checkpoint.npz").exists() else -1


def test_kill_and_resume(tmp_path: Path) -> None:
    source, out = tmp_path / "clip.npy", tmp_path / "run"
    np.save(source, np.random.default_rng(0).random((7, 8, 8)) * 0.4)
    process = subprocess.Popen([sys.executable, "-c", BEGIN, str(source), str(out), str(PASSES)], cwd=tmp_path)
    try:
        begun = time.monotonic()
        while reached(partial_of(out)) < 3 and process.poll() is None and time.monotonic() - begun < WAIT_S:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -9, "it was over before it could be killed"
    assert 3 <= reached(partial_of(out)) < PASSES
    options = ["--frames", str(source), "--size", "8", "--passes", str(PASSES), "--no-figures"]
    for name, more in (("run", ["--resume"]), ("straight", [])):
        try:
            main(["learn", "--out", str(tmp_path / name), *options, *more])
        except SystemExit as stop:
            assert not stop.code
    assert not partial_of(out).exists()
    for name in ("weights.npz", "curve.csv", "bars.npz", "summary.json", "MANIFEST.sha256"):
        assert (out / name).read_bytes() == (tmp_path / "straight" / name).read_bytes(), name


def test_how_often_checkpoints_are_left_does_not_matter(tmp_path: Path) -> None:
    source = tmp_path / "clip.npy"
    np.save(source, np.random.default_rng(0).random((7, 8, 8)) * 0.4)
    job = Job(source=Source(frames=str(source), size=8), plan=Plan(passes=4))
    for name, checkpoint_s in (("often", 0.0), ("never", 1e9)):
        run_job(job, tmp_path / name, figures=False, checkpoint_s=checkpoint_s)
    assert (tmp_path / "often" / "MANIFEST.sha256").read_bytes() == (tmp_path / "never" / "MANIFEST.sha256").read_bytes()
