"""Doing a sweep: nothing that is done is done again, nothing is lost, and what fails is a row with its error."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from comparisons import run_folder
from comparisons.evaluation import pooled_ratio
from comparisons.inspection import load_run
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.subjects import held_out_scores
from comparisons.sweeps import running, work
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import failures, refuse_clashes, run_sweep
from comparisons.sweeps.table import over_seeds, read_table, tabulate, versions_in
from comparisons.sweeps.work import outcome_of, task_of
from plasticity.training import Plan
from snn.errors import EngineError, RunFolderError

JOB = Job(source=Source(frames="photographs", size=8, n_movies=6), plan=Plan(passes=1, eta_start=0.5, eta_end=0.05))
SWEEP = Sweep(run=JOB, vary={"plan.eta_start": (0.2, 0.8)}, seeds=2)  # type: ignore[arg-type]
SAME = ["run", "plan.eta_start", "seed", "status", "ratio", "synaptic_events_per_frame", "rate_Hz.level0.error_pos"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep, done on two workers."""
    out = tmp_path_factory.mktemp("sweep")
    run_sweep(SWEEP, out, workers=2)
    return out


def test_the_table_tells_what_the_runs_are(done: Path) -> None:
    """Oracle: the run folders themselves, and their scores."""
    table = read_table(done)
    assert list(table["plan.eta_start"]) == [0.2, 0.2, 0.8, 0.8] and list(table["seed"]) == [0, 1, 0, 1]
    assert set(table["status"]) == {"done"} and len(versions_in(table)) == 1 and failures(table) == {}
    for row in table.itertuples():
        folder = done / "runs" / str(row.run)
        run = load_run(folder)
        assert run.job.seed == row.seed and row.ratio == pytest.approx(pooled_ratio(held_out_scores(folder)))
        assert row.n_synapses == run.summary["n_synapses"]
    assert table["ratio"].nunique() == 4 and (table["rate_Hz.level0.error_pos"] > 0).all()


def test_curves_are_arrays(done: Path) -> None:
    """Oracle: ``curve.csv`` of every run."""
    with xr.open_dataset(done / "curves.nc", engine="h5netcdf") as curves:
        assert dict(curves.sizes) == {"run": 4, "step": 6}
        for name in curves["run"].values:
            kept = pd.read_csv(done / "runs" / str(name) / "curve.csv")
            assert np.allclose(curves["mse_model"].sel(run=name), kept["mse_model"])
        assert list(curves["plan.eta_start"].values) == [0.2, 0.2, 0.8, 0.8]


