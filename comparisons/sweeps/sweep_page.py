"""The page of a sweep: all settings, what they gave, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from comparisons.figure_sweep import parallel_svg
from comparisons.page import filled
from comparisons.sweeps.paired import against
from comparisons.sweeps.paths import label_of
from comparisons.sweeps.plan import WHOLE, Sweep
from comparisons.sweeps.running import failures
from comparisons.sweeps.table import over_seeds, versions_in
from comparisons.tables import Table
from snn.files import replace_file

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("ratio", "spikes_per_frame", "synaptic_events_per_frame")
PAGE = "report.html"
MOST_LISTED = 50
"""Failures on the page; the table has them all."""


def varied_of(sweep: Sweep) -> list[str]:
    """List the columns of a sweep's table that tell its settings.

    Parameters
    ----------
    sweep : Sweep

    Returns
    -------
    list of str
    """
    return [label_of(path) for path, _ in sweep.vary] + (["ablation"] if len(sweep.ablations) > 1 else [])


def write_sweep(sweep: Sweep, table: pd.DataFrame, out: Path) -> Path:
    """Write the page of a sweep beside its table.

    Parameters
    ----------
    sweep : Sweep
    table : DataFrame
        Of its runs, done or not.
    out : Path
        Folder of the sweep.

    Returns
    -------
    Path
        The page; it needs nothing else to be read.
    """
    varied, measures = varied_of(sweep), [m for m in MEASURES if m in table and table[m].notna().any()]
    failed = failures(table)
    cut = WHOLE in sweep.ablations and len(sweep.ablations) > 1
    counted = f"{len(table)} runs, {int((table['status'] == 'done').sum())} done, {len(failed)} failed; {len(sweep.seeds)} seeds."
    text = filled(
        "sweep_page.html.j2",
        title="Sweep: " + (", ".join(varied) or "one setting"),
        counted=counted,
        n_seeds=len(sweep.seeds),
        parallel=parallel_svg(table, varied, measures) if varied and measures else "",
        table=over_seeds(table, varied, measures).html(),
        against=against(table, "ablation", WHOLE, measures).html() if cut and measures else "",
        failures=_listed(table, varied).html() if failed else "",
        versions=versions_in(table),
    )
    replace_file(out / PAGE, lambda file: file.write(text.encode()))
    return out / PAGE


def _listed(table: pd.DataFrame, varied: Sequence[str]) -> Table:
    heads = ["run", *varied, "seed", "error"]
    failed = table[table["status"] == "failed"].head(MOST_LISTED)
    return Table(heads, [[str(row[name]) for name in heads] for _, row in failed.iterrows()])
