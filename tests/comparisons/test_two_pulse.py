"""Repetition suppression: found in cells that tire, not in cells that do not; its numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.cuts import matched_cuts
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(TwoPulse(n_pairs=2), AdaptationOnly((16, 16), beta=5.0))


def test_cells_that_do_not_tire_answer_again_alike() -> None:
    """Oracle: suppression of strength 0 forgets an image at once."""
    found = judged(TwoPulse(n_pairs=2), AdaptationOnly((16, 16), beta=0.0))
    assert found.outcome == "fails" and found.effect is not None
    assert abs(found.effect.mean) < 2.0 and abs(found.others["suppression by the same"].mean) < 2.0


def test_the_numbers() -> None:
    """Oracle: 2 at rest, 4 more in the first pulse, then a tail that falls; the second answer is a known share by gap."""
    asked = TwoPulse(gaps=(1, 2, 4, 8), short=2)
    share = {True: (0.5, 0.6, 0.8, 1.0), False: (0.7, 0.9, 1.0, 1.0)}
    tail = 3.0 * 0.8 ** np.arange(40)
    traces = {}
    for a, more in ((0, 4.0), (1, 4.2)):
        one = np.concatenate([np.full(8, 2.0), np.full(8, 2.0 + more), 2.0 + tail[:16]])
        traces[0, a, -1, 0] = one
        for b in (0, 1):
            for gap, part in zip(asked.gaps, share[a == b], strict=True):
                both = one[: 24 + gap].copy()
                both[16 + gap :] += part * 4.1
                traces[0, a, b, gap] = both
    numbers, same, different = asked._numbers(traces)
    np.testing.assert_allclose(same, share[True])
    np.testing.assert_allclose(different, share[False])
    assert numbers["first answer"] == pytest.approx(4.1)
    assert numbers["suppression by the same"] == pytest.approx(45.0)
    assert numbers["suppression by another"] == pytest.approx(20.0)
    assert numbers["repetition"] == pytest.approx(25.0)
    assert numbers["recovery"] == pytest.approx(50.0)


def test_a_population_that_does_not_answer_is_left_out() -> None:
    found = TwoPulse(n_pairs=1).measure(Idle((16, 16), kind="constant"), 0).effects
    assert np.isnan(found["repetition"]) and np.isnan(found["repetition, level 0"])


def test_both_images_of_a_pair_lie_in_the_same_place_at_the_right_times() -> None:
    asked = TwoPulse(n_pairs=2)
    movies = asked.movies(Idle((16, 20)), seed=3)
    assert len(movies) == 2 * (4 * 6 + 2) and len({m.name for m in movies.values()}) == len(movies)
    for (pair, a, b, gap), movie in movies.items():
        shown = (movie.frames != 0.5).any((1, 2))
        first = movies[pair, a, -1, 0].frames[8]
        expected = np.zeros(24 + (gap or 32), dtype=bool)
        expected[8:16] = True
        if b >= 0:
            expected[-8:] = True
            np.testing.assert_array_equal(movie.frames[-1], movies[pair, b, -1, 0].frames[8])
        np.testing.assert_array_equal(shown, expected)
        np.testing.assert_array_equal(movie.frames[8], first)
        edge = movie.frames[:, [0, 1, 2, -3, -2, -1]]
        assert (edge == 0.5).all(), "the border stays grey"
    areas = [(movies[0, a, -1, 0].frames[8] != 0.5).any(0) for a in (0, 1)]
    assert np.abs(np.flatnonzero(areas[0])[[0, -1]] - np.flatnonzero(areas[1])[[0, -1]]).max() <= 1


def test_cuts_are_alike_in_mean_and_contrast() -> None:
    cuts = matched_cuts(20, (8, 11), np.random.default_rng(0))
    assert cuts.shape == (20, 8, 11) and cuts.min() >= 0 and cuts.max() <= 1
    np.testing.assert_allclose(cuts.mean((1, 2)), 0.5)
    np.testing.assert_allclose(cuts.std((1, 2)), 0.15)
    assert all(not np.allclose(cuts[0], cut) for cut in cuts[1:])


def test_frames_that_are_too_small_are_said() -> None:
    found = judged(TwoPulse(), Idle((8, 8)))
    assert found.outcome == "not applicable" and "12x12" in found.reason
