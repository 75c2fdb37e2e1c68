"""Rhythms: found where errors swing faster than representations, not in noise, and not in lines of the frame rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.rhythms import Rhythms
from comparisons.responder import Control, Responder, Response, Site, check_request, steps_per_bin
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from snn.seeding import stream
from snn.stimuli.movie import Movie

SMALL = Rhythms(n_images=3)


class Swinging:
    """Random spikes whose rate swings at a frequency of each role's own (0: not at all), or with the frames."""

    name, frame_ms, finest_bin_ms, frame_size = "swinging", 50.0, 1.0, (16, 16)
    sites = (
        Site("level0.error_pos", "error_pos", 0, (4, 4, 1), True),
        Site("level0.error_neg", "error_neg", 0, (4, 4, 1), True),
        Site("level0.representation", "representation", 0, (4, 4, 2), True),
    )

    def __init__(self, error_Hz: float, representation_Hz: float, with_frames: bool = False) -> None:
        self.error_Hz, self.representation_Hz, self.with_frames = error_Hz, representation_Hz, with_frames

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        steps, n = steps_per_bin(self, bin_ms), movie.n_frames * 50
        found = {}
        for site in check_request(self, movie, sites, trials):
            rng = stream(seed, "swinging", site.name, movie.name)
            swing_Hz = self.representation_Hz if site.role == "representation" else self.error_Hz
            chance = np.full(n, 0.04) * (1 + (0.9 * np.sin(2 * np.pi * swing_Hz * np.arange(n) / 1000.0) if swing_Hz else 0.0))
            if self.with_frames and site.role != "representation":
                chance = 0.02 + 0.2 * (np.arange(n) % 50 < 3)
            spikes = rng.random((trials, n, *site.shape)) < chance[:, None, None, None]
            found[site.name] = 1000.0 * spikes.reshape(trials, n // steps, steps, *site.shape).mean(2)
        return Response(steps * 1.0, found)

    def control(self, name: Control) -> Responder | None:
        return None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(SMALL, Swinging(50.0, 12.0))


@pytest.mark.parametrize("subject", [Swinging(0.0, 0.0), Swinging(12.0, 50.0), Swinging(12.0, 12.0)])
def test_not_found_without_a_difference_of_that_sign(subject: Swinging) -> None:
    assert judged(SMALL, subject).outcome == "fails"


def test_peaks_are_where_they_were_put() -> None:
    effects = SMALL.measure(Swinging(50.0, 12.0), 0).effects
    assert effects["peak_Hz, error, level 0"] == 50.0 and effects["peak_Hz, representation, level 0"] == 12.0
    assert effects["peak height, error, level 0"] > 15.0


def test_swings_with_the_frames_are_lines_and_no_rhythm() -> None:
    """Oracle: a rate of the same course in every frame has power at multiples of the frame rate only."""
    found = judged(SMALL, Swinging(0.0, 0.0, with_frames=True))
    assert found.outcome == "fails" and found.effect is not None
    assert abs(found.effect.mean) < 1.5
    assert found.others["lines, error, level 0"].mean > 10.0
    assert abs(found.others["lines, representation, level 0"].mean) < 4.0


def test_the_spectrum() -> None:
    """Oracle: the area under the peak of ``a sin`` is ``a^2 / 2``; noise of variance ``s^2`` in 1 ms bins has density ``2 s^2 / 1000``."""
    subject, asked = Swinging(0.0, 0.0), Rhythms(still=400)
    t = np.arange((8 + 10 + 400) * 50)
    wave = asked._spectrum(7.0 + 3.0 * np.sin(2 * np.pi * 33.0 * t / 1000.0), subject)
    assert len(wave) == 501 and wave.argmax() == 33
    assert wave.sum() == pytest.approx(3.0**2 / 2, rel=1e-6)
    noise = asked._spectrum(stream(0, "test").normal(0.0, 5.0, len(t)), subject)
    assert noise[5:-5].mean() == pytest.approx(2 * 5.0**2 / 1000, rel=0.05)


def test_the_numbers() -> None:
    """Oracle: power 1 everywhere, 10 in gamma, 1000 in the lines and next to them, put in by hand."""
    frequency_Hz = np.arange(501.0)
    power = np.ones(501)
    power[40:91] = 10.0
    for line in range(20, 501, 20):
        power[line - 2 : line + 3] = 1000.0
    power[12] = 2.0
    numbers = Rhythms()._numbers(power, frequency_Hz)
    n_slow = 10 + 8  # 8 to 17 and 23 to 30 Hz
    assert numbers["tilt"] == pytest.approx(10 * np.log10(10 / ((n_slow + 1) / n_slow)))
    assert numbers["lines"] > 15.0 and 40 < numbers["peak_Hz"] < 91
    assert np.isnan(Rhythms()._numbers(np.zeros(501), frequency_Hz)["tilt"])


def test_images_stay() -> None:
    movies = Rhythms().movies(Idle((16, 20)), 1)
    assert len(movies) == 8 and len({m.frames.tobytes() for m in movies}) == 8
    for movie in movies:
        assert movie.frames.shape == (58, 16, 20) and (movie.frames[:8] == 0.5).all()
        assert (movie.frames[8:] == movie.frames[8]).all() and movie.frames[8].std() > 0.1


def test_who_is_not_asked() -> None:
    assert Rhythms().lacks(Idle((16, 16))) == "no level has error and representation cells that spike"
    coarse = Swinging(0.0, 0.0)
    coarse.finest_bin_ms = 10.0  # type: ignore[misc]
    assert "10 ms" in str(Rhythms().lacks(coarse))
    coarse.finest_bin_ms, coarse.frame_size = 1.0, (8, 8)  # type: ignore[misc]
    assert "12x12" in str(Rhythms().lacks(coarse))
