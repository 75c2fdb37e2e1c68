"""Predicting neurons from features: against scikit-learn, and without ever a look at what is tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from comparisons.neural.data import NeuralData
from comparisons.neural.encoding import ALPHAS, COMPONENTS, Method, condensed, encode, grouped_folds, pls_predictions, ridge_predictions
from comparisons.neural.reliability import reliability
from comparisons.neural.simulated import simulated_v1
from snn.errors import NeuralDataError


def linear(n_stimuli: int = 120, n_features: int = 12, n_units: int = 5, noise: float = 0.5, n_trials: int = 8) -> tuple[Any, NeuralData]:
    """Units that are linear in features, and noise; stimuli in groups of four."""
    rng = np.random.default_rng(11)
    features = rng.normal(size=(n_stimuli, n_features))
    means = features @ rng.normal(size=(n_features, n_units)) / np.sqrt(n_features) + 3.0
    responses = means + noise * rng.normal(size=(n_trials, n_stimuli, n_units))
    return features, NeuralData(np.zeros((n_stimuli, 1, 4, 4)), responses, np.arange(n_stimuli) // 4)


@pytest.mark.parametrize("shape", [(30, 8), (12, 40)])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 300.0])
def test_ridge_is_that_of_scikit_learn(shape: tuple[int, int], alpha: float) -> None:
    rng = np.random.default_rng(5)
    x, y, new = rng.normal(size=shape) + 2.0, rng.normal(size=(shape[0], 3)), rng.normal(size=(7, shape[1]))
    mine = ridge_predictions(x, y, new, np.array([5.0, alpha]))[1]
    assert np.abs(mine - Ridge(alpha=alpha, solver="cholesky").fit(x, y).predict(new)).max() < 1e-8


@pytest.mark.parametrize("shape", [(40, 8), (20, 30)])
def test_partial_least_squares_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    """With as many components as asked for, one at a time; and with as many as there are where more are asked for."""
    rng = np.random.default_rng(1)
    x, new = rng.normal(size=shape), rng.normal(size=(6, shape[1]))
    y = x[:, :3] @ rng.normal(size=(3, 2)) + 0.3 * rng.normal(size=(shape[0], 2))
    most, spread = min(shape[0] - 1, shape[1]), y.std(axis=0)
    mine = pls_predictions(x, y, new, (0, 1, 2, 4, 1000))
    assert np.array_equal(mine[0], np.repeat(y.mean(axis=0)[None], 6, axis=0))
    for k, found in zip((1, 2, 4, most), mine[1:], strict=True):
        theirs = spread * PLSRegression(k, scale=False, max_iter=20_000).fit(x, y / spread).predict(new)
        assert np.abs(found - theirs).max() < 1e-8


@pytest.mark.parametrize("predict", [lambda *a: ridge_predictions(*a, np.array([0.1, 30.0])), lambda *a: pls_predictions(*a, (0, 1, 4))])
def test_many_features_are_turned_into_few_that_predict_the_same(predict: Any) -> None:
    """Oracle: the predictions from all 200 features."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 200)) + 1.0, rng.normal(size=(20, 3))
    few = condensed(x)
    assert few.shape == (30, 30) and few @ few.T == pytest.approx(x @ x.T)
    assert np.array_equal(condensed(x[:, :5]), x[:, :5])
    assert np.abs(predict(few[:20], y, few[20:]) - predict(x[:20], y, x[20:])).max() < 1e-8


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(2, 7), st.integers(0, 1000))
def test_no_group_is_on_both_sides_and_every_sample_is_tested_once(names: list[int], n_folds: int, seed: int) -> None:
    groups = np.array(names)
    if len(set(names)) < 2:
        with pytest.raises(NeuralDataError, match="folds: need two groups"):
            list(grouped_folds(groups, n_folds, seed))
        return
    folds = list(grouped_folds(groups, n_folds, seed))
    assert len(folds) == min(n_folds, len(set(names)))
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested.tolist()) == list(range(len(groups)))
    for learn, test in folds:
        assert len(test) and len(learn) and not set(groups[learn]) & set(groups[test])
        assert sorted([*learn, *test]) == list(range(len(groups)))


