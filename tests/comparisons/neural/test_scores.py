"""Scores with intervals over stimuli: the positive control, shuffled stimuli, and whether intervals hold what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons.neural.data import NeuralData
from comparisons.neural.score_figure import score_svg
from comparisons.neural.scores import Score, Target, less
from comparisons.neural.scoring import PopulationScores
from comparisons.neural.simulated import simulated_v1
from comparisons.neural.straightening import curvature_deg


@pytest.fixture(scope="module")
def v1() -> tuple[Target, np.ndarray, np.ndarray]:
    made = simulated_v1(n_stimuli=200, n_units=30, mean_count=1.0, seed=2)
    return Target.of(made.data), made.expected / made.data.samples.std(axis=(0, 1)), made.data.stimuli.reshape(200, -1)


def test_the_truth_is_at_the_ceiling_and_other_stimuli_at_nothing(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    target, truth, _ = v1
    found = target.score(truth)
    assert found["encoding"].whole > 0.9
    assert found["rsa"].whole == pytest.approx(target.recorded.rsa_ceiling, abs=0.015)
    assert found["cka"].whole == pytest.approx(target.recorded.cka_ceiling, abs=0.02)
    others = target.score(truth[np.random.default_rng(3).permutation(200)])
    for score in others.values():
        low, high = target.over_stimuli([score])[1:]
        assert low < 0.02 and high > -0.02 and high - low < 0.8


def test_pixels_are_surely_less_than_the_truth(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    target, truth, pixels = v1
    one, other = target.score(truth), target.score(pixels)
    for name in one:
        found = target.over_stimuli([less(one[name], other[name])])
        assert found.low > 0 and found.mean == pytest.approx(one[name].whole - other[name].whole)


def test_a_population_that_answers_nothing_has_no_score(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    found = v1[0].score(np.ones((200, 5)))
    assert all(np.isnan(s.whole) and np.isnan(s.halves).all() for s in found.values())


def test_halves_keep_groups_whole(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    target = v1[0]
    groups = target.data.sample_groups
    for half in target.halves:
        assert not set(groups[half]) & set(groups[~half])
        assert len(set(groups[half])) == target.n_groups // 2


def independent(seed: int, n: int = 40) -> tuple[Target, np.ndarray]:
    """Units that read one of two features, which are drawn anew for each stimulus; the other feature has nothing to do with them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 2))
    responses = features[:, :1] + 0.3 * rng.normal(size=(4, n, 3))
    return Target.of(NeuralData(np.zeros((n, 1, 4, 4)), responses, np.arange(n)), seed=seed), features


def test_intervals_over_stimuli_hold_what_they_say() -> None:
    """Of 60 recordings whose stimuli are drawn anew, the CKA of an unrelated feature is 0 within nearly all intervals of 95 %, and the
    score of a related one, that of 400 stimuli, too; intervals are not so wide that they would hold anything.
    """
    large, features = independent(1, n=400)
    true = large.score(features)["cka"].whole
    held_zero, held_true, widths = [], [], []
    for seed in range(60):
        target, features = independent(100 + seed)
        unrelated = np.random.default_rng(seed).normal(size=(40, 2))
        zero = target.over_stimuli([target.score(unrelated)["cka"]])
        related = target.over_stimuli([target.score(features)["cka"]])
        held_zero.append(zero.low <= 0 <= zero.high)
        held_true.append(related.low <= true <= related.high)
        widths.append(zero.high - zero.low)
    assert 0.87 <= np.mean(held_zero) and 0.85 <= np.mean(held_true)
    assert np.mean(widths) < 0.3


