"""Irregular firing: found in Poisson trains, not in clocks, nor in clocks whose rate follows the scene; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.balance import Balance, _intervals, _vector_strength
from comparisons.responder import Control, Responder, Response, Site, check_request, steps_per_bin
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from snn.seeding import stream
from snn.stimuli.movie import Movie

SMALL = Balance(n_scenes=1, n_trials=6)


class Trains:
    """Spikes that know nothing of the movie but its length, as a function of the generator and the number of steps tells them."""

    frame_ms, finest_bin_ms, frame_size = 50.0, 1.0, (16, 16)
    sites = (
        Site("level0.error_pos", "error_pos", 0, (4, 4, 1), True),
        Site("level0.error_neg", "error_neg", 0, (4, 4, 1), True),
        Site("level0.representation", "representation", 0, (4, 4, 2), True),
    )

    def __init__(self, kind: str) -> None:
        self.name = self.kind = kind

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        steps, n = steps_per_bin(self, bin_ms), movie.n_frames * 50
        found = {}
        for site in check_request(self, movie, sites, trials):
            rng = stream(seed, "trains", site.name)
            shape = (trials, n, *site.shape)
            if self.kind == "poisson":
                spikes = rng.random(shape) < 0.04
            else:
                # A clock of 20 Hz, or one that switches between 20 and 100 Hz every 8 frames.
                fast = (np.arange(n) // 400 % 2 == 1) & (self.kind == "following")
                phase = np.cumsum(np.where(fast, 0.1, 0.02))[:, None, None, None] + rng.random((trials, 1, *site.shape))
                spikes = np.diff(np.floor(phase), axis=1, prepend=np.floor(phase[:, :1])) > 0
            if self.kind == "copies":
                spikes = spikes * 0.5
            found[site.name] = 1000.0 * spikes.reshape(trials, n // steps, steps, *site.shape).mean(2)
        return Response(steps * 1.0, found)

    def control(self, name: Control) -> Responder | None:
        return None


def test_found_where_it_is_and_nowhere_else() -> None:
    """Shuffled in time, a Poisson process is one still."""
    check_phenomenon(SMALL, Trains("poisson"), in_time=False)


def test_poisson_trains() -> None:
    """Oracle: a Poisson process has CV, CV2 and Fano factor 1; 1 ms steps of 0.04 spikes take sqrt(0.96), about, off the CV."""
    effects = SMALL.measure(Trains("poisson"), 0).effects
    assert effects["CV2"] == pytest.approx(0.97, abs=0.04)
    assert effects["CV"] == pytest.approx(0.97, abs=0.05)
    assert effects["Fano factor"] == pytest.approx(0.96, abs=0.06)
    assert effects["frame locking"] < 0.03


def test_clocks_fail() -> None:
    found = judged(SMALL, Trains("clock"))
    assert found.outcome == "fails" and found.effect is not None
    assert found.effect.mean < 0.02 and found.others["Fano factor"].mean < 0.1


def test_a_clock_that_follows_the_scene_fails_too() -> None:
    """Oracle: its CV is that of a mixture, its neighbouring intervals are equal."""
    found = judged(SMALL, Trains("following"))
    assert found.outcome == "fails" and found.effect is not None
    assert found.effect.mean < 0.1 and found.others["CV"].mean > 0.5


def test_of_copies_nothing_is_said() -> None:
    """Oracle: the mean over copies of clocks would look irregular."""
    effects = SMALL.measure(Trains("copies"), 0).effects
    assert np.isnan(effects["CV2"]) and np.isnan(effects["Fano factor"])


def test_the_numbers() -> None:
    """Oracle: intervals of 10 and 30 bins in turn have CV2 = 2 * 20 / 40 and CV = 10 / 20; the second cell is silent."""
    train = np.zeros((1600, 2), dtype=bool)
    train[np.cumsum([1, *([10, 30] * 39)]), 0] = True
    cells, length, followed = _intervals(train)
    assert (cells == 0).all() and length[:4].tolist() == [10, 30, 10, 30] and followed.all() and len(length) == 78
    numbers = Balance()._numbers([train] * 4, 50)
    assert numbers["CV2"] == pytest.approx(1.0)
    assert numbers["CV"] == pytest.approx(0.5, rel=0.01)
    assert numbers["Fano factor"] == 0.0, "all trials are alike"


def test_intervals_of_different_cells_are_not_mixed() -> None:
    """Oracle: three spikes in each of two cells are two intervals of each, and one pair."""
    train = np.zeros((100, 2), dtype=bool)
    train[[5, 10, 30], 0] = train[[1, 50, 99], 1] = True
    cells, length, followed = _intervals(train)
    assert cells.tolist() == [0, 0, 1, 1] and length.tolist() == [5, 20, 49, 49] and followed.tolist() == [True, False, True]


def test_fano_factor_by_hand() -> None:
    """Oracle: 2, 4, 2, 4 ... spikes in each window, by trial: in each half all trials are alike, or not at all."""
    asked, bins = Balance(window=1), 50

    def trial(n: int) -> np.ndarray:
        train = np.zeros((bins * 4, 1), dtype=bool)
        for frame in range(4):
            train[frame * bins : frame * bins + 5 * n : 5] = True
        return train

    assert asked._numbers([trial(n) for n in (2, 4, 2, 4)], bins)["Fano factor"] == 0.0
    assert asked._numbers([trial(n) for n in (2, 2, 4, 4)], bins)["Fano factor"] == pytest.approx(2 / 3)


def test_locking_by_hand() -> None:
    """Oracle: 1 at one moment, 0 at two opposite ones, 1 / sqrt(2) at two a quarter apart; nothing is said of no spike."""
    for places, expected in (([3], 1.0), ([3, 53], 0.0), ([10, 35], np.sqrt(0.5))):
        counts = np.zeros(100)
        counts[places] = 7.0
        assert _vector_strength(counts) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(_vector_strength(np.zeros(100)))


def test_scenes_come_after_grey_and_move() -> None:
    for movie in Balance().movies(Idle((16, 20)), 1):
        assert movie.frames.shape == (40, 16, 20) and (movie.frames[:8] == 0.5).all()
        assert (np.abs(np.diff(movie.frames[8:], axis=0)).max((1, 2)) > 0).all()


def test_who_is_not_asked() -> None:
    assert Balance().lacks(Idle((16, 16))) == "its error cells do not spike"
    coarse = Trains("clock")
    coarse.finest_bin_ms = 50.0  # type: ignore[misc]
    assert "50 ms" in str(Balance().lacks(coarse))
    coarse.finest_bin_ms, coarse.frame_size = 1.0, (8, 8)  # type: ignore[misc]
    assert "12x12" in str(Balance().lacks(coarse))
