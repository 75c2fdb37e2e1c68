"""Halt of flow: found in a subject that carries on what moves, not in one that compares with the last frame; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from comparisons.phenomena.flow_halt import COURSES, Course, FlowHalt
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie

SMALL = FlowHalt(n_scenes=4)


class Carrying:
    """Expects the last step to come again; one that knows the rhythm expects the step of four frames ago."""

    name, frame_ms, finest_bin_ms, frame_size = "carrying on", 50.0, 50.0, (16, 16)
    sites = (Site("level0.error_pos", "error_pos", 0, (16, 16, 1), False), Site("level0.error_neg", "error_neg", 0, (16, 16, 1), False))

    def __init__(self, ago: int) -> None:
        self.ago = ago

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        found: dict[str, list[FloatArray]] = {name: [] for name in sites}
        for trial in range(trials):
            frames = with_noise(movie, seed, trial).frames
            steps = [(0, 0), *(_step(a, b) for a, b in pairwise(frames))]
            expected = frames[:1].repeat(len(frames), 0)
            for t in range(1, len(frames)):
                expected[t] = np.roll(frames[t - 1], steps[t - self.ago] if t >= self.ago > 0 else (0, 0), (0, 1))
            for name in sites:
                error = frames - expected if name.endswith("pos") else expected - frames
                found[name].append(np.maximum(0.0, error)[..., None])
        return Response(50.0, {name: np.stack(values) for name, values in found.items()})

    def control(self, name: Control) -> Responder | None:
        return None


def _step(before: FloatArray, after: FloatArray) -> tuple[int, int]:
    ways = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    apart = [np.abs(np.roll(before, way, (0, 1)) - after)[1:-1, 1:-1].mean() for way in ways]
    return ways[int(np.argmin(apart))]


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(SMALL, Carrying(1))


def test_a_copy_is_wrong_while_it_moves_and_right_when_it_halts() -> None:
    """Oracle: what is left at the halt is noise of the eye, as in a picture that never moved."""
    found = SMALL.measure(Carrying(0), 0).effects
    assert found["mismatch"] < -0.4 and found["flow"] > 0.4 and abs(found["surprise"]) < 0.02
    assert judged(SMALL, Carrying(0)).outcome == "fails" == judged(SMALL, AdaptationOnly((16, 16))).outcome


def test_surprise_needs_more_than_the_last_step() -> None:
    """Oracle: the last steps are the same in both courses; the step of four frames ago was a halt in the rhythm, and none in even flow."""
    assert abs(SMALL.measure(Carrying(1), 0).effects["surprise"]) < 0.02
    found = SMALL.measure(Carrying(4), 0).effects
    assert found["surprise"] > 0.3 and found["mismatch"] > 0.1


def test_the_numbers() -> None:
    """Oracle: courses of 4, 3 (then 1), 2 and 1 in the frame of the halt, put in by hand."""
    mean = {c: np.zeros(20) for c in COURSES}
    for course, value in zip(COURSES, (4.0, 3.0, 2.0, 1.0), strict=True):
        mean[course][16] = value
    mean["halts"][17], mean["moves on"][17] = 3.0, 1.0
    found = FlowHalt()._numbers(mean)
    assert found == pytest.approx({"mismatch": 1 / 7, "mismatch, next frame": 0.5, "surprise": 2 / 6, "flow": 2 / 4})
    assert all(np.isnan(v) for v in FlowHalt()._numbers({c: np.zeros(20) for c in COURSES}).values())


@pytest.mark.parametrize("size", [(12, 12), (16, 20)])
def test_courses_differ_in_what_came_before(size: tuple[int, int]) -> None:
    """Oracle: one picture at the moment of the halt; steps of 1 px by shifting frames; half of the steps in stop and go."""
    asked = FlowHalt(n_scenes=8)
    movies = asked.movies(Idle(size), 3)
    assert len(movies) == 8 * 4
    ways = [(-1, 0), (0, -1), (1, 0), (0, 1)]
    for scene in range(8):
        shown = {c: movies[scene, c].frames for c in COURSES}
        assert all((f[:4] == 0.5).all() and f.shape == (20, *size) for f in shown.values())
        assert all((f[16] == shown["halts"][16]).all() for f in shown.values()), "the same picture"
        assert (shown["halts"][15:] == shown["halts"][16]).all() and (shown["still"][4:] == shown["halts"][16]).all()
        assert (shown["halts again"][13:] == shown["halts"][13:]).all(), "the same last two steps"
        expected: tuple[tuple[Course, int], ...] = (("halts", 11), ("moves on", 15), ("halts again", 6), ("still", 0))
        for course, n in expected:
            frames, moved = shown[course][4:], 0
            for a, b in pairwise(frames):
                if not (a == b).all():
                    moved += 1
                    np.testing.assert_array_equal(np.roll(a, ways[scene % 4], (0, 1))[1:-1, 1:-1], b[1:-1, 1:-1])
            assert moved == n, course
    assert len({movies[scene, "still"].frames[-1].tobytes() for scene in range(8)}) == 8


def test_who_cannot_be_asked() -> None:
    assert "12x12" in judged(FlowHalt(), Idle((8, 8))).reason