def test_what_is_done_is_not_done_again(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a worker is begun; and another sweep in the same folder uses the runs that are the same."""
    before = read_table(done)
    monkeypatch.setattr(running, "connected", lambda *_: pytest.fail("a worker was begun"))
    fewer = Sweep(run=JOB, vary={"plan.eta_start": (0.8,)}, seeds=(1,))  # type: ignore[arg-type]
    assert run_sweep(fewer, done)["ratio"].tolist() == [before["ratio"][3]]
    pd.testing.assert_frame_equal(run_sweep(SWEEP, done), before)


def test_a_table_over_seeds(done: Path) -> None:
    lines = over_seeds(read_table(done), ["plan.eta_start"], ["ratio"]).markdown().splitlines()
    assert lines[:2] == ["| plan.eta_start | seeds | ratio |", "|---|---|---|"] and lines[2].startswith("| 0.2 | 2 | ")
    assert len(lines) == 4


def cut_weights(folder: Path) -> None:
    weights = folder / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:100])


def lose_manifest(folder: Path) -> None:
    (folder / run_folder.MANIFEST).unlink()


def lose_folder(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("spoil", [cut_weights, lose_manifest, lose_folder])
def test_a_run_folder_that_is_cut_short_is_done_again(done: Path, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """Oracle: the numbers of the whole run."""
    out = tmp_path / "copy"
    shutil.copytree(done, out)
    first, second = (task_of(p, out) for p in SWEEP.points()[:2])
    whole, other = outcome_of(first), outcome_of(second)
    assert whole is not None and other is not None
    spoil(first.folder)
    assert outcome_of(first) is None and outcome_of(second) == other
    again = work.work(first)
    assert again.status == "done" and again.numbers == whole.numbers and outcome_of(first) is not None


def test_an_outcome_that_is_cut_short_is_made_again(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself is whole and is not learned again."""
    out = tmp_path / "copy"
    shutil.copytree(done, out)
    task = task_of(SWEEP.points()[0], out)
    whole = outcome_of(task)
    task.result.write_text(task.result.read_text()[:50])
    monkeypatch.setattr("comparisons.making.run_job", lambda *_, **__: pytest.fail("it was learned again"))
    assert outcome_of(task) is None and whole is not None
    assert work.work(task).numbers == whole.numbers


def python_of_the_page() -> str:
    """The block of docs/sweeps.md."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    return page.partition("```python\n")[2].partition("```")[0]


def as_a_script(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    source = 'frames = "photographs"\nsize = 8\nn_movies = 2'
    (folder / "eta.toml").write_text(f'seeds = 1\n[run]\nkind = "learn"\n[run.source]\n{source}\n[vary]\n"plan.eta_start" = [0.2, 0.8]\n')
    (folder / "script.py").write_text(text)
    return subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_the_python_of_the_page_runs_as_a_script(tmp_path: Path) -> None:
    done = as_a_script(python_of_the_page(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(read_table(tmp_path / "runs" / "eta")["status"]) == {"done"}


@pytest.mark.slow
def test_a_script_without_its_guard_is_told_what_is_missing(tmp_path: Path) -> None:
    """Its workers read it when they start, and would begin the sweep again."""
    bare = python_of_the_page().replace('if __name__ == "__main__":  # workers read the script when they start\n    ', "")
    assert "__main__" not in bare
    done = as_a_script(bare, tmp_path)
    assert done.returncode != 0 and 'put what begins it under `if __name__ == "__main__":`' in done.stderr


@pytest.mark.slow
def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    """As a terminal sends it, to all processes at once: workers say nothing, the table is there, and nobody lives on."""
    source = 'frames = "photographs"\nsize = 8\nn_movies = 10'
    (tmp_path / "long.toml").write_text(f'seeds = 2\n[run]\nkind = "learn"\nplan = {{ passes = 5000 }}\n[run.source]\n{source}\n')
    words = [sys.executable, "-m", "comparisons", "sweep", "long.toml", "--out", "out", "--workers", "2"]

    def hears_it() -> None:
        # A shell that puts a command into the background makes it deaf.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True, preexec_fn=hears_it)
        try:
            until(lambda: len(list((tmp_path / "out" / "runs").glob("*.partial"))) == 2)
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(timeout=60) == 2
            until(lambda: not lives(process.pid))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 3 and lines[-1].startswith("spiking-prednet: stopped"), lines
    assert list(read_table(tmp_path / "out")["status"]) == ["waiting", "waiting"]


def lives(group: int) -> bool:
    """Whether any process of a group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def test_a_bad_run_is_a_row_with_its_error(tmp_path: Path) -> None:
    """A run that learns so fast that it blows up ends in the middle; the other is done, and the bad one is tried again."""
    strict = JOB.model_copy(update={"plan": JOB.plan.model_copy(update={"max_rate_Hz": 0.001})})
    sweep = Sweep(run=strict, vary={"plan.eta_start": (0.2, 1e6)})  # type: ignore[arg-type]
    for _ in range(2):
        table = run_sweep(sweep, tmp_path)
        assert list(table["status"]) == ["done", "failed"]
        (error,) = failures(table).values()
        assert "Hz" in error
    assert np.isfinite(table["ratio"][0]) and np.isnan(table["ratio"][1])


@pytest.mark.slow
def test_one_bad_run_among_a_hundred(tmp_path: Path) -> None:
    """The sweep goes on: 99 runs are done, each with its own number, and one is a row with its error."""
    source = JOB.source.model_copy(update={"n_movies": 1})
    strict = JOB.model_copy(update={"source": source, "plan": JOB.plan.model_copy(update={"max_rate_Hz": 0.001})})
    rates = (*(round(0.01 * k, 2) for k in range(1, 100)), 1e6)
    table = run_sweep(Sweep(run=strict, vary={"plan.eta_start": rates}), tmp_path, workers=2)  # type: ignore[arg-type]
    assert table["status"].value_counts().to_dict() == {"done": 99, "failed": 1}
    assert len(failures(table)) == 1 and table["plan.eta_start"][table["status"] == "failed"].tolist() == [1e6]
    assert table["ratio"].notna().sum() == 99 and table["ratio"].nunique() > 90


def test_a_full_disk_is_a_row_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    task = task_of(SWEEP.points()[0], tmp_path)
    monkeypatch.setattr(work, "learned", full)
    monkeypatch.setattr("comparisons.sweeps.outcome.write_result", full)
    found = work.work(task)
    assert found.status == "failed" and "No space left on device" in found.error
    monkeypatch.undo()
    assert work.work(task).status == "done"


def test_mixed_versions_are_seen(done: Path) -> None:
    points = SWEEP.points()
    outcomes = {p.name: found for p in points if (found := outcome_of(task_of(p, done))) is not None}
    path = task_of(points[0], done).result
    kept = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(kept) | {"version": "0.0.1"}))
        older = outcome_of(task_of(points[0], done))
        assert older is not None
        assert versions_in(tabulate(points, {**outcomes, points[0].name: older})) == ("0.0.1", outcomes[points[1].name].version)
    finally:
        path.write_text(kept)


