"""The cost of biology as tables: what each rung predicts, spends and shows, and what each constraint changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from comparisons.ladder import Comparison, DesignName, Ladder
from comparisons.ladder_results import Found
from comparisons.phenomena import PHENOMENA
from comparisons.records import judged
from comparisons.statistics import Interval, holm_steps, in_cell, p_above_zero, t_interval
from comparisons.tables import Table
from comparisons.verdict_table import cell
from comparisons.verdicts import ALPHA, LEAST_SEEDS, Verdict

COSTS = {"ratio": "error / copying", "spikes_per_frame": "spikes a frame", "energy_nJ": "nJ a frame"}
"""Measures of cost, and their heads."""
SHORT = {"cumulative": "what the rung before it", "leave-one-out": "the local circuit", "single": "PredNet"}
"""With what the rungs of a design are compared."""
TITLES = {
    "cumulative": "From PredNet to biology, one constraint after another",
    "leave-one-out": "The local circuit, one piece of biology left out at a time",
    "single": "PredNet, with one constraint at a time",
}
Effect = Literal["breaks", "brings", "lowers", "raises", ""]
NOTE = (
    "Means and 95 % intervals over seeds; changes are seed by seed. Bold: surely not 0 among all changes of a table (Holm). A constraint "
    "*breaks* a property that held without it and holds no longer, and *brings* one that did not."
)


class Change(NamedTuple):
    """What a constraint changes of one measure.

    Attributes
    ----------
    values : tuple of float
        Differences, seed by seed.
    interval : Interval or None
        None where there are none.
    sure : bool
        Whether it is not 0, corrected for all changes of a table.
    effect : {'breaks', 'brings', 'lowers', 'raises', ''}
        Of a phenomenon; empty where nothing is sure.
    """

    values: tuple[float, ...]
    interval: Interval | None
    sure: bool
    effect: Effect


def verdicts_of(ladder: Ladder, found: Found) -> dict[str, dict[str, Verdict]]:
    """Judge the phenomena of every rung.

    Parameters
    ----------
    ladder : Ladder
    found : Found

    Returns
    -------
    dict of str to dict
        Per rung and phenomenon; rungs of which no network could be made are missing.
    """
    seeds = {rung: len(found.seeds(rung)) for rung in ladder.rungs() if found.seeds(rung)}
    return judged(found.records, seeds, ladder.phenomena)


def changes_of(
    comparisons: Sequence[Comparison], measures: Sequence[str], found: Found, verdicts: Mapping[str, Mapping[str, Verdict]]
) -> dict[tuple[str, str], Change]:
    """Say what each constraint changes.

    Parameters
    ----------
    comparisons : sequence of Comparison
    measures : sequence of str
        As of `Found.values`.
    found : Found
    verdicts : mapping of str to mapping
        As of `verdicts_of`.

    Returns
    -------
    dict of (str, str) to Change
        By rung and measure; what is the first of a ladder has none.
    """
    keys = [(c, measure) for c in comparisons if c.after for measure in measures]
    values = [tuple(found.differences(c.rung, c.after, measure)) for c, measure in keys]
    intervals = [t_interval(v) if v else None for v in values]
    sure = holm_steps([_two_sided(i, len(v)) for i, v in zip(intervals, values, strict=True)], 2 * ALPHA)
    changes = {}
    for (c, measure), v, interval, surely in zip(keys, values, intervals, sure, strict=True):
        effect = _effect(c, measure, interval, verdicts) if surely and measure in PHENOMENA else ""
        changes[c.rung, measure] = Change(v, interval, surely, effect)
    return changes


def _two_sided(interval: Interval | None, n: int) -> float:
    if interval is None or n < LEAST_SEEDS or math.isnan(interval.low):
        return math.nan
    above = p_above_zero(interval, n)
    return min(1.0, 2 * min(above, 1 - above))


def _effect(c: Comparison, measure: str, interval: Interval | None, verdicts: Mapping[str, Mapping[str, Verdict]]) -> Effect:
    assert interval is not None
    before, now = (verdicts[name][measure].outcome == "holds" for name in (c.after, c.rung))
    if before and not now and interval.mean < 0:
        return "breaks"
    if now and not before and interval.mean > 0:
        return "brings"
    return "raises" if interval.mean > 0 else "lowers"


def cost_table(ladder: Ladder, found: Found, design: DesignName) -> Table:
    """Lay out what each rung of a design costs in prediction, spikes and energy, and what it shows.

    Parameters
    ----------
    ladder : Ladder
    found : Found
    design : {'cumulative', 'leave-one-out', 'single'}

    Returns
    -------
    Table
    """
    comparisons, verdicts = _with_base(ladder.comparisons()[design]), verdicts_of(ladder, found)
    rows = []
    for c in comparisons:
        costs = [in_cell(list(found.values(c.rung, measure).values())) for measure in COSTS]
        shown = [_shown(verdicts.get(c.rung, {}).get(name), PHENOMENA[name].about.unit) for name in ladder.phenomena]
        rows.append([c.rung, c.changes, _counted(ladder, found, c.rung), *costs, *shown])
    return Table(["rung", "changes", "seeds", *COSTS.values(), *_titles(ladder)], rows)


def _titles(ladder: Ladder) -> list[str]:
    return [PHENOMENA[name].about.title for name in ladder.phenomena]


def _with_base(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """What all others are compared with, where that is no rung of the design itself, comes first."""
    base = comparisons[0].after
    return [*([Comparison(base, "", "whole")] if base else []), *comparisons]


def _shown(verdict: Verdict | None, unit: str) -> str:
    return "-" if verdict is None else cell(verdict, unit)


def _counted(ladder: Ladder, found: Found, rung: str) -> str:
    done, failed = len(found.seeds(rung)), sum(c.rung == rung and bool(c.error) for c in found.climbed)
    missing = ladder.scale.seeds - done - failed
    said = [f"{done}", *([f"{failed} failed"] if failed else []), *([f"{missing} to come"] if missing else [])]
    return ", ".join(said)


def change_table(ladder: Ladder, found: Found, design: DesignName) -> Table:
    """Lay out what each constraint of a design changes.

    Parameters
    ----------
    ladder : Ladder
    found : Found
    design : {'cumulative', 'leave-one-out', 'single'}

    Returns
    -------
    Table
    """
    comparisons = [c for c in ladder.comparisons()[design] if c.after]
    measures = ("ratio", *ladder.phenomena)
    changes = changes_of(comparisons, measures, found, verdicts_of(ladder, found))
    rows = []
    for c in comparisons:
        here = [changes[c.rung, measure] for measure in measures]
        pairs = max(len(change.values) for change in here)
        rows.append([c.rung, c.changes, str(pairs), *map(_words, here)])
    return Table(["rung", f"changes of {SHORT[design]}", "pairs", COSTS["ratio"], *_titles(ladder)], rows)


def _words(change: Change) -> str:
    if change.interval is None:
        return "-"
    text = in_cell(change.values)
    said = f"{change.effect} " if change.effect in ("breaks", "brings") else ""
    return f"**{said}{text}**" if change.sure else text


def answers(ladder: Ladder, found: Found) -> list[str]:
    """Say in sentences which constraint breaks which property, as far as these seeds are sure.

    Parameters
    ----------
    ladder : Ladder
    found : Found

    Returns
    -------
    list of str
    """
    verdicts, said = verdicts_of(ladder, found), []
    for design, comparisons in ladder.comparisons().items():
        changes = changes_of(comparisons, ("ratio", *ladder.phenomena), found, verdicts)
        for c in comparisons:
            for name in ladder.phenomena:
                change = changes.get((c.rung, name))
                if change is not None and change.effect in ("breaks", "brings"):
                    said.append(f"{c.changes} ({design}): {change.effect} {PHENOMENA[name].about.title} ({in_cell(change.values)})")
    return said or ["No constraint surely breaks or brings a property in these seeds."]


def tables(ladder: Ladder, found: Found) -> str:
    """Print all tables of a ladder.

    Parameters
    ----------
    ladder : Ladder
    found : Found

    Returns
    -------
    str
        Markdown.
    """
    parts = []
    for design in ladder.comparisons():
        parts += [f"### {TITLES[design]}", "", *(made(ladder, found, design).markdown() for made in (cost_table, change_table))]
    return "\n".join([*parts, *(f"- {text}" for text in answers(ladder, found)), "", NOTE, ""])
