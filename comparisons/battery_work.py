"""The work of a battery, one run after another or several at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING

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
    report : Reporter
        Told of every task, or with several workers of every run.
    workers : int
        Processes; a run's tasks stay together, since opening it and making its controls can take long.
    """
    report.begin("battery")
    runs = by_run(tasks)
    if workers == 1 or len(runs) == 1:
        for done, task in enumerate(tasks):
            report.step(done, len(tasks), f"{task.model.name}, seed {task.seed}: {task.phenomenon}")
            battery.measure(task)
    else:
        _side_by_side(battery, runs, report, workers)
    report.step(len(tasks), max(1, len(tasks)))
    report.end()


def _side_by_side(battery: Battery, runs: Mapping[tuple[str, int], Sequence[Task]], report: Reporter, workers: int) -> None:
    total, done = sum(map(len, runs.values())), 0
    with ProcessPoolExecutor(min(workers, len(runs)), mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_measure_run, battery.alone(), tasks): (run, len(tasks)) for run, tasks in runs.items()}
        report.step(0, total, ", ".join(f"{model} {seed}" for model, seed in list(runs)[:workers]))
        try:
            for future in as_completed(waiting):
                future.result()
                (model, seed), n = waiting[future]
                done += n
                report.step(done, total, f"{model}, seed {seed} is done")
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


def by_run(tasks: Sequence[Task]) -> dict[tuple[str, int], list[Task]]:
    """Put together what is asked of one run.

    Parameters
    ----------
    tasks : sequence of Task

    Returns
    -------
    dict of (str, int) to list of Task
        By model and seed, in the order in which they first come.
    """
    found: dict[tuple[str, int], list[Task]] = {}
    for task in tasks:
        found.setdefault((task.model.name, task.seed), []).append(task)
    return found


def _measure_run(battery: Battery, tasks: Sequence[Task]) -> None:
    for task in tasks:
        battery.measure(task)
