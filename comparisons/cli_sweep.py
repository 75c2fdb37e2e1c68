"""The commands that do many runs: `sweep` and `search`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from comparisons.cli_options import Count
from comparisons.progress import TerminalReporter
from snn.errors import StateError, sentence

SHOWN = 5
"""Failures that are printed; the table has them all."""


def sweep(
    file: Path,
    /,
    *,
    out: Path,
    workers: Count = 1,
    scheduler: str | None = None,
    plan: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Do all runs of a sweep: a grid or samples of settings, each with several seeds.

    It can be killed at any time; the same command goes on with what is left. OUT/table.parquet has a row for every run and can be read
    meanwhile; OUT/curves.nc has the learning curves.

    Parameters
    ----------
    file
        TOML: what runs have in common, what varies, and the seeds; docs/sweeps.md describes it.
    out
        Folder for run folders and tables. Runs that lie there already are not done again.
    workers
        Processes on this machine; no more than there are free cores.
    scheduler
        Address of a Dask scheduler whose workers are used in place of those of this machine; they must see OUT.
    plan
        List the runs and do none.

    Raises
    ------
    StateError
        If runs failed; all others are done.
    """
    from comparisons.sweeps.paired import against
    from comparisons.sweeps.plan import WHOLE, Sweep
    from comparisons.sweeps.running import failures, run_sweep
    from comparisons.sweeps.sweep_page import MEASURES, varied_of, write_sweep
    from comparisons.sweeps.table import over_seeds, tabulate, versions_in

    asked, shown = Sweep.read(file), TerminalReporter()
    if plan:
        print(tabulate(asked.points(), {}).drop(columns=["status", "error"]).to_string(index=False))
        return
    table = run_sweep(asked, out, workers=workers, scheduler=scheduler, report=shown)
    varied = varied_of(asked)
    print(over_seeds(table, varied, MEASURES).markdown(), end="")
    if WHOLE in asked.ablations and len(asked.ablations) > 1:
        print("\n" + against(table, "ablation", WHOLE, MEASURES).markdown(), end="")
    if len(versions_in(table)) > 1:
        shown.say(f"runs of different versions stand in one table, see its column version: {', '.join(versions_in(table))}")
    shown.say(f"report: {write_sweep(asked, table, out)}")
    failed = failures(table)
    for error, names in list(_grouped(failed).items())[:SHOWN]:
        shown.say(f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {error}")
    if failed:
        cure = "give the same command again to try them once more; the table has every error"
        raise StateError(sentence(str(out), f"{len(failed)} of {len(table)} runs failed", cure=cure))


def _grouped(failed: Mapping[str, str]) -> dict[str, list[str]]:
    """Runs by the error in which they ended."""
    found: dict[str, list[str]] = {}
    for name, error in failed.items():
        found.setdefault(error, []).append(name)
    return found


def search(file: Path, /, *, out: Path, trials: Count, workers: Count = 1, seed: int = 0) -> None:
    """Look for the settings of a sweep with the least error on validation frames (of photographs: on new drifts of those learned from).

    Settings that do badly while they learn are given up. It can be killed at any time; the same command goes on.

    Parameters
    ----------
    file
        TOML, as of `sweep`; where it varies a range, all of it is searched.
    out
        Folder for run folders, the journal of Optuna and table.parquet.
    trials
        Settings to try in all.
    workers
        Processes on this machine; with more than one, what is tried depends on which ends first.
    seed
        Of what is proposed.

    Raises
    ------
    StateError
        If no run came to an end.
    """
    import pandas as pd

    from comparisons.sweeps.paths import label_of
    from comparisons.sweeps.plan import Sweep
    from comparisons.sweeps.search import MEASURE, run_search
    from comparisons.sweeps.sweep_page import MEASURES
    from comparisons.sweeps.table import best, over_seeds

    asked = Sweep.read(file)
    table = run_search(asked, out, trials=trials, workers=workers, seed=seed, report=TerminalReporter())
    varied = [label_of(path) for path, _ in asked.vary]
    found = best(table, varied, MEASURE, len(asked.seeds))
    if not found:
        raise StateError(sentence(str(out), f"none of {len(table)} runs came to an end", cure="see the column error of table.parquet"))
    print(over_seeds(pd.concat(found[:SHOWN]), varied, (MEASURE, *MEASURES)).markdown(), end="")


COMMANDS = (sweep, search)
