"""How far the runs of a sweep are: workers tell it to whoever waits, by way of Dask's events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from comparisons.progress import Reporter
from comparisons.sweeps.outcome import Outcome
from comparisons.sweeps.work import Task, work

if TYPE_CHECKING:
    from distributed import Client

EVERY_S = 5.0
"""How often a worker tells; one of many short runs should not be slowed by it."""


def work_and_tell(task: Task) -> Outcome:
    """Do a run as `work` does, and tell how far it is.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Outcome
    """
    return work(task, report=Telling(task))


class Telling(Reporter):
    """A reporter in a worker, heard by `listening`.

    Parameters
    ----------
    task : Task

    Raises
    ------
    ValueError
        Outside of a worker.
    """

    def __init__(self, task: Task) -> None:
        from distributed import get_worker

        self._task, self._worker, self._told = task, get_worker(), time.monotonic()

    def step(self, done: float, total: int, note: str = "") -> None:
        """Report a step; see `Reporter.step`."""
        now = time.monotonic()
        if now - self._told >= EVERY_S:
            self._told = now
            # Where nobody hears, the run goes on; it is for Dask to end it.
            with suppress(OSError):
                self._worker.log_event(_topic(self._task.out), {"run": self._task.name, "share": done / total})


@contextmanager
def listening(client: Client, out: str, heard: Callable[[str, float], None]) -> Iterator[None]:
    """Hear what the workers of a sweep tell.

    Parameters
    ----------
    client : Client
    out : str
        Folder of the sweep, as its tasks name it.
    heard : callable
        Called from another thread with the name of a run and the share of its steps that it has done.
    """
    listens = True

    def on_event(event: tuple[float, Any]) -> None:
        if listens:
            heard(event[1]["run"], event[1]["share"])

    client.subscribe_topic(_topic(out), on_event)
    try:
        yield
    finally:
        # The scheduler is not told: the client is about to close, and may have lost it.
        listens = False


def _topic(out: str) -> str:
    return f"spiking-prednet {out}"
