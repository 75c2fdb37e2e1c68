"""How much of recorded responses could be known, against closed forms and a real recording."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f_oneway, pearsonr

from comparisons.neural.data import NeuralData
from comparisons.neural.files import read_neural
from comparisons.neural.gabor import WIDTH_PERIODS, gabor_bank
from comparisons.neural.reliability import correlations, reliability
from comparisons.neural.simulated import normalised, simulated_v1
from snn.errors import NeuralDataError

ANTOLIK = Path(__file__).resolve().parents[4] / "shared" / "data" / "v1_mouse_natural_images_antolik2016_region3.npz"


def recorded(responses: np.ndarray) -> NeuralData:
    n = responses.shape[1]
    return NeuralData(np.zeros((n, 1, 4, 4)), responses, np.arange(n))


def noisy(signal: float, noise: float, n_trials: int, n_stimuli: int = 4000, n_units: int = 6) -> NeuralData:
    rng = np.random.default_rng(3)
    means = rng.normal(0.0, signal, (n_stimuli, n_units)) if signal else np.zeros((n_stimuli, n_units))
    return recorded(means + rng.normal(0.0, noise, (n_trials, n_stimuli, n_units)))


@pytest.mark.parametrize(("signal", "noise", "n_trials"), [(1.0, 1.0, 4), (1.0, 2.0, 6), (0.5, 1.0, 5), (1.0, 0.1, 2), (1.0, 2.0, 3)])
def test_explainable_variance_is_that_of_the_signal(signal: float, noise: float, n_trials: int) -> None:
    """Oracle: of a mean of n trials the signal is s^2 / (s^2 + v^2 / n); halves correlate as with n / 2; odd numbers too."""
    found = reliability(noisy(signal, noise, n_trials), n_splits=20)
    half = n_trials // 2
    assert found.explainable == pytest.approx(signal**2 / (signal**2 + noise**2 / n_trials), abs=0.03)
    assert found.half == pytest.approx(signal**2 / (signal**2 + noise**2 / half), abs=0.03)
    assert found.noise == pytest.approx(noise**2 / n_trials, rel=0.05) and found.p.max() < 1e-6


def test_noise_explains_nothing_and_is_not_taken_for_something() -> None:
    """Oracle: p of an analysis of variance is even over 0 to 1 where there is nothing."""
    found = reliability(noisy(0.0, 1.0, 4, n_stimuli=50, n_units=400), n_splits=20)
    assert abs(found.half.mean()) < 0.05 and (found.explainable >= 0).all()
    assert np.mean(found.p < 0.01) < 0.03 and 0.45 < found.p.mean() < 0.55


@pytest.mark.parametrize("kept", [2, 3, 5])
def test_trials_that_are_missing_count_for_nothing(kept: int) -> None:
    """Oracle: the closed form with as many trials as are known, whatever the number of the recording; and stimulus by stimulus."""
    responses = np.array(noisy(1.0, 2.0, 10).responses)
    responses[kept:] = np.nan
    assert reliability(recorded(responses), n_splits=1).explainable == pytest.approx(1 / (1 + 4 / kept), abs=0.05)
    ragged = np.array(noisy(1.0, 2.0, 10).responses)
    ragged[kept:, ::2] = np.nan
    noise = (4 / kept + 4 / 10) / 2
    assert reliability(recorded(ragged), n_splits=1).explainable == pytest.approx(1 / (1 + noise), abs=0.05)


def test_the_analysis_of_variance_is_that_of_scipy() -> None:
    """Oracle: `scipy.stats.f_oneway` over stimuli, with a trial missing here and there."""
    rng = np.random.default_rng(8)
    responses = rng.normal(size=(6, 9, 5)) + 0.4 * rng.normal(size=(1, 9, 5))
    responses[0, 3, :] = responses[1:3, 6, 2] = np.nan
    found = reliability(recorded(responses), n_splits=1)
    for unit in range(5):
        trials = [x[~np.isnan(x)] for x in responses[..., unit].T]
        assert found.p[unit] == pytest.approx(f_oneway(*trials).pvalue, rel=1e-9)


def test_what_cannot_be_known_is_nan() -> None:
    """One trial has no noise to be seen; a unit that never responds agrees with nobody."""
    one = reliability(noisy(1.0, 1.0, 1, n_stimuli=20))
    assert np.isnan(one.half).all() and np.isnan(one.explainable).all() and np.isnan(one.p).all()
    responses = np.array(noisy(1.0, 0.5, 4, n_stimuli=50).responses)
    responses[..., 2] = 0.0
    responses[..., 3] = 0.3
    found = reliability(recorded(responses))
    assert np.isnan(found.half[[2, 3]]).all() and not np.isnan(found.half[[0, 1, 4, 5]]).any()


def test_two_spikes_are_no_proof() -> None:
    """A unit that spiked once, or in two trials of one stimulus: halves mostly have nothing to correlate, and that is no agreement."""
    responses = np.zeros((10, 60, 2))
    responses[0, 4, 0] = responses[0, 7, 1] = responses[3, 7, 1] = 1.0
    found = reliability(recorded(responses))
    assert found.half[0] == 0.0 and found.half[1] < 0.6
    assert found.explainable[0] == pytest.approx(0.0, abs=1e-9) and found.explainable[1] < 0.6


def test_units_of_any_size_are_alike() -> None:
    """Oracle: the same responses in other units, and on a high base."""
    data = noisy(1.0, 1.0, 4, n_stimuli=100)
    plain = reliability(data)
    for scale, base in ((1e-9, 0.0), (1e9, 0.0), (1.0, 1e6)):
        other = reliability(recorded(scale * data.responses + base))
        assert other.half == pytest.approx(plain.half, abs=1e-6) and other.explainable == pytest.approx(plain.explainable, abs=1e-6)


def test_without_noise_the_stimulus_does_all() -> None:
    found = reliability(recorded(np.repeat(np.arange(12.0).reshape(1, 12, 1), 3, axis=0)))
    assert found.explainable.tolist() == [1.0] and found.p.tolist() == [0.0] and found.noise.tolist() == [0.0]


def test_the_same_seed_splits_alike_and_no_split_is_refused() -> None:
    data = noisy(1.0, 1.0, 5, n_stimuli=30)
    assert np.array_equal(reliability(data, n_splits=3).half, reliability(data, n_splits=3).half)
    assert not np.array_equal(reliability(data, n_splits=3, seed=1).half, reliability(data, n_splits=3).half)
    with pytest.raises(NeuralDataError, match=r"reliability.n_splits: is the number of splits; got 0"):
        reliability(data, n_splits=0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_correlations_are_those_of_scipy(seed: int, shift: float, scale: float) -> None:
    """Oracle: `scipy.stats.pearsonr`, column by column, over what is known."""
    rng = np.random.default_rng(seed)
    x, y = scale * rng.normal(size=(12, 3)) + shift, rng.normal(size=(12, 3))
    x[rng.random(x.shape) < 0.2] = np.nan
    found = correlations(x, y)
    for k in range(3):
        known = ~np.isnan(x[:, k])
        if known.sum() > 2:
            assert found[k] == pytest.approx(pearsonr(x[known, k], y[known, k]).statistic, abs=1e-6)


def test_a_simulated_cortex_is_as_reliable_as_its_noise_lets_it() -> None:
    """Oracle: variance of the means that it drew from, and the Poisson noise of as many trials."""
    v1 = simulated_v1(n_stimuli=400, n_trials=10, n_units=40)
    signal, noise = v1.expected.var(axis=0), v1.expected.mean(axis=0) / v1.data.n_trials
    found = reliability(v1.data)
    assert found.explainable == pytest.approx(signal / (signal + noise), abs=0.06)
    assert 0.5 < np.median(found.half) < 0.95
    assert v1.expected.mean(axis=0) == pytest.approx(np.full(40, 0.3)) and len(np.unique(v1.units)) == 40


def test_a_simulated_cortex_answers_the_same_again() -> None:
    one, same, other = (simulated_v1(n_stimuli=30, n_trials=2, n_units=5, size=12, seed=s) for s in (2, 2, 3))
    assert np.array_equal(one.data.responses, same.data.responses) and np.array_equal(one.data.stimuli, same.data.stimuli)
    assert not np.array_equal(one.data.stimuli, other.data.stimuli)
    assert len(np.unique(one.data.groups)) > 1


@pytest.mark.parametrize("wrong", [{"n_stimuli": 1}, {"n_units": 10_000}, {"mean_count": 0.0}, {"mean_count": math.inf}])
def test_a_cortex_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(NeuralDataError, match="simulated_v1"):
        simulated_v1(**wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(not ANTOLIK.is_file(), reason="the recording of Antolik et al. (2016) is not on this machine")
def test_a_real_recording_is_as_reliable_as_others_found() -> None:
    """Oracle: about 67 of the 102 units of region 3 correlate above 0.5 between halves of the trials (mean of 100 random halves)."""
    data = read_neural(ANTOLIK, groups="each")
    assert (data.n_trials, data.n_stimuli, data.n_units) == (12, 50, 102) and data.left_out == {}
    assert abs(int((reliability(data).half > 0.5).sum()) - 67) <= 2


# ---- filters


def test_filters_are_gabors() -> None:
    """Oracle: `skimage.filters.gabor_kernel` of the same envelope, in the middle of a large frame, where nothing is cut."""
    from skimage.filters import gabor_kernel

    bank = gabor_bank(33, 33, periods_px=(6.0,), n_directions=4, spacing=33 / 6)
    assert bank.n == 4 and bank.row.tolist() == bank.col.tolist() == [16.0] * 4
    for k in range(4):
        kernel = gabor_kernel(1 / 6, theta=-np.deg2rad(bank.theta_deg[k]), sigma_x=WIDTH_PERIODS * 6, sigma_y=WIDTH_PERIODS * 6, n_stds=6)
        half = kernel.shape[0] // 2
        whole = np.zeros((33, 33), dtype=complex)
        cut = kernel[half - 16 : half + 17, half - 16 : half + 17] if half >= 16 else kernel
        whole[16 - min(half, 16) : 17 + min(half, 16), 16 - min(half, 16) : 17 + min(half, 16)] = cut
        for mine, theirs in ((bank.even[k], whole.real), (bank.odd[k], whole.imag)):
            assert np.sum(mine * theirs) / np.linalg.norm(theirs) > 0.997


def test_filters_do_not_answer_grey_and_have_one_length() -> None:
    bank = gabor_bank(16, 16)
    for filters in (bank.even, bank.odd):
        assert np.abs(filters.sum(axis=(1, 2))).max() < 1e-12 and np.linalg.norm(filters, axis=(1, 2)) == pytest.approx(np.ones(bank.n))
    assert np.abs(bank.energy(np.full((2, 16, 16), 0.7))).max() < 1e-12
    assert bank.linear(np.zeros((3, 16, 16))).shape == (3, 2 * bank.n)


def test_energy_does_not_depend_on_the_phase_and_prefers_its_direction() -> None:
    """Oracle: gratings of 16 phases; the best filter of the middle is the one of their direction and period."""
    bank = gabor_bank(32, 32, periods_px=(4.0, 8.0))
    y, x = np.mgrid[:32, :32]
    phases = 2 * np.pi * np.arange(16) / 16
    gratings = np.array([0.5 + 0.4 * np.cos(2 * np.pi * (x * np.cos(np.pi / 4) - y * np.sin(np.pi / 4)) / 8 + p) for p in phases])
    energy = bank.energy(gratings)
    middle = (np.hypot(bank.row - 15.5, bank.col - 15.5) < 4) & (bank.period_px == 8)
    best = int(np.argmax(np.where(middle, energy.mean(axis=0), 0.0)))
    assert bank.theta_deg[best] == 45.0
    assert energy[:, best].std() / energy[:, best].mean() < 0.02
    assert energy.mean(axis=0)[(bank.theta_deg == 135.0) & middle].max() < 0.05 * energy.mean(axis=0)[best]


def test_normalisation_saturates() -> None:
    """Oracle: by hand; answers grow by less from 4 to 16 times the contrast than from 1 to 4, towards the share of the pool."""
    energy = np.array([[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]])
    pool = np.array([2.5, 40.0, 640.0])
    found = normalised(energy**2, 40.0)
    assert np.allclose(found, energy**2 / (40.0 + pool)[:, None])
    assert found[1, 0] / found[0, 0] > 4 * found[2, 0] / found[1, 0] and found[2, 0] < 16.0**2 / 640.0


@pytest.mark.parametrize(
    "wrong", [{"periods_px": (2.0,)}, {"periods_px": (40.0,)}, {"periods_px": ()}, {"n_directions": 0}, {"spacing": 0.0}, {"spacing": 1e-3}]
)
def test_a_bank_of_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(NeuralDataError, match="gabor_bank"):
        gabor_bank(16, 16, **wrong)  # type: ignore[arg-type]
