"""From measurements of several seeds to a verdict. The seed is the unit of inference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from comparisons.phenomenon import About
from comparisons.statistics import Interval, holm_steps, p_above, t_interval

Outcome = Literal["holds", "fails", "undecided", "not applicable", "not trained enough"]
LEAST_SEEDS = 2
"""Fewer give no interval."""
GATE = 0.8
"""Largest held-out error, as a share of that of copying the last frame, of a model whose phenomena mean anything."""
ALPHA = 0.025
"""One-sided, as the lower end of a 95 % interval is."""


@dataclass(frozen=True)
class Verdict:
    """What is known of one phenomenon in one model.

    Attributes
    ----------
    outcome : {'holds', 'fails', 'undecided', 'not applicable', 'not trained enough'}
    reason : str
        One sentence.
    effect : Interval or None
        Of the primary measure, over seeds.
    controls : mapping of str to Interval
        The same measure in each control, and in what is shown beside it.
    beyond : mapping of str to Interval
        Effect less that of each control, seed by seed.
    others : mapping of str to Interval
        Of the other measures.
    n_seeds : int
    p : float
        One-sided, that the effect is not above the criterion or not above a control; NaN where it was not tested.
    """

    outcome: Outcome
    reason: str
    effect: Interval | None = None
    controls: Mapping[str, Interval] = field(default_factory=dict)
    beyond: Mapping[str, Interval] = field(default_factory=dict)
    others: Mapping[str, Interval] = field(default_factory=dict)
    n_seeds: int = 0
    p: float = float("nan")


def decide(
    about: About, runs: Sequence[Mapping[str, Mapping[str, float | None]]], ratios: Sequence[float] = (), *, controlled: bool = True
) -> Verdict:
    """Judge a phenomenon by what was measured.

    It holds where the 95 % interval of the effect over seeds lies above ``about.least``, and where that of the effect less each
    control's lies above 0; it fails where the interval lies below ``about.least``, or where an effect above it is surely not
    larger than a control's. All else is undecided: so is an effect that could not be measured in every seed (no cell could be
    selected), and one without a control that it must stand out from.

    Parameters
    ----------
    about : About
    runs : sequence of mapping of str to mapping
        For each seed the effects of ``"model"`` and of every control that there was, and of what is shown beside it, which
        decides nothing.
    ratios : sequence of float
        Held-out error of each seed's model as a share of that of copying; where one is above `GATE` the verdict is "not
        trained enough".
    controlled : bool
        Whether a control that there is not keeps an effect from being counted; subjects made for a test have none.

    Returns
    -------
    Verdict
        Its ``p`` is the largest of those that the effect is not above the criterion and not above each control.
    """
    if not runs:
        return Verdict("undecided", "nothing has been measured yet")
    values = [_number(run["model"].get(about.primary)) for run in runs]
    others = {name: _interval([_number(run["model"].get(name)) for run in runs]) for name in runs[0]["model"] if name != about.primary}
    shown_by: dict[str, Interval] = {}
    beyond: dict[str, Interval] = {}
    tests = [p_above(values, about.least)]
    for name in about.controls + about.beside:
        control = [_number(run[name].get(about.primary)) if name in run else float("nan") for run in runs]
        if not any(map(math.isnan, control)):
            shown_by[name] = t_interval(control)
            if name in about.beside:
                continue
            differences = [a - b for a, b in zip(values, control, strict=True)]
            beyond[name] = _interval(differences)
            tests.append(p_above(differences, 0.0))
    missed = sum(map(math.isnan, values))
    p = float("nan") if missed else max(tests)
    found = Verdict("undecided", "", _interval(values), shown_by, beyond, others, len(values), p)
    if any(ratio > GATE for ratio in ratios):
        reason = f"held-out error is {max(ratios):.2f} of copying the last frame, above {GATE:g}"
        return replace(found, outcome="not trained enough", reason=reason)
    if missed:
        return replace(found, reason=f"it could not be measured in {missed} of {len(values)} seeds")
    if len(values) < LEAST_SEEDS:
        return replace(found, reason="one seed gives no interval")
    assert found.effect is not None
    if found.effect.high < about.least:
        return replace(found, outcome="fails", reason=f"the effect lies below {about.least:g} {about.unit}".rstrip())
    if found.effect.low <= about.least:
        return replace(found, reason=f"the interval includes {about.least:g} {about.unit}".rstrip())
    for control_name, difference in beyond.items():
        shown = control_name.replace("_", " ")
        if difference.high <= 0:
            return replace(found, outcome="fails", reason=f"not counted: the control ({shown}) shows as much")
        if difference.low <= 0:
            return replace(found, reason=f"not surely more than in the control ({shown})")
    missing = [c.replace("_", " ") for c in about.controls if c not in beyond]
    if missing and controlled:
        return replace(found, reason=f"above the criterion, but there is no control to stand out from: {', '.join(missing)}")
    return replace(found, outcome="holds")


def holm(verdicts: Mapping[str, Verdict], alpha: float = ALPHA) -> dict[str, Verdict]:
    """Correct the verdicts of one model for the number of phenomena that were tested.

    Parameters
    ----------
    verdicts : mapping of str to Verdict
        By phenomenon, one primary measure each.
    alpha : float
        Chance, one-sided, that any of them holds wrongly.

    Returns
    -------
    dict of str to Verdict
        Those that hold no longer, by `holm_steps`, are undecided.
    """
    n_tested = sum(not math.isnan(v.p) for v in verdicts.values())
    found = dict(verdicts)
    for (name, v), holds in zip(verdicts.items(), holm_steps([v.p for v in verdicts.values()], alpha), strict=True):
        if not holds and not math.isnan(v.p) and v.outcome == "holds":
            reason = f"holds alone (p = {v.p:.3f}), but not among {n_tested} phenomena (Holm)"
            found[name] = replace(v, outcome="undecided", reason=reason)
    return found


def _interval(values: Sequence[float]) -> Interval:
    """Give the interval of what could be measured; NaN where nothing could."""
    known = [v for v in values if not math.isnan(v)]
    nan = float("nan")
    return t_interval(known) if known else Interval(nan, nan, nan)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
