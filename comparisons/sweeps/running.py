"""Doing a sweep: what is left is sent to workers, what comes back is written down at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from comparisons.battery_results import write_result
from comparisons.movies import PHOTOGRAPHS
from comparisons.progress import Reporter
from comparisons.run_folder import to_json
from comparisons.sweeps.cluster import check_shared, connected, refuse_starting_worker
from comparisons.sweeps.outcome import Outcome, read_outcome, version
from comparisons.sweeps.plan import Point, Sweep
from comparisons.sweeps.table import tabulate, write_curves, write_table
from comparisons.sweeps.telling import listening, work_and_tell
from comparisons.sweeps.work import Task, outcome_of, task_of, the_only_one
from snn.errors import EngineError, MovieError, RunFolderError, sentence

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client, Future

WRITTEN_EVERY_S, WRITING_SHARE = 5.0, 0.05
"""Time between two writings of the table, and share of the time that they may take: a table of 10,000 runs takes 3 s."""
MOST_SAID = 4
"""Runs at work of which the bar says how far each is; with more, only itself moves."""
SWEEP_FILE = "sweep.json"


def run_sweep(
    sweep: Sweep, out: Path | str, *, workers: int = 1, scheduler: str | None = None, report: Reporter | None = None
) -> pd.DataFrame:
    """Do all runs of a sweep that are not done yet.

    It can be killed at any time: the same call goes on with what is left, in the middle of a run where that can be. Runs that failed
    are tried again.

    Parameters
    ----------
    sweep : Sweep
    out : Path or str
        Folder for run folders (``runs``), outcomes (``results``), ``table.parquet`` and ``curves.nc``. Runs of other sweeps that lie there
        are used where they are the same.
    workers : int
        Processes on this machine, where no scheduler is given; no more than there are free cores.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers see the folder.
    report : Reporter, optional
        Where progress goes.

    Returns
    -------
    DataFrame
        As `comparisons.sweeps.table.tabulate` gives it.

    Raises
    ------
    DescriptionError
        If a run of the sweep is refused before it begins.
    EngineError
        If the scheduler is not there, or is lost.
    RunFolderError
        If the folder cannot be written, another sweep is at it, or a worker does not see it.
    """
    points, described = sweep.points(), to_json(sweep.model_dump(mode="json"))
    return run_points(points, Path(out), described, workers=workers, scheduler=scheduler, report=report or Reporter())


def run_points(
    points: Sequence[Point], out: Path, described: str, *, workers: int, scheduler: str | None, report: Reporter
) -> pd.DataFrame:
    """Do all of some runs that are not done yet.

    Parameters
    ----------
    points : sequence of Point
    out : Path
        As of `run_sweep`.
    described : str
        What ``sweep.json`` is to hold.
    workers : int
    scheduler : str, optional
    report : Reporter
        As of `run_sweep`.

    Returns
    -------
    DataFrame
        As of `run_sweep`.

    Raises
    ------
    EngineError
        As of `run_sweep`.
    RunFolderError
        As of `run_sweep`.
    """
    refuse_starting_worker()
    out = out.resolve()
    tasks = {p.name: task_of(p, out) for p in points}
    refuse_clashes(points)
    try:
        write_result(out / SWEEP_FILE, described)
    except OSError as error:
        raise RunFolderError(sentence(str(out), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
    with the_only_one(out):
        outcomes = {name: found for name, task in tasks.items() if (found := outcome_of(task)) is not None}
        left = [task for name, task in tasks.items() if name not in outcomes]
        report.say(f"{len(tasks)} runs, {len(outcomes)} done before")
        if left:
            _write_if_possible(out, points, outcomes, report)
            if scheduler is None:
                refuse_missing_frames(points)
            with connected(workers, scheduler) as client:
                check_shared(client, out)
                report.say(f"dashboard: {client.dashboard_link}")
                try:
                    _do(client, left, points, outcomes, out, report, len(left) if scheduler else workers)
                except BaseException:
                    known = {task.name: found for task in left if (found := read_outcome(task.result)) is not None}
                    _write_if_possible(out, points, known | outcomes, report)
                    raise
        table = tabulate(points, outcomes)
        try:
            write_table(out, table)
            write_curves(out, points, outcomes)
        except OSError as error:
            cure = "make room and give the same command again: what is done is kept"
            raise RunFolderError(sentence(str(out), f"cannot take the table ({error.strerror or error})", cure=cure)) from error
    return table


def _write_if_possible(out: Path, points: Sequence[Point], outcomes: Mapping[str, Outcome], report: Reporter) -> None:
    """Write the table while there is more to come; where that fails, the runs go on."""
    try:
        write_table(out, tabulate(points, outcomes))
    except OSError as error:
        report.say(f"the table cannot be written now ({error.strerror or error}); the runs go on")


def refuse_missing_frames(points: Sequence[Point]) -> None:
    """Raise where runs learn from frames that are not on this machine.

    Parameters
    ----------
    points : sequence of Point

    Raises
    ------
    MovieError
        Naming them, before anything is started.
    """
    for frames in dict.fromkeys(p.job.source.frames for p in points):
        if frames != PHOTOGRAPHS and not Path(frames).exists():
            cure = "check run.source.frames; paths are from the folder in which the command is given"
            raise MovieError(sentence(frames, "no such file or folder", cure=cure))


def refuse_clashes(points: Sequence[Point]) -> None:
    """Raise where two different runs would go by one name.

    Parameters
    ----------
    points : sequence of Point

    Raises
    ------
    RunFolderError
    """
    digests: dict[str, str] = {}
    for point in points:
        if digests.setdefault(point.name, point.digest) != point.digest:
            raise RunFolderError(sentence("sweep", f"two different runs would both go by {point.name}", cure="put them into two sweeps"))


def _do(
    client: Client, left: Sequence[Task], points: Sequence[Point], outcomes: dict[str, Outcome], out: Path, report: Reporter, at_once: int
) -> None:
    from distributed import KilledWorker, as_completed
    from distributed.comm.core import CommClosedError

    # Workers of this machine have no run in waiting: it would be late behind a long one, and whole seeds are to come first. Those of a
    # cluster come and go, and Dask deals all runs out to them as it sees fit.
    waiting, names = iter(enumerate(left)), dict[object, Task]()

    def begin(place: int, task: Task) -> Future[Outcome]:
        future = client.submit(work_and_tell, task, key=f"{task.name}-{time.time_ns()}", retries=0, priority=-place)
        names[future] = task
        return future

    report.begin("sweep", done=len(outcomes))
    written, took, total, note = time.monotonic(), 0.0, len(left) + len(outcomes), ""
    shares: dict[str, float] = {}
    one_at_a_time = Lock()

    def show(name: str = "", share: float = 0.0) -> None:
        """Move the bar; news of runs come by another thread than what they come to."""
        with one_at_a_time:
            if name:
                shares[name] = share
            at_work = [share for run, share in shares.items() if run not in outcomes]
            said = f"at work: {', '.join(f'{share:.0%}' for share in at_work)}" if 0 < len(at_work) <= MOST_SAID else ""
            report.step(len(outcomes) + sum(at_work), total, "; ".join(filter(None, [note, said])))

    with listening(client, str(out), show):
        ending = as_completed([begin(*each) for each in islice(waiting, at_once)])
        for future in ending:
            task = names.pop(future)
            try:
                found = future.result()
            except (CancelledError, CommClosedError) as error:
                raise EngineError(sentence("scheduler", "was lost", cure="give the same command again; what is done is kept")) from error
            except KilledWorker as error:
                found = Outcome(task.digest, "failed", version(), 0.0, error=f"its workers died: {error}")
            for each in islice(waiting, 1):
                ending.add(begin(*each))
            outcomes[task.name] = found
            note = f"{task.name}: {_words(found)}"
            show()
            if time.monotonic() - written > max(WRITTEN_EVERY_S, took / WRITING_SHARE):
                began = time.monotonic()
                _write_if_possible(out, points, outcomes, report)
                written = time.monotonic()
                took = written - began
    report.end()


def _words(found: Outcome) -> str:
    return f"{found.numbers['ratio']:.3f}" if found.status == "done" else f"failed, {found.error}"


def failures(table: pd.DataFrame) -> Mapping[str, str]:
    """List the runs of a table that failed.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    mapping of str to str
        Error by name of the run.
    """
    failed = table[table["status"] == "failed"]
    return dict(zip(failed["run"], failed["error"], strict=True))
