"""Scores in words: what every population explains, and what learning and models add."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from comparisons.neural.encoding import without_score
from comparisons.neural.scores import MEASURES, Score, Target
from comparisons.neural.scoring import ROLES, PopulationScores, gains, intervals
from comparisons.statistics import Interval, bracketed, holm_steps, p_above_zero, p_two_sided
from comparisons.tables import Table
from comparisons.verdicts import ALPHA

MORE_LEGEND = (
    "Bold: surely not 0, over runs and over stimuli, among all numbers of the table (Holm, 5 %). Best without a model: of pixels, Gabor "
    "filters and Gabor energy, the one that scores highest, measure by measure."
)
FAMILY = 2 * ALPHA
"""Chance that any of the two-sided tests of a table holds wrongly."""
LEARNING, BEST = "more than before learning", "more than the best without a model"


def ceilings(target: Target) -> dict[str, float]:
    """Say what a perfect model would get.

    Parameters
    ----------
    target : Target

    Returns
    -------
    dict of str to float
        Per measure that has a ceiling; NaN where it is unknown.
    """
    return {"encoding": 1.0, "rsa": target.recorded.rsa_ceiling, "cka": target.recorded.cka_ceiling}


def measures_of(rows: Sequence[PopulationScores]) -> list[str]:
    """List the measures that any row has.

    Parameters
    ----------
    rows : sequence of PopulationScores

    Returns
    -------
    list of str
    """
    return [m for m in MEASURES if any(row.of(m) for row in rows)]


def in_cell(target: Target, scores: Sequence[Score]) -> str:
    """Print a mean, with its interval over runs in square brackets and that over stimuli in round ones.

    Parameters
    ----------
    target : Target
    scores : sequence of Score
        One a run.

    Returns
    -------
    str
        A dash where it is not defined.
    """
    if not scores or any(math.isnan(s.whole) for s in scores):
        return "-"
    over_runs, over_stimuli = intervals(target, scores)
    stimuli = bracketed(over_stimuli, 2).partition(" ")[2].replace("[", "(").replace("]", ")")
    return f"{bracketed(over_runs, 2)} {stimuli}".rstrip()


def score_table(target: Target, rows: Sequence[PopulationScores]) -> Table:
    """Lay out what every population gets.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    Table
    """
    best = ceilings(target)
    here = measures_of(rows)
    heads = ["model", "population", "runs", *(with_most(MEASURES[m], m, best) for m in here)]
    told = []
    for row in rows:
        model = row.model if row.role == "model" else f"{row.model}, {ROLES[row.role]}" if row.role == "untrained" else ROLES[row.role]
        told.append([model, row.population, str(len(row.seeds)), *(in_cell(target, row.of(m)) for m in here)])
    return Table(heads, told)


def with_most(name: str, measure: str, most: Mapping[str, float]) -> str:
    """Name a measure, and what a perfect model would get of it.

    Parameters
    ----------
    name, measure : str
    most : mapping of str to float
        From `ceilings`.

    Returns
    -------
    str
        The name alone of what is of the ceiling, or has none.
    """
    if measure not in most or measure == "encoding":
        return name
    return f"{name} (most: {'unknown' if math.isnan(most[measure]) else f'{most[measure]:.2f}'})"


class Test(NamedTuple):
    """A gain, and whether it is surely not 0.

    Attributes
    ----------
    model, population, what, measure : str
        ``what`` is `LEARNING` or `BEST`.
    scores : list of Score
        Differences, one a run; empty where there is nothing to be compared with.
    sure : bool
        Over runs and over stimuli, among all tests (Holm).
    """

    model: str
    population: str
    what: str
    measure: str
    scores: list[Score]
    sure: bool


def tested(target: Target, rows: Sequence[PopulationScores]) -> list[Test]:
    """Test every gain of every population.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    list of Test
    """
    found = {m: gains(rows, m) for m in measures_of(rows)}
    keys = [(row.model, row.population) for row in rows if row.role == "model"]
    every = [(*key, what, m, found[m][key][part]) for key in keys for part, what in enumerate((LEARNING, BEST)) for m in found]
    sure = holm_steps([p_of(target, scores) for *_, scores in every], FAMILY)
    return [Test(*one, sure=yes) for one, yes in zip(every, sure, strict=True)]


def gain_table(target: Target, rows: Sequence[PopulationScores]) -> Table:
    """Lay out what learning adds to each population, and how much more it has than what needs no model.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    Table
        Without rows where there is no model.
    """
    here = measures_of(rows)
    tests = {(t.model, t.population, t.what, t.measure): t for t in tested(target, rows)}
    told = []
    for model, population in dict.fromkeys((t.model, t.population) for t in tests.values()):
        line = [tests[model, population, what, m] for what in (LEARNING, BEST) for m in here]
        words = [(in_cell(target, t.scores), t.sure) for t in line]
        told.append([model, population, *(f"**{word}**" if bold else word for word, bold in words)])
    heads = [f"{MEASURES[m]}: {what}" for what in (LEARNING, BEST) for m in here]
    return Table(["model", "population", *heads], told)


def p_of(target: Target, scores: Sequence[Score]) -> float:
    """Say how likely a mean as far from 0 would be by chance, over runs or over stimuli: the larger of both.

    Parameters
    ----------
    target : Target
    scores : sequence of Score
        Differences, one a run.

    Returns
    -------
    float
        Of stimuli alone where there is one run; NaN where nothing is known.
    """
    if not scores or any(math.isnan(s.whole) for s in scores):
        return math.nan
    over_stimuli = target.over_stimuli(scores)
    p = 2 * p_above_zero(Interval(abs(over_stimuli.mean), *_around(over_stimuli)), target.n_groups)
    over_runs = p_two_sided([s.whole for s in scores])
    # Of one run stimuli alone tell; without stimuli nothing does.
    return min(1.0, p if math.isnan(over_runs) else max(p, over_runs))


def _around(found: Interval) -> tuple[float, float]:
    half = (found.high - found.low) / 2
    return abs(found.mean) - half, abs(found.mean) + half


def as_json(target: Target, rows: Sequence[PopulationScores]) -> dict[str, object]:
    """Give all numbers as what JSON can hold.

    Parameters
    ----------
    target : Target
    rows : sequence of PopulationScores

    Returns
    -------
    dict
    """
    data, known, here = target.data, target.ceiling, measures_of(rows)
    every = tested(target, rows)
    more = []
    for key in dict.fromkeys((t.model, t.population, t.what) for t in every):
        more.append(_plain(target, *key, {t.measure: t.scores for t in every if t[:3] == key}))
    return {
        "recording": {
            "name": data.name,
            "digest": data.digest,
            "source": data.source,
            "n_trials": data.n_trials,
            "n_stimuli": data.n_stimuli,
            "n_groups": target.n_groups,
            "half": known.half.tolist(),
            "explainable": known.explainable.tolist(),
            "without_score": {str(u): why for u, why in without_score(data, known).items()},
        },
        "ceilings": ceilings(target),
        "rows": [_plain(target, row.model, row.population, row.role, {m: row.of(m) for m in here}) for row in rows],
        "gains": more,
    }


def _plain(target: Target, model: str, population: str, role: str, found: Mapping[str, Sequence[Score]]) -> dict[str, object]:
    numbers = {}
    for measure, scores in found.items():
        if not scores:
            continue
        over_runs, over_stimuli = intervals(target, scores)
        numbers[measure] = {
            "runs": [s.whole for s in scores],
            "over_runs": over_runs._asdict(),
            "over_stimuli": over_stimuli._asdict(),
        }
    return {"model": model, "population": population, "role": role, "numbers": numbers}
