"""The four corners {rates, spikes} x {backprop, local rule} of one circuit: error against computing time.

All corners have the same description, the same plastic synapses and Dale's law; they differ in the cells and in what
teaches. The local rule sees every clip of its budget once; backprop shows as many, in batches drawn with replacement.
Each is trained anew for every budget, with its own schedule run to the end, and scored with frozen weights on photographs
that none has seen. Budgets are amounts of work, so that results do not depend on the machine; the time that the work took
is measured beside them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from comparisons import run_folder
from comparisons.backprop_job import BackpropJob
from comparisons.bars import load_bars
from comparisons.evaluation import evaluate, pooled_ratio
from comparisons.inspection import load_run
from comparisons.learning import DRIFT_PLAN, Job
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.processes import processes
from comparisons.progress import Reporter, TerminalReporter
from comparisons.running import run_job
from comparisons.statistics import t_interval
from conversion.backprop_plan import BackpropPlan
from snn.errors import DescriptionError, StateError, sentence

Cells = Literal["rate", "spiking"]
Teacher = Literal["local", "backprop"]
CORNERS: tuple[tuple[Cells, Teacher], ...] = (("rate", "backprop"), ("rate", "local"), ("spiking", "backprop"), ("spiking", "local"))
CLIPS_PER_S: dict[tuple[Cells, Teacher], float] = {
    ("rate", "backprop"): 18.0,
    ("rate", "local"): 4.0,
    ("spiking", "backprop"): 16.0,
    ("spiking", "local"): 35.0,
}
"""Clips of ten 16x16 frames that each corner learns from in a second of one core; sets the work of a budget."""

BUDGETS_S = (10.0, 40.0, 160.0)
BATCH = 16
TEST_MOVIES, TEST_SEED = 60, 999


def corner_job(cells: Cells, teacher: Teacher, budget_s: float, seed: int) -> Job | BackpropJob:
    """Give the job of one corner at one budget.

    Parameters
    ----------
    cells : {'rate', 'spiking'}
    teacher : {'local', 'backprop'}
    budget_s : float
        Work, in seconds of one core of the machine on which ``CLIPS_PER_S`` was measured.
    seed : int

    Returns
    -------
    Job or BackpropJob
    """
    clips = max(BATCH, round(CLIPS_PER_S[cells, teacher] * budget_s))
    source = Source(frames=PHOTOGRAPHS, size=16, n_movies=clips)
    if teacher == "local":
        return Job(source=source, plan=DRIFT_PLAN, cells=cells, seed=seed)
    plan = BackpropPlan(updates=max(1, clips // BATCH), batch=BATCH, lr=0.05, lr_end=0.0025)
    return BackpropJob(source=source, plan=plan, cells=cells, seed=seed)


class _Clock(Reporter):
    """Measures the time of the processor between the beginning and the end of learning."""

    seconds = 0.0

    def begin(self, what: str, done: int = 0) -> None:
        if what == "learning":
            self.seconds -= time.process_time()

    def end(self) -> None:
        self.seconds += time.process_time()


def _warm(job: Job) -> None:
    """Let the engine compile or load its kernels, which would otherwise count as time of the first run."""
    simulation = job.simulation(job.network())
    movie = job.source.model_copy(update={"n_movies": 1}).learning(0)[0]
    simulation.run(movie, learn=True)


def run_corner(job: Job | BackpropJob, folder: Path) -> dict[str, Any]:
    """Train one corner, unless that is done, and score it on photographs never seen.

    Parameters
    ----------
    job : Job or BackpropJob
    folder : Path
        Run folder; ``NAME.json`` beside it keeps the score and the time. A run that was killed begins anew, since its
        time would be wrong.

    Returns
    -------
    dict
        ``ratio``, ``bars`` (of gated shift and one frame), ``cpu_s`` and per clip what `evaluate` gives.

    Raises
    ------
    StateError
        If the folder holds a run of other settings, or one whose time is not known.
    """
    record = folder.with_name(folder.name + ".json")
    if folder.exists() and record.exists():
        if load_run(folder).job != job:
            raise StateError(sentence(str(folder), "holds a run of other settings", cure="choose another --out, or remove it"))
        found: dict[str, Any] = run_folder.read_json(record)
        return found
    if folder.exists():
        cure = "choose another --out, or remove it to run this corner anew"
        raise StateError(sentence(str(folder), f"is there, but not the score and time of it ({record.name})", cure=cure))
    run_folder.discard(run_folder.partial_of(folder))
    if isinstance(job, Job):
        _warm(job)
    clock = _Clock()
    run_job(job, folder, figures=False, report=clock)
    run = load_run(folder)
    source = job.source.model_copy(update={"n_movies": TEST_MOVIES})
    clips = evaluate(run.forecaster, source.held_out(run.clips, TEST_SEED), *load_bars(folder))
    bars = {name: pooled_ratio(clips, f"mse_{name}") for name in ("gated_shift", "one_frame")}
    found = {"ratio": pooled_ratio(clips), "bars": bars, "cpu_s": clock.seconds, "clips": clips}
    run_folder.write_json(record, found)
    return found


def run_corners(out: Path, *, seeds: int, budgets_s: tuple[float, ...] = BUDGETS_S, workers: int = 1) -> str:
    """Train all corners with every budget and seed; what is finished is not run again.

    Parameters
    ----------
    out : Path
        Folder for the runs.
    seeds : int
        Number of seeds.
    budgets_s : tuple of float
    workers : int
        Processes side by side; more than the cores that are free makes the measured times wrong.

    Returns
    -------
    str
        A table.

    Raises
    ------
    DescriptionError
        If a budget is listed twice or is not a positive number.
    """
    if len(set(budgets_s)) != len(budgets_s) or not all(0 < b < float("inf") for b in budgets_s):
        raise DescriptionError(sentence("--budgets", "are not different positive numbers of seconds", got=budgets_s))
    names = [(cells, teacher, budget, seed) for budget in budgets_s for seed in range(seeds) for cells, teacher in CORNERS]
    report = TerminalReporter()
    report.begin("corners")
    scores: dict[tuple[Any, ...], dict[str, Any]] = {}
    out.mkdir(parents=True, exist_ok=True)
    with processes(workers) as pool:
        waiting = {name: pool.submit(run_corner, corner_job(*name), out / f"{name[0]}-{name[1]}-{name[2]:g}s-{name[3]}") for name in names}
        for done, (name, future) in enumerate(waiting.items(), start=1):
            scores[name] = future.result()
            report.step(done, len(names), f"{name[0]} {name[1]} {name[2]:g} s: {scores[name]['ratio']:.3f}")
    report.end()
    rows = [
        {"cells": c, "teacher": t, "budget_s": b, "seed": s, "ratio": v["ratio"], "cpu_s": v["cpu_s"]} for (c, t, b, s), v in scores.items()
    ]
    run_folder.write_json(out / "corners.json", rows)
    return tabulate(scores, budgets_s, seeds)


def tabulate(scores: dict[tuple[Any, ...], dict[str, Any]], budgets_s: tuple[float, ...], seeds: int) -> str:
    """Print the corners, a line each and budget.

    Parameters
    ----------
    scores : dict
        Per (cells, teacher, budget, seed), what `run_corner` gives.
    budgets_s : tuple of float
    seeds : int

    Returns
    -------
    str
    """
    bars = [np.mean([v["bars"][name] for v in scores.values()]) for name in ("gated_shift", "one_frame")]
    lines = [
        "held-out photographs (astronaut, coffee) drifting 1 px a frame, 16x16, weights frozen;",
        f"error / error of copying the last frame; gated shift {bars[0]:.3f}, one frame {bars[1]:.3f}",
        f"{'cells':<10}{'teacher':<10}{'budget':>8}{'cpu s':>8}{'mean':>8}{'95 % interval':>17}   per seed",
    ]
    for cells, teacher in CORNERS:
        for budget in budgets_s:
            found = [scores[cells, teacher, budget, seed] for seed in range(seeds)]
            ratios = [v["ratio"] for v in found]
            mean, low, high = t_interval(ratios)
            cpu = np.mean([v["cpu_s"] for v in found])
            lines.append(
                f"{cells:<10}{teacher:<10}{budget:>6g} s{cpu:>8.0f}{mean:>8.3f}{f'{low:.3f} to {high:.3f}':>17}   "
                + " ".join(f"{x:.3f}" for x in ratios)
            )
    return "\n".join(lines)