def test_intervals_are_of_the_mean_over_runs(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    """Two runs that err in opposite ways on the same halves are sure of their mean."""
    target = v1[0]
    noise = np.random.default_rng(0).normal(size=100)
    found = target.over_stimuli([Score(0.4, 0.4 + noise), Score(0.6, 0.6 - noise)])
    assert found == pytest.approx((0.5, 0.5, 0.5))


def test_curvature_of_films_and_of_halves_of_them() -> None:
    rng = np.random.default_rng(7)
    films = rng.random((6, 5, 4, 4))
    data = NeuralData(films, rng.normal(size=(3, 6, 5, 8)), np.arange(6), 50.0, 50.0)
    target = Target.of(replace(data, groups=np.array([0, 0, 1, 1, 2, 2])))
    path = films.reshape(6, 5, -1)
    found = target.curvature(path)
    assert found.whole == pytest.approx(curvature_deg(path))
    # A third of the groups: each half is one group, of two films.
    assert {round(h, 6) for h in found.halves} == {round(curvature_deg(path[k : k + 2]), 6) for k in (0, 2, 4)}


# ---- responses in time


def in_time(responses: np.ndarray, seed: int = 0) -> Target:
    """Ten films of six frames, answered in bins of a frame."""
    films = np.random.default_rng(seed).random((10, 6, 4, 4))
    return Target.of(NeuralData(films, responses, np.arange(10), 50.0, 50.0), seed=seed)


def test_a_common_course_is_no_likeness() -> None:
    """Oracle: nothing, on average. Neurons and a population that answer the beginning of any film, and nothing else of it."""
    course = np.array([5.0, 3.0, 1.0, 0.0, 0.0, 0.0])[:, None]
    found: dict[str, list[float]] = {"cka": [], "rsa": []}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        scores = in_time(course + 0.3 * rng.normal(size=(4, 10, 6, 3))).score((course + 0.1 * rng.normal(size=(10, 6, 5))).reshape(60, 5))
        assert np.isnan(scores["encoding"].whole) or scores["encoding"].whole < 0.1
        for name, values in found.items():
            values.append(scores[name].whole)
    for values in found.values():
        assert abs(np.mean(values)) < 0.05 and max(np.abs(values)) < 0.3, found


def test_slow_answers_that_share_nothing_are_not_alike() -> None:
    """Oracle: nothing. Units and cells that have one rate a film, drawn by themselves: frames of a film are no samples of their own."""
    found, most = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        rates, others = np.repeat(rng.gamma(2.0, 1.0, (40, 1, 8)), 5, axis=1), np.repeat(rng.gamma(2.0, 1.0, (40, 1, 12)), 5, axis=1)
        films = rng.random((40, 5, 4, 4))
        target = Target.of(NeuralData(films, rates + 0.3 * rng.normal(size=(6, 40, 5, 8)), np.arange(40), 50.0, 50.0), seed=seed)
        found.append(target.score(others.reshape(200, 12))["cka"].whole)
        spread = target.data.samples.std(axis=(0, 1))
        most.append((target.score(rates.reshape(200, 8) / spread)["cka"].whole, target.recorded.cka_ceiling))
    assert abs(np.mean(found)) < 0.03 and max(np.abs(found)) < 0.12
    assert all(truth == pytest.approx(ceiling, abs=0.05) and truth > 0.9 for truth, ceiling in most)


def test_late_neurons_are_read_from_what_is_early() -> None:
    """Neurons that answer the frame before: pixels have no memory, and are not to lose to what has one for this reason."""
    rng = np.random.default_rng(1)
    films = rng.random((40, 6, 3))
    late = np.concatenate([films[:, :1], films[:, :-1]], axis=1)
    data = NeuralData(rng.random((40, 6, 4, 4)), late + 0.05 * rng.normal(size=(4, 40, 6, 3)), np.arange(40), 50.0, 50.0)
    assert Target.of(data).score(films.reshape(240, 3))["encoding"].whole > 0.95


def test_undefined_halves_leave_no_interval() -> None:
    target = in_time(np.random.default_rng(2).normal(size=(4, 10, 6, 3)))
    some, most = np.ones(100), np.ones(100)
    some[:10], most[:60] = np.nan, np.nan
    assert target.over_stimuli([Score(1.0, some)]) == (1.0, 1.0, 1.0)
    assert np.isnan(target.over_stimuli([Score(1.0, most)]).low)


def test_what_a_population_does_whatever_is_shown_hides_nothing() -> None:
    """Oracle: the same population without it. Cells that tell what neurons tell, and all of which answer the beginning of any film."""
    rng = np.random.default_rng(3)
    told = rng.normal(size=(10, 6, 3))
    target = in_time(told + 0.2 * rng.normal(size=(4, 10, 6, 3)))
    course = 50.0 * np.array([5.0, 3.0, 1.0, 0.0, 0.0, 0.0])[:, None]
    one, other = (target.score(x.reshape(60, 3)) for x in (told, told + course))
    assert one["cka"].whole == pytest.approx(other["cka"].whole) and one["cka"].whole > 0.3
    assert one["rsa"].whole == pytest.approx(other["rsa"].whole)


def test_what_is_far_below_is_told_at_the_edge_of_the_figure(v1: tuple[Target, np.ndarray, np.ndarray]) -> None:
    """Oracle: the axis: a regression that went wrong in one run would leave all others on one spot."""
    target, noise = v1[0], np.random.default_rng(0).normal(size=100)
    lost = PopulationScores("one", "level0.error_neg", "untrained", [{"encoding": Score(-4.7, -4.7 + 9.0 * noise)}])
    good = PopulationScores("one", "level0.error_neg", "model", [{"encoding": Score(0.25, 0.25 + 0.01 * noise)}])
    drawn = score_svg(target, [good, lost])
    assert "← -4.7" in drawn and "−10" not in drawn and "−5" not in drawn
