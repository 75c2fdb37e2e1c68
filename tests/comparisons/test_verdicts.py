"""Verdicts: when an effect holds, fails or stays open, by closed forms of Student's t and Holm's procedure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from scipy import stats

from comparisons.phenomenon import About
from comparisons.verdicts import Verdict, decide, holm

ABOUT = About(
    name="x", title="X", version=1, claim="x", doi="", primary="e", unit="%", least=10.0, controls=("untrained", "adaptation_only")
)


def runs(model: Sequence[float], **controls: Sequence[float]) -> list[dict[str, dict[str, float]]]:
    return [{"model": {"e": m, "more": 2 * m}} | {k: {"e": v[i]} for k, v in controls.items()} for i, m in enumerate(model)]


def test_it_holds_above_the_criterion_and_its_controls() -> None:
    """Oracle: the interval and p of scipy's t-test."""
    values = [20.0, 22.0, 21.0, 19.0, 23.0]
    found = decide(ABOUT, runs(values, untrained=[1.0, 2.0, 1.0, 0.0, 2.0], adaptation_only=[5.0] * 5))
    assert found.outcome == "holds" and found.reason == ""
    expected = stats.ttest_1samp(values, 10.0, alternative="greater")
    assert found.p == pytest.approx(expected.pvalue)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.effect is not None and found.effect[1:] == pytest.approx((low, high))
    assert found.beyond["adaptation_only"].mean == pytest.approx(16.0)
    assert found.others["more"].mean == pytest.approx(42.0)


@pytest.mark.parametrize(
    ("model", "control", "outcome", "reason"),
    [
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "fails", "below 10"),
        ([5.0, 12.0, 14.0], [0.0, 0.0, 0.0], "undecided", "holds 10"),
        ([20.0, 21.0, 22.0], [30.0, 32.0, 31.0], "fails", "untrained"),
        ([20.0, 21.0, 22.0], [20.0, 25.0, 13.0], "undecided", "not surely more"),
        ([math.nan, math.nan, math.nan], [0.0, 0.0, 0.0], "fails", "below 10"),
    ],
)
def test_when_it_does_not(model: list[float], control: list[float], outcome: str, reason: str) -> None:
    found = decide(ABOUT, runs(model, untrained=control, adaptation_only=[0.0] * 3))
    assert (found.outcome, reason in found.reason) == (outcome, True), found.reason


def test_one_seed_never_decides() -> None:
    assert decide(ABOUT, runs([50.0], untrained=[0.0], adaptation_only=[0.0])).outcome == "undecided"


def test_below_the_gate_nothing_is_said_of_the_phenomenon() -> None:
    found = decide(ABOUT, runs([50.0, 51.0], untrained=[0.0, 0.0]), ratios=[0.9, 0.85])
    assert found.outcome == "not trained enough" and "0.88" in found.reason


def test_a_missing_control_is_named() -> None:
    found = decide(ABOUT, runs([50.0, 51.0, 52.0], untrained=[0.0, 0.0, 0.0]))
    assert found.outcome == "holds" and "adaptation only" in found.reason


def test_holm() -> None:
    """Oracle: Holm's steps by hand for p of 0.01, 0.02, 0.04 at 0.05: 0.05/3 passes the first, 0.05/2 the second, 0.05 the third;
    with 0.03 in place of 0.02 the second is stopped, and with it the third.
    """
    passes = {k: Verdict("holds", "", p=p) for k, p in (("a", 0.04), ("b", 0.01), ("c", 0.02))}
    assert {k: v.outcome for k, v in holm(passes).items()} == dict.fromkeys("abc", "holds")
    stops = {k: Verdict("holds", "", p=p) for k, p in (("a", 0.04), ("b", 0.01), ("c", 0.03))}
    assert {k: v.outcome for k, v in holm(stops).items()} == {"a": "undecided", "b": "holds", "c": "undecided"}
    assert holm({"a": Verdict("not applicable", "")})["a"].outcome == "not applicable"
