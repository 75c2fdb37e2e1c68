"""From measurements of several seeds to a verdict. The seed is the unit of inference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from comparisons.phenomenon import About
from comparisons.statistics import Interval, t_interval

Outcome = Literal["holds", "fails", "undecided", "not applicable", "not trained enough"]
LEAST_SEEDS = 2
"""Fewer give no interval."""
GATE = 0.8
"""Largest held-out error, as a share of that of copying the last frame, of a model whose phenomena mean anything."""
ALPHA = 0.05


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
        The same measure in each control.
    beyond : mapping of str to Interval
        Effect less that of each control, seed by seed.
    others : mapping of str to Interval
        Of the other measures.
    n_seeds : int
    p : float
        One-sided, that the effect is not above the criterion; NaN where it was not tested.
    """

    outcome: Outcome
    reason: str
    effect: Interval | None = None
    controls: Mapping[str, Interval] = field(default_factory=dict)
    beyond: Mapping[str, Interval] = field(default_factory=dict)
    others: Mapping[str, Interval] = field(default_factory=dict)
    n_seeds: int = 0
    p: float = float("nan")


def decide(about: About, runs: Sequence[Mapping[str, Mapping[str, float]]], ratios: Sequence[float] = ()) -> Verdict:
    """Judge a phenomenon by what was measured.

    It holds where the 95 % interval of the effect over seeds lies above ``about.least``, and where that of the effect less each
    control's lies above 0; it fails where the interval lies below ``about.least``, or a control surely shows as much. All else is
    undecided. An effect that is not defined for a seed (NaN: no cell could be selected) counts as no effect, 0.

    Parameters
    ----------
    about : About
    runs : sequence of mapping of str to mapping
        For each seed the effects of ``"model"`` and of every control that there was.
    ratios : sequence of float
        Held-out error of each seed's model as a share of that of copying; where the mean is above `GATE` the verdict is "not
        trained enough".

    Returns
    -------
    Verdict
    """
    values = [_number(run["model"].get(about.primary)) for run in runs]
    if not values:
        return Verdict("not applicable", "nothing was measured")
    effect = t_interval(values)
    names: list[str] = [c for c in about.controls if all(c in run for run in runs)]
    control = {c: [_number(run[c].get(about.primary)) for run in runs] for c in names}
    beyond = {c: t_interval([a - b for a, b in zip(values, control[c], strict=True)]) for c in names}
    others = {name: t_interval([_number(run["model"].get(name)) for run in runs]) for name in runs[0]["model"] if name != about.primary}
    shown_by: dict[str, Interval] = {c: t_interval(v) for c, v in control.items()}
    found = Verdict("undecided", "", effect, shown_by, beyond, others, len(values), _p(values, about.least))
    if len(ratios) and float(np.mean(ratios)) > GATE:
        reason = f"held-out error is {float(np.mean(ratios)):.2f} of copying the last frame, above {GATE:g}"
        return replace(found, outcome="not trained enough", reason=reason)
    if len(values) < LEAST_SEEDS:
        return replace(found, reason="one seed gives no interval")
    if effect.high < about.least:
        return replace(found, outcome="fails", reason=f"the effect lies below {about.least:g} {about.unit}".rstrip())
    if effect.low <= about.least:
        return replace(found, reason=f"the interval holds {about.least:g} {about.unit}".rstrip())
    for name, difference in beyond.items():
        shown = name.replace("_", " ")
        if difference.high <= 0:
            return replace(found, outcome="fails", reason=f"not counted: the control ({shown}) shows as much")
        if difference.low <= 0:
            return replace(found, reason=f"not surely more than in the control ({shown})")
    missing = [c.replace("_", " ") for c in about.controls if c not in names]
    return replace(found, outcome="holds", reason="" if not missing else f"without control: {', '.join(missing)}")


def holm(verdicts: Mapping[str, Verdict], alpha: float = ALPHA) -> dict[str, Verdict]:
    """Correct the verdicts of one model for the number of phenomena that were tested.

    Parameters
    ----------
    verdicts : mapping of str to Verdict
        By phenomenon, one primary measure each.
    alpha : float
        Chance that any of them holds wrongly.

    Returns
    -------
    dict of str to Verdict
        Those that hold no longer are undecided.

    References
    ----------
    Holm (1979), https://www.jstor.org/stable/4615733.
    """
    tested = sorted((v.p, name) for name, v in verdicts.items() if not math.isnan(v.p))
    found, open_ = dict(verdicts), True
    for rank, (p, name) in enumerate(tested):
        open_ = open_ and p <= alpha / (len(tested) - rank)
        if not open_ and found[name].outcome == "holds":
            reason = f"holds alone (p = {p:.3f}), but not among {len(tested)} phenomena (Holm)"
            found[name] = replace(found[name], outcome="undecided", reason=reason)
    return found


def _number(value: float | None) -> float:
    return 0.0 if value is None or math.isnan(value) else float(value)


def _p(values: Sequence[float], least: float) -> float:
    """One-sided p of Student's t-test that the mean is not above ``least``."""
    from scipy.stats import t

    if len(values) < LEAST_SEEDS:
        return float("nan")
    spread = float(np.std(values, ddof=1))
    above = float(np.mean(values)) - least
    if spread == 0.0:
        return 0.0 if above > 0 else 1.0
    return float(t.sf(above / (spread / math.sqrt(len(values))), len(values) - 1))
