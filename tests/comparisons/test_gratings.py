"""Tuning of cells whose answers to gratings are known: by hand, and what chance makes of cells without any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons import gratings
from comparisons.gratings import BEFORE, CYCLE, CYCLES, DIRECTIONS_DEG, FREQUENCIES_PER_PX, numbers_of, tuning_of

PHASES_DEG = np.array([0.0, 22.5, 45.0, 67.5])
FRAME_MS = 50.0
SHAPE = (len(PHASES_DEG), len(FREQUENCIES_PER_PX), len(DIRECTIONS_DEG), BEFORE + CYCLE * CYCLES)


def answers(by_direction: Sequence[float], *, rhythm: bool, noise: float = 0.05) -> np.ndarray:
    """Activity of 50 cells whose answers to the third frequency are given, to all others 0, after grey at 1."""
    frames, rng = BEFORE + CYCLE * 3, np.random.default_rng(0)
    found = 1.0 + noise * rng.normal(size=(4, len(FREQUENCIES_PER_PX), len(DIRECTIONS_DEG), frames, 50))
    phase = np.deg2rad(PHASES_DEG)
    for direction, answer in enumerate(by_direction):
        t = np.arange(frames - BEFORE)
        for trial in range(4):
            wave = np.cos(2 * np.pi * t / CYCLE - phase[trial]) if rhythm else np.ones(len(t))
            found[trial, 2, direction, BEFORE:] += (answer * wave)[:, None]
    return found


@pytest.mark.parametrize("rhythm", [False, True])
def test_selectivity_by_hand(rhythm: bool) -> None:
    """Oracle: (4 + 2 - 1 - 1) / 8 = 0.5 and (4 - 2) / (4 + 2) = 1/3, of means and of amplitudes alike."""
    by_direction = [1.0, 2.0, 4.0, 2.0, 1.0, 1.0, 2.0, 1.0]
    found = tuning_of(answers(by_direction, rhythm=rhythm), PHASES_DEG)
    assert found.osi == pytest.approx(0.5, abs=0.03) and found.dsi == pytest.approx(1 / 3, abs=0.03)
    assert found.frequency_per_px == pytest.approx(3 / 16) and found.oriented.all() and found.directed.all()
    assert found.modulated.all() == rhythm == found.modulated.any()


def test_untuned_and_silent_cells() -> None:
    """Oracle: equal answers have no selectivity and are tuned by chance only; cells that do not answer have no numbers."""
    same = numbers_of(tuning_of(answers([2.0] * 8, rhythm=False), np.zeros(4)))
    assert abs(same["osi"]) < 0.05 and abs(same["dsi"]) < 0.05 and same["oriented"] <= 0.06 and same["answer"] == 1.0
    silent = numbers_of(tuning_of(np.zeros((4, 5, 8, 17, 3)), np.zeros(4)))
    assert silent["answer"] == silent["oriented"] == 0.0 and np.isnan(silent["osi"])


def sparse(rate_hz: float, n_cells: int) -> np.ndarray:
    """Cells that are silent in grey and fire as much at every grating, by chance; in Hz."""
    spikes = np.random.default_rng(0).poisson(rate_hz * FRAME_MS / 1000, (*SHAPE, n_cells))
    spikes[..., :BEFORE, :] = 0
    return spikes * 1000 / FRAME_MS


@pytest.mark.parametrize("rate_hz", [0.2, 1.0, 4.0])
def test_sparse_cells_are_not_selective_by_chance(rate_hz: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: without any tuning, indices are 0 in the mean, however few spikes there are, and of however few cells that answer."""
    activity = sparse(rate_hz, 2000)
    found = tuning_of(activity, PHASES_DEG, FRAME_MS)
    known = ~np.isnan(found.osi)
    # Indices are in [-1, 1]: four standard errors at most.
    for index in (found.osi[known], found.dsi[known]):
        assert abs(index.sum()) <= 4 * np.sqrt(len(index))
    if rate_hz < 1:
        assert known.mean() < 0.005, "a spike or two are no answer"
    monkeypatch.setattr(gratings, "CLEAR", 0.0)
    every = numbers_of(tuning_of(activity, PHASES_DEG, FRAME_MS))
    assert every["answer"] == 1.0 and abs(every["osi"]) < 0.04 and abs(every["dsi"]) < 0.04


@pytest.mark.parametrize(("spikes", "answer"), [(4, 0.0), (5, 1.0)])
def test_an_answer_is_more_than_a_few_spikes(spikes: int, answer: float) -> None:
    """Oracle: `CLEAR` is 4 spikes, of a half of the trials, whether they come all over the cycle or in step with the stripes."""
    for step in (1, CYCLE):
        activity = np.zeros((*SHAPE, 1))
        for trial in (0, 1):
            at = -1 - step * np.arange(CYCLE * 2 // step)
            for k in range(spikes):
                activity[trial + 2 * (k % 2), 1, 3, at[k // 2 % len(at)], 0] += 1000 / FRAME_MS
        assert numbers_of(tuning_of(activity, np.zeros(4), FRAME_MS))["answer"] == answer


def test_a_hundredth_is_tuned_by_chance() -> None:
    """Oracle: chance: of cells that answer all gratings alike `ALPHA` are taken for tuned, not half as many more."""
    mean, error = gratings.ALPHA, np.sqrt(gratings.ALPHA / 10_000)
    activity = np.random.default_rng(0).normal(1.0, 0.3, (*SHAPE[:3], 10_000))
    for tuned in gratings._tuned(activity):
        assert abs(tuned.mean() - mean) < 3.5 * error
    assert (1 + 0) / (1 + gratings.N_SHUFFLES) <= gratings.ALPHA
    assert ((1 + gratings.N_SHUFFLES) * gratings.ALPHA).is_integer(), "else fewer than that are found"
