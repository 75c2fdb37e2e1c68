"""Intervals over seeds: the seed is the unit of inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


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
