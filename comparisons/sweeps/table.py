"""The one table of a sweep: a row for every run, with what was set, what was measured, and what went wrong."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparisons.statistics import in_cell
from comparisons.sweeps.axes import Value
from comparisons.sweeps.outcome import Outcome
from comparisons.sweeps.paths import label_of
from comparisons.sweeps.plan import Point
from comparisons.sweeps.work import RUNS
from comparisons.tables import Table
from snn.errors import RunFolderError, sentence
from snn.files import replace_file

if TYPE_CHECKING:
    import pandas as pd

TABLE, CURVES = "table.parquet", "curves.nc"
WAITING = "waiting"


def tabulate(points: Sequence[Point], outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """Lay out what is known of a sweep.

    Parameters
    ----------
    points : sequence of Point
    outcomes : mapping of str to Outcome
        By name of the run.

    Returns
    -------
    DataFrame
        One row a run, in the order of the sweep: ``run`` (its name), a column for all that is varied, ``ablation``, ``seed``, ``status``
        (done, failed, waiting), ``error``, ``seconds``, ``version``, and the measures.
    """
    import pandas as pd

    rows = []
    for point in points:
        row: dict[str, Any] = {
            "run": point.name,
            **{label_of(path): _plain(value) for path, value in point.settings.items()},
            "ablation": point.ablation,
            "seed": point.job.seed,
        }
        found = outcomes.get(point.name)
        if found is None:
            rows.append(row | {"status": WAITING, "error": ""})
        else:
            about = {"status": found.status, "error": found.error, "seconds": found.seconds, "version": found.version}
            rows.append(row | about | dict(found.numbers))
    mixed = [label for label in (rows[0] if rows else ()) if len({_kind(row[label]) for row in rows if row.get(label) is not None}) > 1]
    return pd.DataFrame([row | {label: str(row[label]) for label in mixed if row.get(label) is not None} for row in rows])


def _kind(value: object) -> str:
    """What a column can hold one of: truth values, numbers or text."""
    return "truth" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def write_table(out: Path, table: pd.DataFrame) -> None:
    """Write the table as Parquet, all or nothing, so that it can be read at any time.

    Parameters
    ----------
    out : Path
        Folder of the sweep.
    table : DataFrame
    """
    content = io.BytesIO()
    table.to_parquet(content, engine="pyarrow", index=False)
    replace_file(out / TABLE, lambda file: file.write(content.getvalue()))


def write_curves(out: Path, points: Sequence[Point], outcomes: Mapping[str, Outcome]) -> None:
    """Write the learning curves of all runs that are done as netCDF, all or nothing.

    Parameters
    ----------
    out : Path
        Folder of the sweep.
    points : sequence of Point
    outcomes : mapping of str to Outcome
        By name of the run.
    """
    import numpy as np
    import xarray as xr

    done = [p for p in points if (found := outcomes.get(p.name)) is not None and found.status == "done"]
    if not done:
        return
    curves = [np.genfromtxt(out / RUNS / p.name / "curve.csv", delimiter=",", names=True, dtype=None, encoding="utf-8") for p in done]
    longest = max(np.size(c) for c in curves)
    kept = {}
    for name in ("mse_model", "mse_copy_last"):
        padded = np.full((len(done), longest), np.nan)
        for row, curve in zip(padded, curves, strict=True):
            row[: np.size(curve)] = curve[name]
        kept[name] = (("run", "step"), padded)
    coordinates: dict[str, Any] = {
        "run": [p.name for p in done],
        "ablation": ("run", [p.ablation for p in done]),
        "seed": ("run", [p.job.seed for p in done]),
    }
    for path in done[0].settings:
        # netCDF has slashes between groups.
        coordinates[label_of(path).replace("/", ":")] = ("run", [_plain(p.settings[path]) for p in done])
    content = io.BytesIO()
    xr.Dataset(kept, coordinates).to_netcdf(content, engine="h5netcdf")
    replace_file(out / CURVES, lambda file: file.write(content.getvalue()))


def versions_in(table: pd.DataFrame) -> tuple[str, ...]:
    """List the versions of this package that the runs of a table were made with.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    tuple of str
        More than one where rows cannot simply be compared.
    """
    return tuple(sorted(table["version"].dropna().unique())) if "version" in table else ()


def read_table(out: Path) -> pd.DataFrame:
    """Read the table of a sweep, finished or not.

    Parameters
    ----------
    out : Path
        Folder of the sweep.

    Returns
    -------
    DataFrame

    Raises
    ------
    RunFolderError
        If there is none.
    """
    import pandas as pd

    try:
        return pd.read_parquet(out / TABLE, engine="pyarrow")
    except OSError as error:
        raise RunFolderError(sentence(str(out), "holds no table of a sweep", cure="give the --out of `sweep`")) from error


def _plain(value: Value) -> bool | int | float | str | None:
    """A list of values, which no column can hold, as text."""
    return str(list(value)) if isinstance(value, tuple) else value


def best(table: pd.DataFrame, columns: Sequence[str], measure: str, n_seeds: int) -> list[pd.DataFrame]:
    """Order settings by a measure, the least first; one of which a seed is missing is left out.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.
    columns : sequence of str
        That tell the setting.
    measure : str
    n_seeds : int

    Returns
    -------
    list of DataFrame
        The rows of each setting.
    """
    if measure not in table:
        return []
    done = table[(table["status"] == "done") & table[measure].notna()]
    groups = [group for _, group in done.groupby(list(columns), sort=False, dropna=False)]
    return sorted((group for group in groups if len(group) == n_seeds), key=lambda group: float(group[measure].mean()))


def over_seeds(table: pd.DataFrame, paths: Sequence[str], measures: Sequence[str]) -> Table:
    """Lay out a table with a line for every setting: measures as means and 95 % intervals over seeds.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.
    paths : sequence of str
        Columns that tell the setting.
    measures : sequence of str

    Returns
    -------
    Table
    """
    rows = []
    groups = [((), table)] if not paths else table.groupby(list(paths), sort=False, dropna=False)
    for setting, found in groups:
        done = found[found["status"] == "done"]
        counted = str(len(done)) if len(done) == len(found) else f"{len(done)} of {len(found)}"
        cells = [in_cell(list(done[name].astype(float)) if name in done else []) for name in measures]
        rows.append([*map(_short, setting), counted, *cells])
    return Table([*paths, "seeds", *measures], rows)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
