"""Climbing a ladder: its networks are made as runs of a sweep, then asked for phenomena as models of a battery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from comparisons.battery import GATE_FILE, RESULTS, Battery
from comparisons.battery_models import Model, Task
from comparisons.battery_results import write_result
from comparisons.ladder import RUNG, Ladder, frames_learned
from comparisons.ladder_results import CLIMBED, Climbed, Found, as_lines, climbed_of
from comparisons.ladder_table import tables, with_bases
from comparisons.progress import Reporter
from comparisons.run_folder import to_json
from comparisons.sweeps.running import run_points
from comparisons.sweeps.work import RUNS, outcome_of, task_of
from comparisons.tables import Table

ASKED, TABLES = "asked", "ladder.md"
"""Folder of the battery in that of the ladder, and all tables."""


def climb(ladder: Ladder, out: Path, *, workers: int = 1, scheduler: str | None = None, report: Reporter | None = None) -> Found:
    """Make all networks of a ladder that are not there, and ask them for phenomena.

    It can be killed at any time: the same call goes on with what is left.

    Parameters
    ----------
    ladder : Ladder
    out : Path
        Folder: run folders and the table of a sweep, a battery in ``asked``, ``ladder.jsonl`` and ``ladder.md``.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler whose workers make the networks; phenomena are asked for on this machine.
    report : Reporter, optional

    Returns
    -------
    Found

    Raises
    ------
    EngineError
        If the scheduler is not there, or is lost.
    RunFolderError
        If the folder cannot be written, or something else is at it.
    """
    report = report or Reporter()
    rungs = {name: job.model_dump(mode="json") for name, job in ladder.rungs().items()}
    described = to_json({"ladder": {"phenomena": ladder.phenomena, "designs": ladder.designs, "rungs": rungs}})
    table = run_points(ladder.points(), out, described, workers=workers, scheduler=scheduler, report=report)
    climbed = climbed_of(table.to_dict("records"), RUNG)
    write_result(out / CLIMBED, as_lines(climbed))
    write_result(out / TABLES, tables(ladder, Found(tuple(climbed))))
    battery = asked(ladder, climbed, out)
    if battery is None:
        return Found(tuple(climbed))
    _keep_gates(battery, climbed)
    left = battery.left()
    report.say(f"{len(left)} of {len(list(battery.tasks()))} results of phenomena are left to be measured")
    if left:
        report.say(f"this will take about {battery.estimate_s(left) / 60:.0f} min on one core, {workers} used")
    try:
        battery.run(report, workers)
    finally:
        # Whatever stops it, the tables have what is known.
        found = Found(tuple(climbed), tuple(battery.records()))
        write_result(out / TABLES, tables(ladder, found))
    return found


def asked(ladder: Ladder, climbed: Sequence[Climbed], out: Path) -> Battery | None:
    """Give the battery that asks the networks of a ladder.

    Parameters
    ----------
    ladder : Ladder
    climbed : sequence of Climbed
    out : Path
        Folder of the ladder.

    Returns
    -------
    Battery or None
        None where no network could be made.
    """
    done = sorted((c for c in climbed if not c.error), key=lambda c: c.seed)
    made = {name: [c for c in done if c.rung == name] for name in ladder.rungs()}
    folder = out.resolve() / RUNS
    models = [Model(n, tuple(folder / c.run for c in runs), seeds=tuple(c.seed for c in runs)) for n, runs in made.items() if runs]
    return Battery(models, ladder.phenomena, out / ASKED) if models else None


def _keep_gates(battery: Battery, climbed: Sequence[Climbed]) -> None:
    """Tell the battery the held-out errors: they are those that the runs have been scored by, and take long to measure."""
    ratios = {c.run: c.numbers["ratio"] for c in climbed if not c.error}
    for model in battery.models:
        for place, run in enumerate(model.runs):
            task = Task(model, place, "")
            gate = {"run_digest": battery.subject(task).digest, "ratio": ratios[run.name]}
            write_result(battery.out / RESULTS / model.name / str(task.number) / GATE_FILE, to_json(gate))


def estimate(ladder: Ladder, out: Path | None, workers: int) -> str:
    """Say how long a ladder still takes.

    Parameters
    ----------
    ladder : Ladder
    out : Path, optional
        Its folder; nothing is done yet when left out.
    workers : int

    Returns
    -------
    str
    """
    points = ladder.points()
    left = [p for p in points if out is None or outcome_of(task_of(p, out.resolve())) is None]
    took = [ladder.minutes.get(str(p.settings[RUNG])) for p in left]
    make, unknown = sum(t.make for t in took if t is not None), sum(t is None for t in took)
    ask = sum(t.ask for t in took if t is not None) * len(ladder.phenomena)
    text = f"{len(left)} of {len(points)} networks are to be made, about {make:.0f} min of one core, and to be asked, about {ask:.0f} min"
    not_known = f" (without {unknown} of rungs that were never timed)" if unknown else ""
    return f"{text}{not_known}: {(make + ask) / workers:.0f} min with {workers} worker{'s' * (workers > 1)}"


def plan_table(ladder: Ladder) -> Table:
    """List the rungs of a ladder and what each takes.

    Parameters
    ----------
    ladder : Ladder

    Returns
    -------
    Table
    """
    rows, rungs = [], ladder.rungs()
    for design, comparisons in ladder.comparisons().items():
        for c in with_bases(comparisons):
            took = ladder.minutes.get(c.rung)
            minutes = ["-", "-"] if took is None else [f"{took.make:g}", f"{took.ask * len(ladder.phenomena):.2g}"]
            rows.append([design, c.rung, c.after, c.changes, f"{frames_learned(rungs[c.rung]):,}", *minutes])
    return Table(["design", "rung", "compared with", "changes", "frames learned from", "min to make one", "min to ask one"], rows)
