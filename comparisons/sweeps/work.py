"""One run of a sweep: learned, scored on frames that it has not seen, and written down, by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import math
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons import run_folder
from comparisons.evaluation import pooled_ratio
from comparisons.making import converted, learned
from comparisons.progress import Reporter
from comparisons.subjects import held_out_scores, validation_scores
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.outcome import Outcome, read_outcome, version
from comparisons.sweeps.plan import Point, SweptJob, read_swept
from snn.curve import Curve
from snn.errors import ConversionError, RunFolderError, SpikingPrednetError, StateError, sentence

RUNS, RESULTS, LOCKS = "runs", "results", "locks"
PER_FRAME = ("spikes_per_frame", "synaptic_events_per_frame", "multiply_adds_per_frame")
FROM_SUMMARY = ("ratio_while_learning", "n_neurons", "n_synapses", "n_plastic", "n_units", "n_parameters")


@dataclass(frozen=True)
class Task:
    """A run and where it belongs, as it is sent to a worker.

    Attributes
    ----------
    job : mapping of str to object
        As in ``config.json``.
    name, digest : str
        Of the run.
    out : str
        Folder of the sweep.
    """

    job: Mapping[str, Any]
    name: str
    digest: str
    out: str

    @property
    def folder(self) -> Path:
        """Run folder."""
        return Path(self.out) / RUNS / self.name

    @property
    def result(self) -> Path:
        """File of its outcome."""
        return Path(self.out) / RESULTS / f"{self.name}.json"


def task_of(point: Point, out: Path) -> Task:
    """Give a run as the task of a worker.

    Parameters
    ----------
    point : Point
    out : Path
        Folder of the sweep.

    Returns
    -------
    Task
    """
    return Task(point.job.model_dump(mode="json"), point.name, point.digest, str(out))


def outcome_of(task: Task) -> Outcome | None:
    """Give what came of a run, if it is whole.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Outcome or None
        None where the run is still to be done: it was not, or failed, or a file of it is missing or has changed.
    """
    found = read_outcome(task.result)
    if found is None or found.status != "done" or found.digest != task.digest:
        return None
    try:
        run_folder.verify(task.folder)
    except RunFolderError:
        return None
    return found


def work(task: Task, watch: Callable[[Curve], None] | None = None, report: Reporter | None = None) -> Outcome:
    """Do a run, unless that is done; whatever goes wrong with it is its outcome.

    Parameters
    ----------
    task : Task
    watch : callable, optional
        Called while it learns, with the errors so far; what it raises from `Stopped` ends the run, and is not its outcome.
    report : Reporter, optional
        Hears how far it is.

    Returns
    -------
    Outcome
    """
    began = time.monotonic()
    try:
        with alone(task), one_thread():
            found = outcome_of(task)
            if found is None:
                measured = _done(task, watch, report)
                found = Outcome(task.digest, "done", version(), time.monotonic() - began, measured)
                found.write(task.result)
            return found
    except Stopped:
        raise
    except Exception as error:
        return _failed(task, error, time.monotonic() - began)


class Stopped(Exception):
    """A run is not worth its end."""


def _done(task: Task, watch: Callable[[Curve], None] | None, report: Reporter | None) -> dict[str, float]:
    """Learn and score; what is damaged is learned anew."""
    if task.folder.exists():
        try:
            run_folder.verify(task.folder)
        except RunFolderError:
            shutil.rmtree(task.folder)
    task.folder.parent.mkdir(parents=True, exist_ok=True)
    job = read_swept(task.job)
    begun_before = run_folder.can_resume(task.folder)
    try:
        _make(job, task, watch, report)
    except (StateError, RunFolderError) as error:
        full = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOSPC
        if not begun_before or task.folder.exists() or full:
            raise
        # What an earlier attempt has left cannot be gone on with: it was cut short, or is of frames that have changed.
        run_folder.discard(run_folder.partial_of(task.folder))
        _make(job, task, watch, report)
    return numbers(task.folder)


def _make(job: SweptJob, task: Task, watch: Callable[[Curve], None] | None, report: Reporter | None) -> None:
    if not isinstance(job, Conversion):
        learned(job, task.folder, report, figures=False, watch=watch)
        return
    rate = task_of(Point(job.rate_job, {}), Path(task.out))
    found = work(rate, watch, report)
    if found.status != "done":
        raise ConversionError(sentence(rate.name, f"the rate PredNet to be converted could not be made: {found.error}"))
    converted(rate.folder, task.folder, job.seeded_recipe)


def numbers(folder: Path) -> dict[str, float]:
    """Measure a finished run.

    Parameters
    ----------
    folder : Path
        Run folder.

    Returns
    -------
    dict of str to float
        ``ratio`` is the error on frames that were not learned from, over that of copying the last one, ``ratio_gated_shift`` and
        ``ratio_one_frame`` those of the bars; ``ratio_validation`` that on frames to choose constants on; ``rate_Hz.POPULATION``;
        spikes, synaptic events and multiply-adds of a frame; sizes.
    """
    clips = held_out_scores(folder)
    frames = sum(c["frames_scored"] for c in clips.values())
    found = {"ratio": pooled_ratio(clips)}
    found |= {f"ratio_{bar}": pooled_ratio(clips, f"mse_{bar}") for bar in ("gated_shift", "one_frame")}
    chosen_on = validation_scores(folder)
    found["ratio_validation"] = pooled_ratio(chosen_on) if chosen_on else math.nan
    for name in PER_FRAME:
        if all(c[name] is not None for c in clips.values()):
            found[name] = sum(c[name] * c["frames_scored"] for c in clips.values()) / frames
    for population in next(iter(clips.values()))["mean_rate_Hz"]:
        found[f"rate_Hz.{population}"] = sum(c["mean_rate_Hz"][population] * c["frames_scored"] for c in clips.values()) / frames
    summary = run_folder.read_json(folder / "summary.json")
    return found | {name: float(summary[name]) for name in FROM_SUMMARY if summary.get(name) is not None}


@contextmanager
def alone(task: Task) -> Iterator[None]:
    """Wait until no other process is at this run; what a killed one held is free.

    Parameters
    ----------
    task : Task
    """
    lock = Path(task.out) / LOCKS / task.name
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def the_only_one(out: Path) -> Iterator[None]:
    """Keep a folder to one sweep or search at a time: two would write over each other's tables.

    Parameters
    ----------
    out : Path
        Folder of the sweep.

    Raises
    ------
    RunFolderError
        If another one is at it.
    """
    with (out / "in_use").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            cure = "wait until it has ended, or choose another --out"
            raise RunFolderError(sentence(str(out), "is in use by another sweep or search", cure=cure)) from error
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep libraries from opening threads, of which those of several workers would fight over the cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _failed(task: Task, error: Exception, seconds: float) -> Outcome:
    told = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, SpikingPrednetError):
        last = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {told} ({Path(last.filename).name}, line {last.lineno})"
    found = Outcome(task.digest, "failed", version(), seconds, error=told)
    try:
        found.write(task.result)
    except OSError:
        # There may be no room even for this; the table has it all the same.
        pass
    return found
