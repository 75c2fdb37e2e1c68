"""What a sweep varies: grids hold every combination, samples stay in range, a Latin hypercube fills every stratum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as patience
from hypothesis import strategies as st
from pydantic import ValidationError

from comparisons.sweeps.axes import Range, n_settings, settings
from snn.errors import DescriptionError


def test_a_grid_holds_every_combination_once() -> None:
    axes = {"a": (1, 2, 3), "b": ("x", None)}
    found = list(settings(axes, "grid", None, 0))
    assert len(found) == n_settings(axes, "grid", None) == 6
    assert {(s["a"], s["b"]) for s in found} == {(a, b) for a in (1, 2, 3) for b in ("x", None)}


def test_a_grid_of_nothing_is_the_run_itself() -> None:
    assert list(settings({}, "grid", None, 0)) == [{}]


@patience(deadline=None)  # scipy is imported in the first example
@given(n=st.integers(1, 40), seed=st.integers(0, 1000), log=st.booleans())
def test_a_latin_hypercube_has_one_sample_in_each_part(n: int, seed: int, log: bool) -> None:
    """Oracle: the definition: of n equal parts of the range (of its logarithm) each holds one sample, on every axis."""
    axes = {"a": Range(low=0.1, high=10.0, log=log), "b": Range(low=-3.0, high=5.0)}
    found = list(settings(axes, "latin", n, seed))
    for path, axis in axes.items():
        values = np.array([float(s[path]) for s in found])  # type: ignore[arg-type]
        low, high = (math.log(axis.low), math.log(axis.high)) if axis.log else (axis.low, axis.high)
        shares = ((np.log(values) if axis.log else values) - low) / (high - low)
        assert sorted(np.floor(shares * n - 1e-9 * n + 1e-12).astype(int).clip(0)) == list(range(n))


@given(seed=st.integers(0, 1000), low=st.integers(-5, 5), size=st.integers(1, 9))
def test_whole_numbers_stay_in_range(seed: int, low: int, size: int) -> None:
    found = [s["a"] for s in settings({"a": Range(low=low, high=low + size, integer=True)}, "random", 50, seed)]
    assert all(isinstance(v, int) and low <= v <= low + size for v in found)


def test_whole_numbers_are_equally_likely() -> None:
    """Oracle: 6000 throws of a die: each face 1000 times, give or take 5 standard deviations."""
    found = [s["a"] for s in settings({"a": Range(low=1, high=6, integer=True)}, "random", 6000, 1)]
    counts = np.bincount(np.array(found, dtype=int))[1:]
    assert abs(counts - 1000).max() < 5 * math.sqrt(6000 * 5 / 36)


def test_lists_are_sampled_too() -> None:
    found = [s["a"] for s in settings({"a": ("x", "y", "z")}, "latin", 9, 3)]
    assert sorted(map(str, found)) == sorted("xyz" * 3)


def test_samples_depend_on_their_seed_alone() -> None:
    axes = {"a": Range(low=0.0, high=1.0)}
    one, again, other = (list(settings(axes, "random", 5, seed)) for seed in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"low": 2.0, "high": 1.0}, "low must be below high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "above 0 where log holds"),
        ({"low": 0.5, "high": 2.0, "integer": True}, "must be whole"),
        ({"low": 0.0, "high": float("inf")}, "finite"),
    ],
)
def test_bad_ranges_are_refused(fields: dict[str, float], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Range(**fields)  # type: ignore[arg-type]


def test_designs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DescriptionError, match=r"sweep\.vary\.a: is a range"):
        n_settings({"a": Range(low=0, high=1)}, "grid", None)
    with pytest.raises(DescriptionError, match=r"sweep\.n: is missing"):
        n_settings({"a": (1, 2)}, "random", None)
    with pytest.raises(DescriptionError, match=r"sweep\.n: belongs to"):
        n_settings({"a": (1, 2)}, "grid", 3)
    with pytest.raises(DescriptionError, match=r"sweep\.vary: is empty"):
        n_settings({}, "latin", 3)
