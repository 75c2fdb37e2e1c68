"""How far runs are reaches whoever waits."""

from __future__ import annotations

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed import Client
from distributed.comm.core import CommClosedError

from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.progress import Reporter, TerminalReporter
from comparisons.sweeps import running, telling
from comparisons.sweeps.outcome import Outcome
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.telling import Telling, listening
from comparisons.sweeps.work import Task
from plasticity.training import Plan


def told(task: Task) -> str:
    """Stands for the work of a run of four steps."""
    reporter = Telling(task)
    for k in range(1, 5):
        reporter.step(k, 4)
    return task.name


def test_workers_tell_how_far_they_are_and_only_of_their_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the shares by hand; a task of another folder is heard by nobody, nor is what comes when nobody listens."""
    tasks = [Task({}, name, name, out) for name, out in (("one", "here"), ("two", "here"), ("three", "there"))]
    heard: list[tuple[str, float]] = []
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0") as client:
        with listening(client, "here", lambda name, share: heard.append((name, share))):
            monkeypatch.setattr(telling, "EVERY_S", 0.0)
            client.gather([client.submit(told, task) for task in tasks])
            until = time.monotonic() + 20.0
            while len(heard) < 8 and time.monotonic() < until:
                time.sleep(0.02)
        assert client.submit(told, Task({}, "four", "d", "here")).result() == "four"
        client.submit(time.sleep, 0.2).result()
    assert len(heard) == 8
    for name in ("one", "two"):
        assert [share for run, share in heard if run == name] == [0.25, 0.5, 0.75, 1.0]


def test_no_more_is_told_than_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: of steps at 2, 4, 6 and 12 s those at 6 and 12 s, if five seconds have to pass."""
    logged: list[float] = []
    now = [0.0]
    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(log_event=lambda _, told: logged.append(told["share"])))
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    telling_ = Telling(Task({}, "one", "d", "here"))
    for k, at in enumerate((2.0, 4.0, 6.0, 12.0), start=1):
        now[0] = at
        telling_.step(k, 4)
    assert logged == [0.75, 1.0]


def test_a_run_goes_on_where_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise CommClosedError("the scheduler is gone")

    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(log_event=lost))
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    Telling(Task({}, "one", "d", "here")).step(1, 4)


class Kept(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, str]] = []

    def step(self, done: float, total: int, note: str = "") -> None:
        self.steps.append((done, note))


def stands_for_a_run(task: Task) -> Outcome:
    time.sleep(2.5 if task.name == "0" else 0.05)
    return Outcome(task.digest, "done", "1", 0.0, {"ratio": 0.5})


@pytest.mark.parametrize("n", [2, 4, 12])
def test_runs_are_begun_in_their_order_while_one_takes_long(n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: two workers, the first run longer than all others: those end in their order, and none waits behind the long one."""
    monkeypatch.setattr(running, "work_and_tell", stands_for_a_run)
    tasks = [Task({}, str(k), str(k), str(tmp_path)) for k in range(n)]
    kept = Kept()
    workers = {"processes": False, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with Client(**workers) as client:
        running._do(client, tasks, [], {}, tmp_path, kept, at_once=2)
    ended = [int(note.partition(":")[0]) for _, note in kept.steps]
    assert ended == [*range(1, n), 0]


def test_the_time_left_counts_down_while_runs_are_at_work(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: four runs of an hour each, by one worker: an hour after the first, half of the second leaves two and a half."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bar = TerminalReporter()
    bar.begin("sweep")
    for hours, left in ((1.0, 180), (1.5, 150), (2.0, 120)):
        now = 3600.0 * hours
        bar.step(hours, 4)
        assert capsys.readouterr().err.endswith(f"{math.floor(hours)}/4    {left} min 00 s left\n")


def test_no_time_is_promised_before_anything_is_done(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the line; 4 of 10 were done before, and one since, in ten seconds."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bar = TerminalReporter()
    bar.begin("sweep", done=4)
    now = 31.0
    bar.step(4, 10, "at work: 34 %")
    assert capsys.readouterr().err == "sweep [##########..............] 4/10  at work: 34 %\n"
    now = 61.0
    bar.step(5, 10, "one: 0.5")
    assert capsys.readouterr().err.endswith("5/10  one: 0.5  5 min 05 s left\n")


@pytest.mark.usefixtures("a_worker_of_this_process")
def test_the_bar_of_a_sweep_shows_who_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: six movies of forty frames are six steps."""
    monkeypatch.setattr(telling, "EVERY_S", 0.0)
    job = Job(source=Source(frames="photographs", size=8, n_movies=6), plan=Plan(passes=1, eta_start=0.5, eta_end=0.05))
    kept = Kept()
    table = running.run_sweep(Sweep(run=job, seeds=(0, 1)), tmp_path / "out", report=kept)
    assert list(table["status"]) == ["done"] * 2
    assert [note for _, note in kept.steps[:6]] == [f"at work: {share}" for share in ("17%", "33%", "50%", "67%", "83%", "100%")]
    assert [done for done, _ in kept.steps[:6]] == pytest.approx([k / 6 for k in range(1, 7)])
    assert any("; at work: " in note for done, note in kept.steps if 1 < done < 2), "the last result stays beside who is at work"
    assert kept.steps[-1][0] == 2 and "at work" not in kept.steps[-1][1]
