"""Scores in words: what every population explains, and what learning and models add."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from comparisons.neural.scores import MEASURES, Score, Target
from comparisons.neural.scoring import ROLES, PopulationScores, gains, intervals
from comparisons.statistics import Interval, holm_steps, p_above_zero, p_two_sided
from comparisons.tables import Table
from comparisons.verdicts import ALPHA

LEGEND = (
    "Square brackets: 95 % over runs; round ones: over stimuli, by halves of their groups. Explained: cross-validated, of what a perfect "
    "model could explain; 0 is a guess of the mean, below it is worse. RSA (Spearman's rho-a, distances cross-validated over trials) and "
    "CKA: 1 is equal, 0 unrelated."
)
MORE_LEGEND = (
    "Bold: surely not 0, over runs and over stimuli, among all numbers of the table (Holm, 5 %). Best without a model: of pixels, Gabor "
    "filters and Gabor energy, the one that scores highest, measure by measure."
)
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
    if not scores or math.isnan(scores[0].whole):
        return "-"
    over_runs, over_stimuli = intervals(target, scores)
    runs = "" if math.isnan(over_runs.low) else f" [{_two_digits(over_runs.low)}, {_two_digits(over_runs.high)}]"
    stimuli = "" if math.isnan(over_stimuli.low) else f" ({_two_digits(over_stimuli.low)}, {_two_digits(over_stimuli.high)})"
    return f"{_two_digits(over_runs.mean)}{runs}{stimuli}"


def _two_digits(value: float) -> str:
    # A sum with 0 has no sign where it is 0.
    return f"{round(value, 2) + 0.0:.2f}"


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
    heads = ["model", "population", "runs", *(_head(m, best.get(m)) for m in here)]
    told = []
    for row in rows:
        model = row.model if row.role == "model" else f"{row.model}, {ROLES[row.role]}" if row.role == "untrained" else ROLES[row.role]
        told.append([model, row.population, str(len(row.seeds)), *(in_cell(target, row.of(m)) for m in here)])
    return Table(heads, told)


def _head(measure: str, ceiling: float | None) -> str:
    if ceiling is None or measure == "encoding":
        return MEASURES[measure]
    return f"{MEASURES[measure]} (most: {'unknown' if math.isnan(ceiling) else f'{ceiling:.2f}'})"


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
    found = {m: gains(rows, m) for m in here}
    keys = [(row.model, row.population) for row in rows if row.role == "model"]
    cells = [[(m, found[m][key][part]) for part in (0, 1) for m in here] for key in keys]
    sure = iter(holm_steps([p_of(target, scores) for line in cells for _, scores in line], ALPHA))
    told = []
    for (model, population), line in zip(keys, cells, strict=True):
        words = [(in_cell(target, scores), next(sure)) for _, scores in line]
        told.append([model, population, *(f"**{word}**" if bold else word for word, bold in words)])
    heads = [f"{MEASURES[m]}: {part}" for part in (LEARNING, BEST) for m in here]
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
    one_sided = p_above_zero(Interval(abs(over_stimuli.mean), *_around(over_stimuli)), target.n_groups)
    p = [2 * one_sided, p_two_sided([s.whole for s in scores])]
    return min(1.0, max(x for x in p if not math.isnan(x))) if not all(map(math.isnan, p)) else math.nan


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
    found = {m: gains(rows, m) for m in here}
    more = []
    for key in [(row.model, row.population) for row in rows if row.role == "model"]:
        for part, what in enumerate((LEARNING, BEST)):
            more.append(_plain(target, *key, what, {m: found[m][key][part] for m in here}))
    return {
        "recording": {
            "name": data.name,
            "source": data.source,
            "n_trials": data.n_trials,
            "n_stimuli": data.n_stimuli,
            "n_groups": target.n_groups,
            "half": known.half.tolist(),
            "explainable": known.explainable.tolist(),
            "left_out": {str(u): why for u, why in data.left_out.items()},
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
