"""What broken expectations do, in words: days of a recording, and models before and after they learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.expectation import CONTRASTS, PRIMARY, WINDOWS_MS, Sequences, learned
from comparisons.neural.violation import COPIES
from comparisons.statistics import Interval, bracketed, t_interval
from comparisons.tables import Table
from snn.errors import NeuralDataError, sentence

EVERY = tuple(f"{contrast}, {window}" for contrast in CONTRASTS for window in WINDOWS_MS)
LEGEND = (
    "Broken less unbroken trials, in standard deviations of a unit, mean over units. Substitution: E in the place of A; omission: B held "
    "where C is due, in trials that begin with A. Early and late: 50 to 100 and 100 to 150 ms after that element begins; in models the "
    "second and the third frame. Decides: the one on which the claim of the source rests. Mixed: after the same elements as often, in "
    "orders of chance. Square brackets: 95 %, of a recording over units (Welch's t; p by permutation of units), of a model over its runs, "
    "of one run over draws of gratings; none where there is one of these."
)
Measured = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""From `violation.measured`; None is NaN that was read again."""


def recording_rows(data: Sequences, *, seed: int = 0) -> list[dict[str, Any]]:
    """Take the indices of a recording, day by day.

    Parameters
    ----------
    data : Sequences
    seed : int
        Of the permutations.

    Returns
    -------
    list of dict
        Per contrast and window: ``days`` (means), ``units`` of each day, ``change`` from the first to the last (mean, low, high) and
        ``p``.

    Raises
    ------
    NeuralDataError
        If there is one day only, or a contrast cannot be taken.
    """
    days = sorted(set(data.day.tolist()))
    if len(days) < 2:
        raise NeuralDataError(sentence("sequences.day", "is one only", got=days, cure="nothing can have changed from day to day"))
    units = {str(day): int((data.day == day).sum()) for day in days}
    found = []
    for contrast in CONTRASTS:
        for window, index in data.indices(contrast).items():
            of_day = [index[data.day == day] for day in days]
            change = learned(of_day[0], of_day[-1], seed=seed)
            means = {str(day): float(v.mean()) for day, v in zip(days, of_day, strict=True)}
            row = {"contrast": f"{contrast}, {window}", "days": means, "units": units, "change": change.change._asdict(), "p": change.p}
            found.append(row)
    return found


def recording_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out what `recording_rows` found.

    Parameters
    ----------
    rows : sequence of mapping

    Returns
    -------
    Table
    """
    days = list(rows[0]["days"])
    heads = ["broken", *(f"day {day} ({rows[0]['units'][day]} units)" for day in days), f"day {days[-1]} less day {days[0]}", "p"]
    told = []
    for row in rows:
        means = [f"{row['days'][day]:.3f}" for day in days]
        told.append([_named(row["contrast"]), *means, bracketed(Interval(**row["change"])), f"{row['p']:.3g}"])
    return Table(heads, told)


def averaged(draws: Sequence[Measured]) -> Measured:
    """Average what one run did with several draws of gratings.

    Parameters
    ----------
    draws : sequence of mapping

    Returns
    -------
    mapping
        NaN where one draw is not defined.
    """
    first = draws[0]
    return {
        copy: {
            population: {name: float(_values(draws, copy, population, name).mean()) for name in numbers}
            for population, numbers in populations.items()
        }
        for copy, populations in first.items()
    }


def _values(runs: Sequence[Measured], copy: str, population: str, name: str) -> NDArray[np.float64]:
    return np.array([run[copy][population][name] for run in runs], dtype=np.float64)


def model_rows(found: Mapping[str, Sequence[Measured]]) -> list[dict[str, Any]]:
    """Take together what runs of models did, or draws of gratings of one run.

    Parameters
    ----------
    found : mapping of str to sequence of mapping
        Per model.

    Returns
    -------
    list of dict
        Per model, population, contrast and window: means of each copy, ``change`` (after less before) and ``beyond`` (after less mixed),
        each mean, low and high.
    """
    rows = []
    for model, runs in found.items():
        for population in runs[0]["before"]:
            for contrast in EVERY:
                copies = {copy: _values(runs, copy, population, contrast) for copy in COPIES}
                rows.append(
                    {
                        "model": model,
                        "population": population,
                        "contrast": contrast,
                        "n": len(runs),
                        "copies": {copy: float(values.mean()) for copy, values in copies.items()},
                        "change": t_interval((copies["after"] - copies["before"]).tolist())._asdict(),
                        "beyond": t_interval((copies["after"] - copies["mixed"]).tolist())._asdict(),
                    }
                )
    return rows


def model_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out what error cells of models did.

    Parameters
    ----------
    rows : sequence of mapping
        From `model_rows`.

    Returns
    -------
    Table
    """
    heads = ["model", "population", "broken", *COPIES, "after less before", "after less mixed"]
    told = []
    for row in rows:
        if "error" in row["population"]:
            means = [f"{row['copies'][copy]:.3f}" for copy in COPIES]
            changes = [bracketed(Interval(**row[name])) for name in ("change", "beyond")]
            told.append([row["model"], row["population"], _named(row["contrast"]), *means, *changes])
    return Table(heads, told)


def _named(contrast: str) -> str:
    return f"{contrast} (decides)" if contrast == PRIMARY else contrast
