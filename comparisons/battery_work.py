"""The work of a battery, one task after another or several at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING

from comparisons.progress import Reporter

if TYPE_CHECKING:
    from comparisons.battery import Battery
    from comparisons.battery_models import Task

_open: dict[str, Battery] = {}
"""Of a worker: the battery with the run that it has opened last."""


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
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_measure, battery.alone(), task): task for task in tasks}
        report.step(0, len(tasks), _words(tasks[0]))
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                future.result()
                report.step(done, len(tasks), f"done: {_words(waiting[future])}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _measure(battery: Battery, task: Task) -> None:
    key = str(task.model.runs[task.seed].resolve())
    if key not in _open:
        _open.clear()
        _open[key] = battery
    _open[key].measure(task)


def _words(task: Task) -> str:
    return f"{task.model.name}, seed {task.seed}: {task.phenomenon}"
