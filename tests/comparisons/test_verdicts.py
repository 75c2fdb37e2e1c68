"""Verdicts: when an effect holds, fails or stays open, by closed forms of Student's t and Holm's procedure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from comparisons.phenomenon import About
from comparisons.statistics import Interval, holm_steps, p_above_zero, t_interval
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
    against = [stats.ttest_1samp(values, 10.0, alternative="greater").pvalue]
    for control in ([1.0, 2.0, 1.0, 0.0, 2.0], [5.0] * 5):
        against.append(stats.ttest_rel(values, control, alternative="greater").pvalue)
    assert found.p == pytest.approx(max(against))
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.effect is not None and found.effect[1:] == pytest.approx((low, high))
    assert found.beyond["adaptation_only"].mean == pytest.approx(16.0)
    assert found.others["more"].mean == pytest.approx(42.0)


@pytest.mark.parametrize(
    ("model", "control", "outcome", "reason"),
    [
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "fails", "below 10"),
        ([5.0, 12.0, 14.0], [0.0, 0.0, 0.0], "undecided", "includes 10"),
        ([20.0, 21.0, 22.0], [30.0, 32.0, 31.0], "fails", "untrained"),
        ([20.0, 21.0, 22.0], [20.0, 25.0, 13.0], "undecided", "not surely more"),
        ([math.nan, math.nan, math.nan], [0.0, 0.0, 0.0], "undecided", "could not be measured in 3 of 3"),
        ([20.0, math.nan, 22.0], [0.0, 0.0, 0.0], "undecided", "could not be measured in 1 of 3"),
        ([20.0, 21.0, 22.0], [0.0, math.nan, 0.0], "undecided", "no control to stand out from: untrained"),
    ],
)
def test_when_it_does_not(model: list[float], control: list[float], outcome: str, reason: str) -> None:
    found = decide(ABOUT, runs(model, untrained=control, adaptation_only=[0.0] * 3))
    assert (found.outcome, reason in found.reason) == (outcome, True), found.reason


def test_one_seed_never_decides() -> None:
    assert decide(ABOUT, runs([50.0], untrained=[0.0], adaptation_only=[0.0])).outcome == "undecided"


def test_below_the_gate_nothing_is_said_of_the_phenomenon() -> None:
    found = decide(ABOUT, runs([50.0, 51.0], untrained=[0.0, 0.0]), ratios=[0.4, 0.85])
    assert found.outcome == "not trained enough" and "0.85" in found.reason
    assert decide(ABOUT, []).outcome == "undecided"


def test_what_stands_beside_it_decides_nothing() -> None:
    """Oracle: the verdict without it; only its interval is told. It may show as much, more, or be missing."""
    about = replace(ABOUT, controls=("adaptation_only",), beside=("untrained",))
    model, tired = [20.0, 21.0, 22.0], [1.0, 2.0, 3.0]
    alone = decide(replace(about, beside=()), runs(model, adaptation_only=tired))
    assert alone.outcome == "holds"
    found = decide(about, runs(model, adaptation_only=tired, untrained=[30.0, 31.0, 32.0]))
    assert replace(found, controls=alone.controls) == alone and set(found.beyond) == {"adaptation_only"}
    assert found.controls["untrained"].mean == 31.0 and found.controls["adaptation_only"] == alone.controls["adaptation_only"]
    assert decide(about, runs(model, adaptation_only=tired)) == alone
    assert decide(about, runs(model, untrained=[0.0, 0.0, 0.0])).outcome == "undecided"


def test_a_missing_control_is_named() -> None:
    found = decide(ABOUT, runs([50.0, 51.0, 52.0], untrained=[0.0, 0.0, 0.0]))
    assert found.outcome == "undecided" and "no control to stand out from: adaptation only" in found.reason
    assert decide(ABOUT, runs([50.0, 51.0, 52.0]), controlled=False).outcome == "holds"


def test_holm() -> None:
    """Oracle: Holm's steps by hand for p of 0.01, 0.02, 0.04 at 0.05: 0.05/3 passes the first, 0.05/2 the second, 0.05 the third;
    with 0.03 in place of 0.02 the second is stopped, and with it the third.
    """
    passes = {k: Verdict("holds", "", p=p) for k, p in (("a", 0.04), ("b", 0.01), ("c", 0.02))}
    assert {k: v.outcome for k, v in holm(passes, 0.05).items()} == dict.fromkeys("abc", "holds")
    stops = {k: Verdict("holds", "", p=p) for k, p in (("a", 0.04), ("b", 0.01), ("c", 0.03))}
    assert {k: v.outcome for k, v in holm(stops, 0.05).items()} == {"a": "undecided", "b": "holds", "c": "undecided"}
    found = holm(passes | {"b": Verdict("holds", "", p=0.005)})  # At 0.025 nothing but p below 0.025 / 3 of three.
    assert [v.outcome for v in found.values()] == ["undecided", "holds", "undecided"]
    assert holm({"a": Verdict("not applicable", "")})["a"].outcome == "not applicable"


def test_steps_and_p_of_an_interval() -> None:
    """Oracle: by hand (what was not tested does not count); Student's test of the values themselves."""
    nan = float("nan")
    assert holm_steps([0.012, nan, 0.008, 0.3], 0.025) == [True, False, True, False]
    assert holm_steps([0.013, nan, 0.008, 0.001], 0.025) == [True, False, True, True]
    assert holm_steps([0.013, 0.009, 0.009], 0.025) == [False] * 3 and holm_steps([], 0.025) == []
    for values in ([0.1, 0.2, 0.4], [-0.1, 0.3], [-1.0, -1.1, -1.3, -0.7]):
        p = stats.ttest_1samp(values, 0.0, alternative="greater").pvalue
        assert p_above_zero(t_interval(values), len(values)) == pytest.approx(p)
    assert p_above_zero(t_interval([0.1, 0.1]), 2) == 0.0 and p_above_zero(t_interval([-0.1, -0.1]), 2) == 1.0
    assert np.isnan(p_above_zero(t_interval([0.1]), 1)) and np.isnan(p_above_zero(Interval(nan, nan, nan), 3))


def test_equal_to_the_control_holds_rarely() -> None:
    """Oracle: chance. Eight phenomena as strong in the model as in its control: in some of 400 batteries one holds, in few."""
    rng, one = np.random.default_rng(0), About("x", "X", 1, "x", "", "e", "", 0.0, ("untrained",))
    wrong = 0
    for _ in range(400):
        found = {}
        for k in range(8):
            level, noise = 1.0 + rng.random(), rng.normal(0.0, 0.1, (2, 3))
            found[str(k)] = decide(one, runs(list(level + noise[0]), untrained=list(level + noise[1])))
        wrong += any(v.outcome == "holds" for v in holm(found).values())
    assert wrong / 400 < 0.06
