"""Postdictive flash lag: found where a report leans on the direction seen first, not in a memory; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.flash_bars import BEFORE
from comparisons.phenomena.flash_lag_postdictive import FlashLagPostdictive, _Decoder
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie


class Pictures:
    """Representation cells that hold the last frames (``memory``), and which way the bar first went (``direction``)."""

    def __init__(self, memory: int, direction: bool, noise: float = 0.0) -> None:
        self.memory, self.direction, self.noise = memory, direction, noise
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "pictures", 50.0, 50.0, (16, 16)
        self.sites = (Site("level0.representation", "representation", 0, (16, 16, memory + 2), False),)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        asked = check_request(self, movie, sites, trials)
        held = np.zeros((trials, movie.n_frames, 16, 16, self.memory + 2))
        for trial in range(trials):
            seen = np.abs(with_noise(movie, seed, trial, self.noise).frames - 0.5)
            for back in range(self.memory):
                held[trial, back:, ..., back] = seen[: movie.n_frames - back]
            if self.direction:
                held[trial, BEFORE + 1 :, ..., -2:] = 0.1 * self._way(movie.frames[BEFORE : BEFORE + 2])
        return Response(50.0, {s.name: held for s in asked})

    @staticmethod
    def _way(two: FloatArray) -> FloatArray:
        where = [np.mean(np.nonzero(abs(frame - 0.5) > 0.25), axis=1) for frame in two]
        way: FloatArray = where[1] - where[0]
        return way

    def control(self, name: Control) -> Responder | None:
        return Pictures(3, False, self.noise) if name == "untrained" else None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(FlashLagPostdictive(n_starts=2), Pictures(1, True, 0.002))


def test_the_numbers() -> None:
    """Oracle: "where it is now less 2 px the way it first went" is right for steady motion.

    Two frames later it says of a bar that stopped 0 - 2, of one that turned back -2 - 2.
    """
    found = FlashLagPostdictive().measure(Pictures(1, True), 0).effects
    assert found["continue"] == pytest.approx(0.0, abs=0.2)
    assert found["stop"] == pytest.approx(-2.0, abs=0.3)
    assert found["reverse"] == pytest.approx(-4.0, abs=0.4)
    assert found["shift"] == pytest.approx(2.0, abs=0.2)
    assert found["error, after 2"] < 0.3


def test_a_faithful_memory_has_no_shift() -> None:
    """Oracle: the frame of the flash itself is held for 2 frames more."""
    found = judged(FlashLagPostdictive(), Pictures(3, False))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.1


def test_telling_where_it_is_now_is_no_report() -> None:
    """Oracle: without memory or direction the cells tell as much as the place alone, which is off by up to the delay."""
    found = FlashLagPostdictive().measure(Pictures(1, False), 0).effects
    assert np.isnan(found["shift"])
    assert found["error, after 0"] < 0.1
    assert 1.0 < found["error, after 2"] <= 2.0
    assert found["error, after 2"] == pytest.approx(found["error by place alone, after 2"], rel=0.02)
    assert found["continue"] == pytest.approx(0.0, abs=1e-6) and found["reverse"] < found["stop"] < -0.5


def test_the_decoder() -> None:
    """Oracle: a linear code is read without error from samples that it was not fitted to; of silence it says the mean."""
    rng = np.random.default_rng(0)
    samples, weights = rng.normal(size=(40, 6)), rng.normal(size=6)
    assert _Decoder(samples[:30], samples[:30] @ weights + 3)(samples[35]) == pytest.approx(samples[35] @ weights + 3, abs=1e-2)
    assert _Decoder(np.zeros((4, 5)), np.arange(4.0))(np.ones(5)) == 1.5


def test_what_has_no_cells_to_ask_is_said() -> None:
    assert judged(FlashLagPostdictive(), Idle((8, 8))).outcome == "not applicable"
