"""Dissimilarities of recorded neurons: against rsatoolbox, with a truth that is known, and where trials are missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm

from comparisons.neural.data import NeuralData
from comparisons.neural.similarity import MOST_SAMPLES, alike, distances, kernels_alike, recorded, unbiased_distances
from comparisons.neural.simulated import simulated_v1
from comparisons.representation import gram, linear_cka
from snn.errors import NeuralDataError


def test_distances_over_trials_are_those_of_rsatoolbox() -> None:
    """Oracle: its crossnobis distance with trials as folds and no noise covariance."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 7, 5)) + rng.normal(size=(7, 5))
    stimuli, trials = np.tile([f"s{k}" for k in range(7)], 4), np.repeat([f"t{k}" for k in range(4)], 7)
    about = Dataset(values.reshape(28, 5), obs_descriptors={"stimulus": stimuli, "trial": trials})
    theirs = calc_rdm(about, method="crossnobis", descriptor="stimulus", cv_descriptor="trial").get_matrices()[0]
    assert np.abs(unbiased_distances(values) - theirs).max() < 1e-8


def test_distances_of_features_are_those_of_rsatoolbox() -> None:
    features = np.random.default_rng(1).normal(size=(9, 30)) + 100.0
    theirs = calc_rdm(Dataset(features), method="euclidean").get_matrices()[0]
    assert np.abs(distances(features) - theirs).max() < 1e-8


def test_noise_adds_nothing_to_distances() -> None:
    """Oracle: the distances without noise, over 3000 units; without cross-validation noise would add twice its variance over trials."""
    rng = np.random.default_rng(2)
    means = rng.normal(size=(6, 3000))
    found = unbiased_distances(means + 2.0 * rng.normal(size=(3, 6, 3000)))
    off = ~np.eye(6, dtype=bool)
    assert found[off].mean() == pytest.approx(distances(means)[off].mean(), abs=0.1)
    assert found[off].mean() < distances(means)[off].mean() + 0.3 * 2 * 4 / 3


