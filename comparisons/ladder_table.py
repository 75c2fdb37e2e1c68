"""The cost of biology as tables: what each rung predicts, spends and shows, and what each constraint changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from comparisons.ladder import Comparison, DesignName, Ladder
from comparisons.ladder_results import Found
from comparisons.phenomena import PHENOMENA
from comparisons.records import judged
from comparisons.statistics import Interval, holm_steps, in_cell, p_two_sided, t_interval
from comparisons.tables import Table
from comparisons.verdict_table import cell
from comparisons.verdicts import ALPHA, Verdict

COSTS = {"ratio": "error / copying", "spikes_per_frame": "spikes a frame", "energy_nJ": "nJ a frame"}
"""Measures of cost, and their heads."""
TITLES = {
    "cumulative": "From PredNet to biology, one constraint after another",
    "leave-one-out": "The local circuit, one piece of biology left out at a time",
    "single": "PredNet, with one constraint at a time",
}
Effect = Literal["breaks", "brings", "lowers", "raises", ""]
WHOLE = "what others are compared with"
NOTE = (
    "Means and 95 % intervals over seeds; changes are seed by seed. In tables of changes, bold is surely not 0 among all changes of the "
    "table (Holm). A constraint *breaks* a property that held without it and fails with it, and *brings* one that failed and holds. "
    "Phenomena of networks that do not pass the gate are not compared."
)


class Change(NamedTuple):
    """What a constraint changes of one measure.

    Attributes
    ----------
    values : tuple of float
        Differences, seed by seed; NaN where the measure is not defined.
    interval : Interval or None
        Of those that are defined; None where there are none.
    sure : bool
        Whether it is not 0, corrected for all changes of a table.
    effect : {'breaks', 'brings', 'lowers', 'raises', ''}
        Of a phenomenon; empty where nothing is sure.
    comparable : bool
        Whether both networks have learned enough for the measure to mean anything.
    """

    values: tuple[float, ...]
    interval: Interval | None
    sure: bool
    effect: Effect
    comparable: bool = True


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
    comparable = [_comparable(c, measure, verdicts) for c, measure in keys]
    sure = holm_steps([p_two_sided(v) if told else math.nan for v, told in zip(values, comparable, strict=True)], 2 * ALPHA)
    changes = {}
    for (c, measure), v, surely, told in zip(keys, values, sure, comparable, strict=True):
        known = [x for x in v if not math.isnan(x)]
        interval = t_interval(known) if known else None
        effect = _effect(c, measure, interval, verdicts) if surely and measure in PHENOMENA else ""
        changes[c.rung, measure] = Change(v, interval, surely, effect, told)
    return changes


def _comparable(c: Comparison, measure: str, verdicts: Mapping[str, Mapping[str, Verdict]]) -> bool:
    if measure not in PHENOMENA:
        return True
    return all(verdicts[name][measure].outcome != "not trained enough" for name in (c.after, c.rung) if name in verdicts)


def _effect(c: Comparison, measure: str, interval: Interval | None, verdicts: Mapping[str, Mapping[str, Verdict]]) -> Effect:
    assert interval is not None
    before, now = (verdicts[name][measure].outcome for name in (c.after, c.rung))
    if (before, now) == ("holds", "fails") and interval.mean < 0:
        return "breaks"
    if (before, now) == ("fails", "holds") and interval.mean > 0:
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
    comparisons, verdicts = with_bases(ladder.comparisons()[design]), verdicts_of(ladder, found)
    rows = []
    for c in comparisons:
        costs = [in_cell(list(found.values(c.rung, measure).values())) for measure in COSTS]
        shown = [_shown(verdicts.get(c.rung, {}).get(name), PHENOMENA[name].about.unit) for name in ladder.phenomena]
        rows.append([c.rung, c.changes, _counted(ladder, found, c.rung), *costs, *shown])
    return Table(["rung", "changes", "seeds", *COSTS.values(), *(PHENOMENA[name].about.title for name in ladder.phenomena)], rows)


def measures_of(ladder: Ladder) -> dict[str, str]:
    """List what is compared between rungs: the error, and every phenomenon.

    Parameters
    ----------
    ladder : Ladder

    Returns
    -------
    dict of str to str
        Measure, as of `Found.values`, and its title.
    """
    return {"ratio": COSTS["ratio"], **{name: PHENOMENA[name].about.title for name in ladder.phenomena}}


def with_bases(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """List comparisons, and what others are compared with, where that is no rung of the design itself, before the first of them.

    Parameters
    ----------
    comparisons : sequence of Comparison

    Returns
    -------
    list of Comparison
    """
    rows, there = list[Comparison](), {c.rung for c in comparisons}
    for c in comparisons:
        if c.after and c.after not in there:
            rows.append(Comparison(c.after, "", WHOLE))
            there.add(c.after)
        rows.append(c)
    return rows


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
    measures = measures_of(ladder)
    changes = changes_of(comparisons, tuple(measures), found, verdicts_of(ladder, found))
    rows = []
    for c in comparisons:
        here = [changes[c.rung, measure] for measure in measures]
        pairs = max(len(change.values) for change in here)
        rows.append([c.rung, c.after, c.changes, str(pairs), *map(_words, here)])
    return Table(["rung", "compared with", "changes", "pairs", *measures.values()], rows)


def _words(change: Change) -> str:
    if not change.comparable:
        return "not trained enough"
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
        changes = changes_of(comparisons, tuple(measures_of(ladder)), found, verdicts)
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
    return "\n".join([*parts, *(f"- {text}" for text in answers(ladder, found)), "", NOTE, "", made_with(found), ""])


def made_with(found: Found) -> str:
    """Say which versions of this package made the networks.

    Parameters
    ----------
    found : Found

    Returns
    -------
    str
        Loudly where there are several, whose numbers cannot simply be compared.
    """
    versions = sorted({c.version for c in found.climbed})
    if len(versions) > 1:
        return f"**Networks of different versions stand in these tables: {', '.join(versions)}.**"
    return f"Made with {versions[0]}." if versions else "No network has been made yet."