def test_names_that_clash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.sweeps.plan.SHORT", 0)
    with pytest.raises(RunFolderError, match="two different runs would both go by"):
        refuse_clashes(SWEEP.points())


def test_a_folder_of_another_run_is_not_taken(done: Path, tmp_path: Path) -> None:
    """As where two digests begin alike: the run that lies there is whole, but not the one that is asked for."""
    first, second = SWEEP.points()[:2]
    (tmp_path / "runs").mkdir()
    shutil.copytree(done / "runs" / first.name, tmp_path / "runs" / second.name)
    found = work.work(task_of(second, tmp_path))
    assert found.status == "failed" and "holds a run of other settings" in found.error


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.sweeps.cluster.PATIENCE_S", 0.5)
    with pytest.raises(EngineError, match="there is no Dask scheduler"):
        run_sweep(SWEEP, tmp_path, scheduler="tcp://127.0.0.1:9")


def test_what_an_attempt_has_left_and_cannot_be_read_is_begun_anew(done: Path, tmp_path: Path) -> None:
    """Oracle: the numbers of the run that was never disturbed."""
    point = SWEEP.points()[0]
    task, whole = task_of(point, tmp_path), outcome_of(task_of(point, done))
    partial = run_folder.partial_of(task.folder)
    shutil.copytree(done / "runs" / point.name, partial)
    (partial / "checkpoint.npz").write_bytes(b"cut short")
    found = work.work(task)
    assert whole is not None and found.status == "done", found.error
    assert found.numbers == whole.numbers


def test_one_folder_is_of_one_sweep_at_a_time(done: Path) -> None:
    with work.the_only_one(done), pytest.raises(RunFolderError, match="is in use by another sweep or search"):
        run_sweep(SWEEP, done)
    assert len(run_sweep(SWEEP, done)) == 4


