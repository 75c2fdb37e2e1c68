"""Oddball: found in a subject that expects the mean of what came before, not in one that expects nothing; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from comparisons.phenomena.oddball import MANY, NOTHING, REGULAR_A, REGULAR_B, A, B, Oddball
from comparisons.responder import Control, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import Idle
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie

SMALL = Oddball(n_rare=6)


class Expecting:
    """Errors are what differs from the mean of the same frames of the last slots; with none remembered, from grey."""

    name, frame_ms, finest_bin_ms, frame_size = "expecting", 50.0, 50.0, (16, 16)
    sites = (Site("level0.error_pos", "error_pos", 0, (16, 16, 1), False), Site("level0.error_neg", "error_neg", 0, (16, 16, 1), False))

    def __init__(self, remembered: int) -> None:
        self.remembered = remembered

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        found: dict[str, list[np.ndarray]] = {name: [] for name in sites}
        for trial in range(trials):
            frames = with_noise(movie, seed, trial).frames - 0.5
            past = np.concatenate([np.zeros((6 * 5, 16, 16)), frames])
            expected = np.zeros_like(frames)
            for k in range(self.remembered):
                start = 30 - 6 * (k + 1)
                expected += past[start : start + len(frames)] / self.remembered
            for name in sites:
                error = frames - expected if name.endswith("pos") else expected - frames
                found[name].append(np.maximum(0.0, error)[..., None])
        return Response(50.0, {name: np.stack(values) for name, values in found.items()})

    def control(self, name: Control) -> Responder | None:
        return None


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(SMALL, Expecting(5))


def test_without_memory_context_makes_no_difference() -> None:
    """Oracle: a subject that compares every frame with grey answers a grating alike wherever it stands, and grey not at all."""
    found = judged(SMALL, Expecting(0))
    assert found.outcome == "fails" and found.effect is not None
    for value in (found.effect, found.others["iRS"], found.others["omission"]):
        assert abs(value.mean) < 0.01


def test_a_memory_expects_what_was_regular() -> None:
    """Oracle: it is surprised when the standard stays away, and hardly at all when it comes."""
    effects = SMALL.measure(Expecting(5), 0).effects
    assert effects["iRS"] > 0.3 and effects["omission"] > 0.1
    assert effects["omission, level 0, error_neg"] == pytest.approx(effects["omission, level 0, error_pos"], abs=0.05)


def test_the_numbers() -> None:
    """Oracle: every kind of slot has an answer of its own, put in by hand, above 2 in grey."""
    asked = Oddball()
    slots = asked.slots(1)
    traces = {}
    for name, order in slots.items():
        trace = np.full(8 + 6 * len(order), 2.0)
        for slot, which in enumerate(order):
            if name == MANY:
                value = 0.5 if which == NOTHING else 3.0 if which in (A, B) else 9.0
            else:
                deviant = A if name == REGULAR_B else B
                value = 1.5 if which == NOTHING else 6.0 if which == deviant else 2.0
            trace[8 + 6 * slot : 8 + 6 * slot + 3] += value
        traces[name] = trace
    numbers, courses = asked._numbers(traces, slots)
    assert numbers["iPE"] == pytest.approx((6 - 3) / 7)
    assert numbers["iRS"] == pytest.approx((3 - 2) / 7)
    assert numbers["omission"] == pytest.approx((1.5 - 0.5) / 7)
    late, early = (part.mean() for part in (traces[MANY][8 + 6 * 72 :], traces[MANY][8 : 8 + 6 * 24]))
    assert numbers["late over early"] == pytest.approx(late / early)
    np.testing.assert_allclose(courses["deviant"], [6, 6, 6, 0, 0, 0])
    np.testing.assert_allclose(courses["omitted, control"], [0.5, 0.5, 0.5, 0, 0, 0])


@pytest.mark.parametrize("seed", range(5))
def test_sequences_differ_in_context_only(seed: int) -> None:
    slots = {name: np.array(order) for name, order in Oddball().slots(seed).items()}
    among_a, among_b, many = slots[REGULAR_A], slots[REGULAR_B], slots[MANY]
    assert len(many) == len(among_a) == len(among_b) == 6 + 90
    assert (many[6:] == NOTHING).sum() == 10 and all((many[6:] == k).sum() == 10 for k in range(8)), "all as rare as a deviant"
    np.testing.assert_array_equal(among_b == A, many == A)
    np.testing.assert_array_equal(among_a == B, many == B)
    assert (among_a[many == A] == A).all() and (among_b[many == B] == B).all(), "the same slots hold the standard"
    for order, standard in ((among_a, A), (among_b, B)):
        np.testing.assert_array_equal(order == NOTHING, many == NOTHING)
        assert all(before == standard for before, now in pairwise(order) if now != standard), "a standard stands before each rare event"


def test_gratings() -> None:
    """Oracle: A and B are mirror images, drift by a fifth of a period a frame, and stand where the order says."""
    asked = Oddball()
    a, b = (asked.grating(16, 16, k * 22.5) for k in (A, B))
    np.testing.assert_allclose(a, b[:, :, ::-1], atol=1e-12)
    across = asked.grating(1, 60, 0.0) - 0.5
    assert np.abs(across).max() <= 0.4 + 1e-12 and across.max() > 0.38
    np.testing.assert_allclose(across[:, :, :30], across[:, :, 6:36], atol=1e-12)
    spectrum = np.angle(np.fft.fft(across[:, 0])[:, 10])
    np.testing.assert_allclose(np.diff(np.unwrap(spectrum)), -2 * np.pi * 0.2, atol=1e-9)
    movies, slots = asked.movies(Idle((16, 16)), 0), asked.slots(0)
    for name, movie in movies.items():
        assert (movie.frames[:8] == 0.5).all() and movie.n_frames == 8 + 96 * 6
        for slot, which in enumerate(slots[name]):
            start = 8 + 6 * slot
            expected = np.full((3, 16, 16), 0.5) if which == NOTHING else asked.grating(16, 16, which * 22.5)
            np.testing.assert_array_equal(movie.frames[start : start + 3], expected)
            assert (movie.frames[start + 3 : start + 6] == 0.5).all()


def test_frames_that_are_too_small_are_said() -> None:
    found = judged(Oddball(), Idle((8, 8)))
    assert found.outcome == "not applicable" and "12x12" in found.reason
