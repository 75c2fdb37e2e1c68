"""Verdicts in words: as JSON, in a cell, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.phenomena import PHENOMENA
from comparisons.statistics import Interval, without_dust
from comparisons.verdicts import Verdict

SHORT = {"untrained": "u", "adaptation_only": "a", "feedback_cut": "c"}
LEGEND = (
    "A claim holds above the number in the first column. Effect, its 95 % interval over seeds, and in parentheses the means of what stands "
    "beside it: u untrained, a adaptation only, c feedback cut."
)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Give a verdict as what JSON can hold.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    dict
    """
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "effect": None if verdict.effect is None else verdict.effect._asdict(),
        "controls": {k: v._asdict() for k, v in verdict.controls.items()},
        "beyond": {k: v._asdict() for k, v in verdict.beyond.items()},
        "others": {k: v._asdict() for k, v in verdict.others.items()},
        "n_seeds": verdict.n_seeds,
        "p": verdict.p,
    }


def table(verdicts: Mapping[str, Mapping[str, Verdict]], *, brief: bool = False) -> str:
    """Print verdicts as a table in Markdown, phenomena down, models across, each beside its controls, with the reasons below.

    Parameters
    ----------
    verdicts : mapping of str to mapping
        Per model and phenomenon.
    brief : bool
        Leave out controls and reasons.

    Returns
    -------
    str
    """
    models = list(verdicts)
    names = list(dict.fromkeys(name for found in verdicts.values() for name in found))
    rows = [f"| | above | {' | '.join(models)} |", "|---|---|" + "---|" * len(models)]
    notes = []
    for name in names:
        about = PHENOMENA[name].about
        cells = []
        for model in models:
            verdict = verdicts[model][name]
            cells.append(cell(verdict, about.unit) + ("" if brief else _controls(verdict)))
            if verdict.reason:
                notes.append(f"- {about.title}, {model}: {verdict.outcome}; {verdict.reason}.")
        least = in_words(Interval(about.least, np.nan, np.nan), about.unit)
        rows.append(f"| {about.title} | {least} | {' | '.join(cells)} |")
    return "\n".join([*rows, ""] if brief else [*rows, "", LEGEND, "", *notes, ""])


def _controls(verdict: Verdict) -> str:
    known = [f"{SHORT[name]} {in_words(Interval(found.mean, np.nan, np.nan), '')}" for name, found in verdict.controls.items()]
    return f" ({', '.join(known)})" if known else ""


def cell(verdict: Verdict, unit: str) -> str:
    """Print a verdict in a few words.

    Parameters
    ----------
    verdict : Verdict
    unit : str
        Of its effect.

    Returns
    -------
    str
    """
    if verdict.effect is None:
        return "not measured yet" if verdict.outcome == "undecided" else verdict.outcome
    outcome = f"**{verdict.outcome}**" if verdict.outcome == "holds" else verdict.outcome
    return f"{outcome} {in_words(verdict.effect, unit)}"


def in_words(value: Interval, unit: str) -> str:
    """Print a mean with its interval.

    Parameters
    ----------
    value : Interval
    unit : str

    Returns
    -------
    str
    """
    if np.isnan(value.mean):
        return "-"
    value = without_dust(value)
    interval = "" if np.isnan(value.low) else f" [{value.low:.3g}, {value.high:.3g}]"
    space = "" if unit in ("", "%") else " "
    return f"{value.mean:.3g}{space}{unit}{interval}"
