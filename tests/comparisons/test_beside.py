"""What is laid beside what: closed forms of intervals, and by hand which rows there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from comparisons.beside import band, jackknifed, lay_beside
from comparisons.statistics import t_interval

RNG = np.random.default_rng(0)


def test_band_is_an_interval_at_every_point() -> None:
    """Oracle: the interval of each point alone; NaN where one seed is not defined."""
    values = RNG.normal(size=(4, 3))
    values[2, 1] = np.nan
    found = band(list(values))
    for k in (0, 2):
        assert (found.mean[k], found.low[k], found.high[k]) == pytest.approx(t_interval(values[:, k]))
    assert np.isnan(found.mean[1])
    one = band([3.0])
    assert float(one.mean) == 3.0 and np.isnan(one.low)


def test_jackknife_of_means_is_the_interval_of_a_mean() -> None:
    """Oracle: for pairs that are means of their seeds the jackknife is Student's interval of the seeds, exactly."""
    x = RNG.normal(size=5)
    found = jackknifed({(i, j): (x[i] + x[j]) / 2 for i, j in combinations(range(5), 2)}, 5)
    assert (float(found.mean), float(found.low), float(found.high)) == pytest.approx(t_interval(x))
    two = jackknifed({(0, 1): 2.0}, 2)
    assert float(two.mean) == 2.0 and np.isnan(two.low)


def test_rows() -> None:
    """Oracle: differences by hand."""
    learned = {"a": [{"x": 1.0, "y": 5.0}, {"x": 2.0, "y": 5.0}], "b": [{"x": 4.0}, {"x": 7.0}]}
    born = {"a": [{"x": 0.0}, {"x": 0.0}], "b": [{"x": 1.0}, {"x": 1.0}]}
    rows = lay_beside(learned, born, {"pixels": 10.0}, lambda p, q: {"d": q - p})
    told = {(r.site, r.relation, r.one, r.other): float(r.numbers["d"].mean) for r in rows}
    assert told == {
        ("x", "models", "a", "b"): 4.0,
        ("x", "untrained", "a, untrained", "b, untrained"): 1.0,
        ("x", "learning", "a", "a, untrained"): -1.5,
        ("x", "learning", "b", "b, untrained"): -4.5,
        ("x", "seeds", "a", "a"): 1.0,
        ("x", "seeds", "b", "b"): 3.0,
        ("x", "pixels", "a", "pixels"): 8.5,
        ("x", "pixels", "b", "pixels"): 4.5,
        ("y", "seeds", "a", "a"): 0.0,
        ("y", "pixels", "a", "pixels"): 5.0,
    }
    assert float(rows[0].gains["d"].mean) == 3.0, "less the untrained, seed by seed"
    alone = lay_beside({name: runs[:1] for name, runs in learned.items()}, {}, {}, lambda p, q: {"d": q - p})
    assert [(r.site, r.relation) for r in alone] == [("x", "models")] and not alone[0].gains
