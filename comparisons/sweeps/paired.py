"""What a setting changes, seed by seed: the same seed in two settings differs in nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from comparisons.statistics import in_cell
from comparisons.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def differences(table: pd.DataFrame, column: str, baseline: object, measure: str) -> pd.DataFrame:
    """Take from every run what the baseline gave with the same seed and the same other settings.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.
    column : str
        That tells the baseline from the rest.
    baseline : object
        Its value there.
    measure : str

    Returns
    -------
    DataFrame
        The rows that have a partner, but for the baseline's own; the measure is the difference.
    """
    if measure not in table:
        return table[:0].assign(**{measure: []})
    others = [name for name in settings_of(table) if name != column] + ["seed"]
    done = table[(table["status"] == "done") & table[measure].notna()]
    ours = done[done[column] == baseline]
    found = done[done[column] != baseline].merge(ours[[*others, measure]], on=others, suffixes=("", " of the baseline"))
    return found.assign(**{measure: found[measure] - found[f"{measure} of the baseline"]}) if len(found) else found


def settings_of(table: pd.DataFrame) -> list[str]:
    """List the columns that tell what was set, but for the seed.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.

    Returns
    -------
    list of str
        Those between ``run`` and ``seed``.
    """
    columns = list(table.columns)
    return columns[columns.index("run") + 1 : columns.index("seed")]


def against(table: pd.DataFrame, column: str, baseline: object, measures: Sequence[str]) -> Table:
    """Lay out what each value of a column changes against a baseline: mean difference and 95 % interval over pairs of seeds.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.
    column : str
    baseline : object
        Value of that column.
    measures : sequence of str

    Returns
    -------
    Table
    """
    values = [value for value in table[column].unique() if value != baseline]
    rows = []
    found = {measure: differences(table, column, baseline, measure) for measure in measures}
    for value in values:
        of = {name: one[one[column] == value] for name, one in found.items()}
        pairs = max((len(one) for one in of.values()), default=0)
        cells = [in_cell([float(x) for x in one[name]]) if len(one) else "-" for name, one in of.items()]
        rows.append([str(value), str(pairs), *cells])
    others = [name for name in settings_of(table) if name != column and table[name].nunique() > 1]
    over = f" (all values of {', '.join(others)})" if others else ""
    return Table([f"{column} less {baseline}", f"pairs{over}", *measures], rows)
