"""Intervals and tests over seeds, and how they are printed."""

from __future__ import annotations

import math

import pytest
from scipy.stats import ttest_1samp

from comparisons.statistics import Interval, bracketed, in_cell, p_above, p_two_sided, without_dust

VALUES = [0.21, 0.35, 0.11, 0.4]


@pytest.mark.parametrize("least", [-1.0, 0.0, 0.2, 0.9])
def test_a_mean_above_a_number_is_tested_as_by_scipy(least: float) -> None:
    """Oracle: `scipy.stats.ttest_1samp`."""
    assert p_above(VALUES, least) == pytest.approx(ttest_1samp(VALUES, least, alternative="greater").pvalue)


@pytest.mark.parametrize("values", [VALUES, [-v for v in VALUES], [0.3, -0.2, 0.1], [1e-9, 2e-9]])
def test_a_mean_that_is_not_zero_is_tested_as_by_scipy(values: list[float]) -> None:
    """Oracle: `scipy.stats.ttest_1samp`."""
    assert p_two_sided(values) == pytest.approx(ttest_1samp(values, 0.0).pvalue)


def test_what_does_not_vary_is_certain_and_what_is_not_there_unknown() -> None:
    assert p_two_sided([0.0, 0.0]) == 1.0 and p_two_sided([0.5, 0.5]) == p_two_sided([-0.5, -0.5]) == 0.0
    assert math.isnan(p_two_sided([0.5])) and math.isnan(p_two_sided([0.5, math.nan])) and math.isnan(p_above([], 0.0))


def test_dust_is_printed_as_nothing() -> None:
    """Oracle: by hand; a hundred-thousandth beside twentieths is 0, beside its like it is not."""
    assert without_dust(Interval(1.1e-5, -0.055, 0.055)) == Interval(0.0, -0.055, 0.055)
    assert without_dust(Interval(1.1e-5, -2e-5, 4e-5)) == Interval(1.1e-5, -2e-5, 4e-5)
    assert without_dust(Interval(1e-12, math.nan, math.nan))[0] == 0.0
    assert in_cell([0.1, -0.1, 0.00003]) == "0 [-0.248, 0.248]"
    assert in_cell([1.0, 3.0, math.nan]) == "2 [-10.7, 14.7], 2 of 3" and in_cell([math.nan]) == "-"
    assert in_cell([4150.0, 4150.0]) == "4,150" and in_cell([0.5]) == "0.5"


def test_numbers_in_brackets() -> None:
    """Oracle: by hand; nothing is minus nothing."""
    nan = float("nan")
    assert bracketed(Interval(0.4126, 0.402, 0.424)) == "0.413 [0.402, 0.424]"
    assert bracketed(Interval(-0.001, -0.204, 0.3), 2) == "0.00 [-0.20, 0.30]"
    assert bracketed(Interval(2.0, nan, nan), 1) == "2.0" and bracketed(Interval(nan, nan, nan)) == "-"
