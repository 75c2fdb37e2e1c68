"""Intervals and tests over seeds: the seed is the unit of inference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

TINY = 1e-9
"""What is smaller is round-off."""


class Interval(NamedTuple):
    """A mean and its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        NaN bounds where there is one value only.
    """

    mean: float
    low: float
    high: float


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Confidence interval of a mean, by Student's t.

    ``mean +- t_{(1 + level) / 2, n - 1} s / sqrt(n)``

    Parameters
    ----------
    values : sequence of float
        One per seed.
    level : float
        Share of such intervals that hold the true mean.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If there is no value.
    """
    from scipy.stats import t

    if not len(values):
        raise ValueError("an interval needs at least one value")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, float("nan"), float("nan"))
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


DUST = 1e-3
"""Share of the largest number of an interval below which another is rounding, and is printed as 0."""


def without_dust(found: Interval) -> Interval:
    """Set to 0 what is far below the other numbers of an interval.

    Parameters
    ----------
    found : Interval

    Returns
    -------
    Interval
        Not to be reckoned with: for those who read it.
    """
    largest = max((abs(x) for x in found if not math.isnan(x)), default=0.0)
    return Interval(*(0.0 if abs(x) < max(TINY, DUST * largest) else x for x in found))


def in_cell(values: Sequence[float]) -> str:
    """Print mean and 95 % interval for a cell of a table, and of how many values if some are not defined.

    Parameters
    ----------
    values : sequence of float
        NaN where one is not defined.

    Returns
    -------
    str
        Such as ``2 [-10.7, 14.7], 2 of 3``; the mean alone where nothing varies, a dash where nothing is defined.
    """
    known = [v for v in values if not math.isnan(v)]
    if not known:
        return "-"
    found = without_dust(t_interval(known))
    low, high = short(found.low), short(found.high)
    interval = "" if math.isnan(found.low) or low == high else f" [{low}, {high}]"
    return f"{short(found.mean)}{interval}" + ("" if len(known) == len(values) else f", {len(known)} of {len(values)}")


def bracketed(found: Interval, digits: int = 3) -> str:
    """Print a mean with its interval, to so many digits after the point.

    Parameters
    ----------
    found : Interval
    digits : int

    Returns
    -------
    str
        Such as ``0.413 [0.402, 0.424]``; the mean alone where it has no bounds, a dash where it is not defined.
    """
    if math.isnan(found.mean):
        return "-"
    # A sum with 0 has no sign where it is 0.
    mean, low, high = (f"{round(x, digits) + 0.0:.{digits}f}" for x in found)
    return mean if math.isnan(found.low) else f"{mean} [{low}, {high}]"


def short(value: float) -> str:
    """Print a number to three digits, and what is larger whole.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
        Such as ``0.413``, ``42.1`` or ``32,800``.
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{value:.3g}"


def p_above_zero(found: Interval, n: int, level: float = 0.95) -> float:
    """Take from an interval by Student's t how likely as much would be if the true mean were 0.

    Parameters
    ----------
    found : Interval
    n : int
        Number of values that it is of.
    level : float
        Of the interval.

    Returns
    -------
    float
        One-sided; NaN where there are no bounds.
    """
    from scipy.stats import t

    half = (found.high - found.low) / 2
    if n < 2 or math.isnan(half):
        return float("nan")
    if half == 0.0:
        return 0.0 if found.mean > 0 else 1.0
    return float(t.sf(found.mean / half * t.ppf((1 + level) / 2, n - 1), n - 1))


def p_above(values: Sequence[float], least: float) -> float:
    """Say how likely a mean as far above a number would be if the true one were that number, by Student's t.

    Parameters
    ----------
    values : sequence of float
        One per seed.
    least : float

    Returns
    -------
    float
        One-sided; NaN where there are less than two values or one is not defined.
    """
    from scipy.stats import t

    if len(values) < 2 or any(map(math.isnan, values)):
        return float("nan")
    spread, above = float(np.std(values, ddof=1)), float(np.mean(values)) - least
    if spread == 0.0:
        return 0.0 if above > 0 else 1.0
    return float(t.sf(above / (spread / math.sqrt(len(values))), len(values) - 1))


def p_two_sided(values: Sequence[float]) -> float:
    """Say how likely a mean as far from 0 would be if the true one were 0.

    Parameters
    ----------
    values : sequence of float
        One per seed.

    Returns
    -------
    float
        As of `p_above`, but to either side; 1 where all values are 0.
    """
    found = float(np.fmin(p_above(values, 0.0), p_above([-v for v in values], 0.0)))
    return found if math.isnan(found) else min(1.0, 2 * found)


def holm_steps(p: Sequence[float], alpha: float) -> list[bool]:
    """Say which of many tests hold, corrected for their number.

    Parameters
    ----------
    p : sequence of float
        NaN where nothing was tested.
    alpha : float
        Chance that any of them holds wrongly.

    Returns
    -------
    list of bool
        False where nothing was tested.

    References
    ----------
    Holm (1979), https://www.jstor.org/stable/4615733.
    """
    tested = sorted((value, k) for k, value in enumerate(p) if not math.isnan(value))
    found, open_ = [False] * len(p), True
    for rank, (value, k) in enumerate(tested):
        open_ = open_ and value <= alpha / (len(tested) - rank)
        found[k] = open_
    return found
