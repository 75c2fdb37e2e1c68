"""The commands of the constraint ladder: `ablate` climbs it, `ladder-tables` prints what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from comparisons.cli_options import Count, names
from comparisons.progress import TerminalReporter
from snn.errors import StateError, sentence


def ablate(
    *,
    ladder: Literal["quick", "full"],
    out: Path | None = None,
    designs: str = "",
    phenomena: str = "",
    seeds: Count | None = None,
    workers: Count = 1,
    scheduler: str | None = None,
    plan: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Climb from PredNet to a spiking circuit that learns locally, one constraint a rung, and say what each costs and breaks.

    It can be killed at any time; the same command goes on with what is left.

    Parameters
    ----------
    ladder
        quick: six rungs, three seeds, 16x16; full: all rungs and the circuit with each piece of biology left out, five seeds, 24x24.
    out
        Folder for run folders, tables, results and the report; --plan needs none.
    designs
        In place of those of the ladder, with commas: cumulative, leave-one-out, single.
    phenomena
        In place of those of the ladder, names with commas.
    seeds
        In place of those of the ladder.
    workers
        Processes on this machine; no more than there are free cores.
    scheduler
        Address of a Dask scheduler whose workers make the networks; phenomena are asked for on this machine.
    plan
        List the networks and how long they take, and do nothing.

    Raises
    ------
    StateError
        If there is no --out, or networks could not be made; all others are done.
    """
    from comparisons.climbing import ASKED, climb, estimate, plan_table
    from comparisons.ladder import ladder as named
    from comparisons.ladder_page import write_ladder
    from comparisons.ladder_table import tables

    asked, shown = named(ladder, names(designs), names(phenomena), seeds), TerminalReporter()
    if plan:
        print(plan_table(asked).markdown(), end="")
    shown.say(estimate(asked, out, workers))
    if plan:
        return
    if out is None:
        raise StateError(sentence("--out", "is missing", cure="give a folder, or --plan to see what would be done"))
    found = climb(asked, out, workers=workers, scheduler=scheduler, report=shown)
    print(tables(asked, found), end="")
    failed = [c for c in found.climbed if c.error]
    for c in failed:
        shown.say(f"{c.rung}, seed {c.seed}: {c.error}")
    if found.records:
        shown.say(f"report: {write_ladder(asked, found, out / ASKED)}")
    if failed:
        cure = "give the same command again to try them once more"
        raise StateError(sentence(str(out), f"{len(failed)} of {len(found.climbed)} networks could not be made", cure=cure))


def ladder_tables(climbed: Path, /, *records: Path, ladder: Literal["quick", "full"], designs: str = "") -> None:
    """Print the tables of a ladder from what was measured, on this machine or on several: nothing is measured anew.

    Parameters
    ----------
    climbed
        The ladder.jsonl of `ablate`.
    records
        The records.jsonl of its batteries (``asked/records.jsonl``); without any there are no phenomena.
    ladder
        Which ladder it is.
    designs
        In place of those of the ladder, with commas.

    Raises
    ------
    SubjectError
        If a file cannot be read or is damaged.
    """
    from comparisons.ladder import ladder as named
    from comparisons.ladder_results import Found, read_climbed
    from comparisons.ladder_table import tables
    from comparisons.records import read_records

    found = Found(tuple(read_climbed(climbed)), tuple(read_records(records)) if records else ())
    asked = tuple(dict.fromkeys(r.phenomenon for r in found.records))
    print(tables(named(ladder, names(designs), asked), found), end="")


COMMANDS = (ablate, ladder_tables)