def test_a_table_that_cannot_be_written_does_not_end_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is done; only then it is said, and the same call afterwards has the table."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    sweep = Sweep(run=JOB, vary={"plan.eta_start": (0.2,)}, seeds=2)  # type: ignore[arg-type]
    monkeypatch.setattr(running, "write_table", full)
    monkeypatch.setattr(running, "WRITTEN_EVERY_S", 0.0)
    with pytest.raises(RunFolderError, match=r"cannot take the table \(No space left"):
        run_sweep(sweep, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(running, "connected", lambda *_: pytest.fail("a run was left"))
    assert set(run_sweep(sweep, tmp_path)["status"]) == {"done"}


SCRIPT = """
import sys
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.running import run_sweep
if __name__ == "__main__":
    run_sweep(Sweep(**__import__("json").loads(sys.argv[1])), sys.argv[2], workers=2)
"""


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in found.splitlines()]
    own = [child for child, parent in pairs if parent == pid]
    return own + [grandchild for child in own for grandchild in children(child)]


def python_children(pid: int) -> list[int]:
    """Workers: the processes below that run a spawned main."""
    return [p for p in children(pid) if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()]


def begun(out: Path, sweep: Sweep, until: int) -> subprocess.Popen[bytes]:
    """Start a sweep in a process of its own, and wait until some runs are done."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(sweep.model_dump(mode="json")), str(out)])
    deadline = time.monotonic() + 120
    while len(list((out / "results").glob("*.json"))) < until:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "client"])
def test_killed_in_the_middle_it_ends_as_if_nothing_had_happened(tmp_path: Path, victim: str) -> None:
    """Oracle: the same sweep without interruption; the runs that were done before the kill keep their files."""
    sweep = Sweep(run=JOB, vary={"plan.eta_start": tuple(0.1 * k for k in range(1, 9))}, seeds=2)  # type: ignore[arg-type]
    whole = run_sweep(sweep, tmp_path / "whole", workers=2)
    out = tmp_path / "killed"
    process = begun(out, sweep, until=4)
    early = {p.name: p.stat().st_mtime_ns for p in (out / "results").glob("*.json")}
    workers = python_children(process.pid)
    assert workers
    if victim == "worker":
        os.kill(workers[-1], signal.SIGKILL)
        assert process.wait(300) == 0
    else:
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(Path(f"/proc/{p}").exists() for p in workers):
            assert time.monotonic() < deadline, "workers outlive the client"
            time.sleep(0.1)
    table = run_sweep(sweep, out, workers=2)
    pd.testing.assert_frame_equal(table[SAME], whole[SAME])
    assert {name: (out / "results" / name).stat().st_mtime_ns for name in early} == early


@pytest.mark.slow
def test_a_scheduler_that_is_lost_loses_nothing(tmp_path: Path) -> None:
    """Scheduler and worker are processes of their own; the scheduler is killed in the middle."""
    sweep = Sweep(run=JOB, vary={"plan.eta_start": tuple(0.1 * k for k in range(1, 9))}, seeds=2)  # type: ignore[arg-type]
    address = tmp_path / "scheduler.json"
    command = [sys.executable, "-c", "from dask.__main__ import main; main()"]
    scheduler = subprocess.Popen([*command, "scheduler", "--scheduler-file", str(address), "--port", "0", "--no-dashboard"])
    worker = subprocess.Popen([*command, "worker", "--scheduler-file", str(address), "--nthreads", "1", "--death-timeout", "5"])
    try:
        deadline = time.monotonic() + 60
        while not address.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        where = json.loads(address.read_text())["address"]
        script = SCRIPT.replace("workers=2", f"scheduler={where!r}")
        client = subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(sweep.model_dump(mode="json")), str(tmp_path / "out")], stderr=subprocess.PIPE
        )
        while len(list((tmp_path / "out" / "results").glob("*.json"))) < 4:
            assert client.poll() is None and time.monotonic() < deadline + 120
            time.sleep(0.05)
        scheduler.kill()
        said = client.communicate(timeout=120)[1].decode()
        assert client.returncode == 1 and "scheduler: was lost" in said
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "results").glob("*.json")}
    table = run_sweep(sweep, tmp_path / "out", workers=2)
    assert set(table["status"]) == {"done"}
    assert {name: (tmp_path / "out" / "results" / name).stat().st_mtime_ns for name in kept} == kept