def test_folds_are_as_even_as_groups_let_them_be_and_drawn_by_the_seed() -> None:
    groups = np.repeat(np.arange(20), 3)
    sizes = [len(test) for _, test in grouped_folds(groups, 5, 0)]
    assert sizes == [12] * 5
    first, other = ([tuple(test) for _, test in grouped_folds(groups, 5, seed)] for seed in (0, 1))
    assert first != other and first == [tuple(test) for _, test in grouped_folds(groups, 5, 0)]
    with pytest.raises(NeuralDataError, match="need two groups"):
        list(grouped_folds(groups, 1, 0))


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_a_prediction_never_saw_what_it_is_of(method: Method) -> None:
    """Oracle: whatever the responses to a group are, what is predicted of it stays the same, to the last digit; the others may change."""
    features, data = linear(n_stimuli=40)
    group = 3
    responses = np.array(data.responses)
    responses[:, data.groups == group] = 100.0 + np.random.default_rng(6).normal(size=(data.n_trials, 4, data.n_units))
    spoiled = NeuralData(data.stimuli, responses, data.groups)
    alone = encode(features, data, method=method, n_folds=10)
    again = encode(features, spoiled, method=method, n_folds=10)
    assert np.array_equal(alone.predicted[data.groups == group], again.predicted[data.groups == group])
    assert not np.allclose(alone.predicted, again.predicted)


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_bins_of_a_stimulus_are_never_split(method: Method) -> None:
    """Oracle: responses in time, spoiled for one stimulus: what is predicted of any of its bins stays the same."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 5))
    responses = (features @ rng.normal(size=(5, 3))).reshape(20, 3, 3) + 0.1 * rng.normal(size=(4, 20, 3, 3))
    data = NeuralData(np.zeros((20, 1, 4, 4)), responses, np.arange(20), bin_ms=10.0)
    spoiled = np.array(responses)
    spoiled[:, 7] += 50.0
    alone, again = (encode(features, NeuralData(data.stimuli, r, data.groups, bin_ms=10.0), method=method) for r in (responses, spoiled))
    assert alone.of_ceiling.min() > 0.9
    assert np.array_equal(alone.predicted[21:24], again.predicted[21:24]) and not np.allclose(alone.predicted, again.predicted)


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_what_is_linear_is_predicted_to_its_ceiling(method: Method) -> None:
    """Oracle: the ceiling; with 120 stimuli for 12 weights a few per cent are lost to learning."""
    features, data = linear()
    found = encode(features, data, method=method)
    assert found.left_out == {} and found.of_ceiling.mean() > 0.93 and found.of_ceiling.max() < 1.05
    assert found.overall == pytest.approx(found.explained.sum() / found.most.sum())
    assert found.most == pytest.approx(reliability(data).explainable, abs=0.02)
    assert set(np.unique(found.chosen)) <= set(map(float, ALPHAS if method == "ridge" else COMPONENTS))


@pytest.mark.parametrize("n_groups", [3, 4, 12])
def test_a_perfect_model_reaches_its_ceiling_and_not_more(n_groups: int) -> None:
    """Oracle: 1, less what learning costs, also where the means of groups lie far apart, and those of the learning samples with them."""
    rng = np.random.default_rng(9)
    groups = np.arange(240) % n_groups
    means = rng.normal(size=(240, 8)) + 2.0 * rng.normal(size=(n_groups, 8))[groups]
    data = NeuralData(np.zeros((240, 1, 4, 4)), means + 1.5 * rng.normal(size=(8, 240, 8)), groups)
    found = encode(means, data, n_folds=n_groups)
    assert 0.92 < found.of_ceiling.mean() < 1.02


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_features_of_other_stimuli_predict_nothing(method: Method) -> None:
    """Oracle: 0 for the mean that is known; to choose penalties costs a little."""
    features, data = linear(n_units=40)
    for seed in range(3):
        found = encode(features[np.random.default_rng(seed).permutation(len(features))], data, method=method)
        assert -0.08 < found.overall < 0.03


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize("value", [0.0, 0.7, 1e-20])
def test_features_that_are_silent_in_a_fold_are_no_trouble(method: Method, value: float) -> None:
    """Oracle: sparse cells that answer two stimuli of one group beside a constant; nothing is NaN, and what is not known is the mean."""
    _, data = linear(n_stimuli=40)
    features = np.full((40, 3), value)
    features[4:6, 0] += 1.0
    found = encode(features, data, method=method)
    assert np.isfinite(found.predicted).all() and (found.explained > -0.3).all()


@pytest.mark.parametrize("method", ["ridge", "pls"])
@pytest.mark.parametrize(("of_features", "of_responses"), [(1e-9, 1.0), (1e9, 1.0), (1.0, 1e-12), (1.0, 1e6)])
def test_units_of_measurement_do_not_matter(method: Method, of_features: float, of_responses: float) -> None:
    features, data = linear(n_stimuli=60)
    plain = encode(features, data, method=method)
    other = encode(of_features * features, NeuralData(data.stimuli, of_responses * data.responses, data.groups), method=method)
    assert other.of_ceiling == pytest.approx(plain.of_ceiling, abs=1e-6)


def test_a_unit_is_predicted_alike_whoever_was_recorded_with_it() -> None:
    """Oracle: others that vary a hundred times as much; partial least squares are of all units together, each scaled."""
    features, data = linear(n_units=6)
    loud = np.array(data.responses)
    loud[..., 3:] *= 100.0
    for method, within in (("ridge", 1e-9), ("pls", 1e-6)):
        alone, beside = (encode(features, NeuralData(data.stimuli, r, data.groups), method=method) for r in (data.responses, loud))  # type: ignore[arg-type]
        assert beside.of_ceiling[:3] == pytest.approx(alone.of_ceiling[:3], abs=within)


def test_a_simulated_cortex_is_predicted_by_what_it_is_made_of_and_not_by_pixels() -> None:
    v1 = simulated_v1(n_stimuli=300, n_units=12, size=12)
    true, pixels = (encode(x, v1.data) for x in (v1.features, v1.data.stimuli.reshape(300, -1)))
    assert true.overall > 0.6 and pixels.overall < 0.15


def test_units_without_a_score_say_why() -> None:
    """A silent unit, one of noise alone whose few stimuli make it look as if it had something, and one trial."""
    features, data = linear()
    responses = np.array(data.responses)
    responses[..., 0] = 0.0
    responses[..., 1] = np.random.default_rng(7).normal(size=responses.shape[:2])
    spoiled = NeuralData(data.stimuli, responses, data.groups)
    found = encode(features, spoiled)
    assert found.left_out[0] == "never responds" and set(found.left_out) == {0, 1}
    assert "the stimulus explains" in found.left_out[1] or "no more than by chance" in found.left_out[1]
    assert np.isnan(found.of_ceiling[:2]).all() and not np.isnan(found.of_ceiling[2:]).any()
    assert np.isnan(found.predicted[:, 0]).all() and not np.isnan(found.explained[1])
    lucky = reliability(spoiled)._replace(explainable=np.full(5, 0.4), p=np.array([np.nan, 0.3, 0.0, 0.0, 0.0]))
    assert encode(features, spoiled, ceiling=lucky).left_out[1] == "its responses differ no more than by chance (p = 0.3)"
    one = encode(features, NeuralData(data.stimuli, data.responses[:1], data.groups))
    assert set(one.left_out.values()) == {"one trial only: its ceiling is unknown"} and np.isnan(one.overall)
    assert np.isnan(one.of_ceiling).all() and one.explained.mean() > 0.4


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_a_recording_of_silent_units_has_no_scores(method: Method) -> None:
    features, data = linear()
    silent = encode(features, NeuralData(data.stimuli, np.zeros_like(data.responses), data.groups), method=method)
    assert set(silent.left_out.values()) == {"never responds"} and np.isnan(silent.overall)


@pytest.mark.parametrize(
    ("features", "options", "words"),
    [
        (np.ones((3, 2)), {}, r"features: do not fit the recording; got \(3, 2\); allowed: \(120, n_features\)"),
        (np.ones(120), {}, "do not fit the recording"),
        (np.full((120, 2), np.nan), {}, "are not all finite"),
        (np.ones((120, 2)), {}, "are the same for every stimulus"),
        (None, {"method": "rigde"}, "method: there is no 'rigde'; did you mean 'ridge'"),
        (None, {"n_folds": 1}, "folds: need two groups"),
        (np.full((120, 2), 1j), {}, "features: are no real numbers; got 'complex128'"),
        (None, {"ceiling": reliability(linear(n_units=2)[1])}, "ceiling: is of another recording; got 2; allowed: 5 units"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(features: Any, options: dict[str, Any], words: str) -> None:
    good, data = linear()
    with pytest.raises(NeuralDataError, match=words):
        encode(good if features is None else features, data, **options)


def test_two_groups_are_too_few() -> None:
    """One to learn from and one to test on leave none to choose penalties on."""
    features, data = linear()
    with pytest.raises(NeuralDataError, match="scores need three groups and folds: to learn from, to choose penalties on, and to test on"):
        encode(features, NeuralData(data.stimuli, data.responses, np.arange(120) // 60))
