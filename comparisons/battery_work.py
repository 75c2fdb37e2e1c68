"""The work of a battery, one task after another or several at once, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import as_completed
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from comparisons.processes import processes
from comparisons.progress import Reporter

if TYPE_CHECKING:
    from comparisons.battery import Battery
    from comparisons.battery_models import Task


def measure_all(battery: Battery, tasks: Sequence[Task], report: Reporter, workers: int) -> None:
    """Measure; every result is written as soon as it is there.

    Parameters
    ----------
    battery : Battery
    tasks : sequence of Task
        Run by run: workers keep what they have opened as long as the run does not change.
    report : Reporter
    workers : int
        Processes.
    """
    report.begin("battery")
    if workers == 1 or len(tasks) <= 1:
        for done, task in enumerate(tasks):
            report.step(done, len(tasks), _words(task))
            battery.measure(task)
    else:
        _side_by_side(battery, tasks, report, workers)
    report.step(len(tasks), max(1, len(tasks)))
    report.end()


def _side_by_side(battery: Battery, tasks: Sequence[Task], report: Reporter, workers: int) -> None:
    with processes(min(workers, len(tasks))) as pool:
        plan = battery.alone()
        waiting = {pool.submit(_measure, plan, task): task for task in tasks}
        report.step(0, len(tasks), _words(tasks[0]))
        for done, future in enumerate(as_completed(waiting), start=1):
            future.result()
            report.step(done, len(tasks), f"done: {_words(waiting[future])}")


def _measure(battery: Battery, task: Task) -> None:
    _opened(battery, task.model.runs[task.seed]).measure(task)


@lru_cache(maxsize=1)
def _kept(key: Path, plan: Path) -> list[Battery]:
    """Room for the battery of a worker that has opened a run; another run takes its place."""
    return []


def _opened(battery: Battery, run: Path) -> Battery:
    """Give the battery that has opened a run already, in this process, or else this one."""
    room = _kept(run, battery.out)
    if not room:
        room.append(battery)
    return room[0]


def _words(task: Task) -> str:
    return f"{task.model.name}, seed {task.number}: {task.phenomenon}"