def test_missing_trials_are_as_if_they_had_not_been() -> None:
    """A trial that is missing everywhere changes nothing; a unit of which one stimulus has no two trials tells nothing of it."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3, 5, 4))
    more = np.concatenate([values, np.full((1, 5, 4), np.nan)])
    assert np.array_equal(unbiased_distances(more), unbiased_distances(values))
    values[1:, 2, 0] = np.nan
    without = unbiased_distances(values[..., 1:])
    found = unbiased_distances(values)
    assert np.allclose(found[2], without[2], equal_nan=True)
    assert not np.allclose(found[0, 1], without[0, 1])
    assert np.isnan(unbiased_distances(values[:1])).all()


@pytest.mark.parametrize("mean_count", [0.3, 2.0])
def test_a_population_without_noise_reaches_both_ceilings(mean_count: float) -> None:
    """Positive control: the mean counts from which spikes were drawn. Pixels are far below, and other stimuli at 0."""
    v1 = simulated_v1(n_stimuli=200, n_units=50, mean_count=mean_count, seed=1)
    known, spread = recorded(v1.data), v1.data.samples.std(axis=(0, 1))
    truth = (v1.expected / spread)[known.samples]
    shuffled = truth[np.random.default_rng(0).permutation(len(truth))]
    assert 0.9 < known.rsa_ceiling < 1 and 0.9 < known.cka_ceiling < 1
    assert alike(distances(truth), known.distances, known.comparable) == pytest.approx(known.rsa_ceiling, abs=0.015)
    assert kernels_alike(gram(truth), known.gram) == pytest.approx(known.cka_ceiling, abs=0.02)
    assert abs(alike(distances(shuffled), known.distances)) < 0.25
    assert abs(kernels_alike(gram(shuffled), known.gram)) < 0.05


def test_kernels_of_some_stimuli_are_those_of_their_own() -> None:
    """Oracle: `linear_cka` of these stimuli alone; what was centred with the means of all does not matter."""
    rng = np.random.default_rng(4)
    x, y, some = rng.normal(size=(20, 6)), rng.normal(size=(20, 3)), np.array([1, 4, 5, 8, 11, 17])
    assert kernels_alike(gram(x), gram(y), some) == pytest.approx(linear_cka(x[some], y[some]), abs=1e-12)
    assert kernels_alike(gram(x), gram(y)) == pytest.approx(linear_cka(x, y), abs=1e-12)


def few(n_trials: int, n_stimuli: int = 10) -> NeuralData:
    rng = np.random.default_rng(5)
    responses = rng.normal(size=(n_stimuli, 6)) + 0.2 * rng.normal(size=(n_trials, n_stimuli, 6))
    return NeuralData(np.zeros((n_stimuli, 1, 4, 4)), responses, np.arange(n_stimuli))


def test_what_few_trials_leave_unknown() -> None:
    one, two, four = (recorded(few(n)) for n in (1, 2, 4))
    assert np.isnan(one.distances).all() and np.isnan([one.rsa_ceiling, one.cka_ceiling]).all()
    assert np.isfinite(two.distances).all() and np.isnan(two.rsa_ceiling) and two.cka_ceiling > 0.8
    assert four.rsa_ceiling > 0.8


def test_units_that_are_left_out_count_for_nothing_and_large_ones_for_no_more() -> None:
    data = few(4)
    silent = np.concatenate([data.responses, np.zeros((4, 10, 1))], axis=-1)
    larger = data.responses * np.array([1, 100, 1, 1, 0.01, 1])
    for other in (silent, larger):
        found = recorded(replace(data, responses=other))
        assert np.allclose(found.distances, recorded(data).distances)
        assert found.cka_ceiling == pytest.approx(recorded(data).cka_ceiling)


def test_of_many_samples_some_are_drawn() -> None:
    found = recorded(few(2, n_stimuli=MOST_SAMPLES + 50))
    assert found.distances.shape == (MOST_SAMPLES, MOST_SAMPLES) and len(set(found.samples.tolist())) == MOST_SAMPLES


def test_too_little_is_refused() -> None:
    with pytest.raises(NeuralDataError, match=r"has too little to be compared; got \(7, 6\)"):
        recorded(few(3, n_stimuli=7))
    with pytest.raises(NeuralDataError, match=r"has too little to be compared; got \(10, 0\)"):
        recorded(replace(few(3), responses=np.zeros((3, 10, 6))))


@pytest.mark.parametrize(("n_trials", "noise"), [(4, 3.0), (5, 3.0), (10, 4.0)])
def test_the_ceiling_of_few_trials_is_at_most_somewhat_low(n_trials: int, noise: float) -> None:
    """Oracle: what the means without noise get, over four recordings; it may be missed by a tenth of itself, downwards with few trials."""
    gone = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        means = rng.normal(size=(80, 20)) * rng.gamma(1.0, size=(80, 1))
        values = means + noise * rng.normal(size=(n_trials, 80, 20))
        known = recorded(NeuralData(np.zeros((80, 1, 4, 4)), values, np.arange(80)))
        gone.append(known.rsa_ceiling / alike(distances(means / values.std(axis=(0, 1))), known.distances))
    assert 0.85 < np.mean(gone) < 1.04


def test_of_responses_in_time_pairs_of_one_bin_count() -> None:
    rng = np.random.default_rng(6)
    data = NeuralData(np.zeros((5, 3, 4, 4)), rng.normal(size=(4, 5, 3, 6)), np.arange(5), 50.0, 50.0)
    comparable = recorded(data).comparable
    assert comparable.sum() == 3 * 5 * 5 and not comparable[0, 1] and comparable[0, 3]


def test_units_that_say_nothing_in_what_is_drawn_are_left_out() -> None:
    """A unit that answers a single one of very many stimuli, which is not among those that are drawn, leaves the others as they are."""
    data = few(3, n_stimuli=3 * MOST_SAMPLES)
    drawn = recorded(data).samples
    rare = np.zeros((3, 3 * MOST_SAMPLES, 1))
    rare[:, np.setdiff1d(np.arange(3 * MOST_SAMPLES), drawn)[0]] = 1.0
    found = recorded(replace(data, responses=np.concatenate([data.responses, rare], axis=-1)))
    assert np.allclose(found.gram, recorded(data).gram) and np.isfinite(found.gram).all()


def test_three_stimuli_have_no_unbiased_alignment() -> None:
    x = np.random.default_rng(7).normal(size=(6, 4))
    assert np.isnan(kernels_alike(gram(x), gram(x), np.array([0, 1, 2])))
