"""Border ownership: found in units that hear of the far side of an object, not in those that see edges only; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.border_ownership import BEFORE, ON, BorderOwnership
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged
from snn.encoding import box_mean
from snn.seeding import stream
from snn.stimuli.movie import Movie


class Owning:
    """Answers edges, more where another lies an object's depth to the left (or above); ``ground`` adds how light the frame is."""

    def __init__(self, owns: float, ground: float = 0.0, size: int = 16) -> None:
        self.owns, self.ground = owns, ground
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "owning", 50.0, 50.0, (size, size)
        self.sites = tuple(
            Site(f"level{k}.{role}", role, k, (n, n, 1), False)  # type: ignore[arg-type]
            for k, n in enumerate((size, size // 2))
            for role in ("error_pos", "error_neg")
        )

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        found = {s.name: np.zeros((trials, movie.n_frames, *s.shape)) for s in check_request(self, movie, sites, trials)}
        upright = self._edges(movie.frames)
        answer = 0.1 + np.maximum(upright, self._edges(movie.frames.swapaxes(1, 2)).swapaxes(1, 2))
        answer = answer * (1.0 + self.ground * (movie.frames.mean((1, 2)) - 0.5))[:, None, None]
        n = self.frame_size[0] // 2
        pooled = answer.reshape(len(answer), n, 2, n, 2).mean((2, 4))
        for name, values in found.items():
            own = (answer if "level0" in name else pooled)[..., None]
            values += stream(seed, name).normal(own, 0.005, values.shape).clip(0.0)
        return Response(50.0, found)

    def _edges(self, seen: FloatArray) -> FloatArray:
        edge = np.zeros_like(seen)
        step = abs(np.diff(seen, axis=2))
        edge[:, :, 1:] = step
        edge[:, :, :-1] += step
        far = np.zeros_like(seen)
        by = 5 * self.frame_size[0] // 16
        far[:, :, by:] = edge[:, :, :-by]
        answer: FloatArray = edge * (1.0 + self.owns * (far > 0))
        return answer

    def control(self, name: Control) -> Responder | None:
        return Owning(0.0, self.ground, self.frame_size[0]) if name in ("untrained", "feedback_cut") else None


class Around(Owning):
    """Compares each pixel with the mean of the frame (``box_px`` 0), or of a square around it: it prefers no side of an edge."""

    def __init__(self, box_px: int) -> None:
        super().__init__(0.0)
        self.box_px = box_px

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        found: dict[str, list[FloatArray]] = {name: [] for name in sites}
        for trial in range(trials):
            seen = with_noise(movie, seed, trial).frames
            error = seen - (box_mean(seen, self.box_px) if self.box_px else seen.mean((1, 2), keepdims=True))
            for name, values in found.items():
                answer = np.maximum(0.0, error if name.endswith("pos") else -error)
                values.append((answer if "level0" in name else answer.reshape(-1, 8, 2, 8, 2).mean((2, 4)))[..., None])
        return Response(50.0, {name: np.stack(values) for name, values in found.items()})


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(BorderOwnership(n_trials=2), Owning(1.0))


def test_feedback_and_share() -> None:
    """Oracle: without the far edge no side is preferred; with it every unit prefers one."""
    found = BorderOwnership().measure(Owning(1.0), 0).effects
    assert found["BOI"] > 0.15 and abs(found["BOI, feedback cut"]) < 0.02
    assert found["beyond feedback cut"] == pytest.approx(found["BOI"] - found["BOI, feedback cut"])
    assert found["share"] == pytest.approx(1.0) and found["units"] == 8


def test_units_that_see_edges_only_prefer_no_side() -> None:
    for subject in (Owning(0.0), AdaptationOnly((16, 16), 1)):
        found = judged(BorderOwnership(), subject)
        assert found.outcome in ("fails", "undecided") and (found.effect is None or not abs(found.effect.mean) > 0.02)


def test_how_light_the_ground_is_does_not_count() -> None:
    """Oracle: light objects are on a dark ground, so that a side is preferred in one polarity and the other side in the other."""
    found = judged(BorderOwnership(), Owning(0.0, ground=2.0))
    assert found.outcome == "fails" and found.effect is not None and found.effect.mean < -0.05


@pytest.mark.parametrize("box_px", [0, 11])
def test_a_surround_alike_on_all_sides_is_no_preference(box_px: int) -> None:
    """Oracle: symmetry. Of one cell of a pair such a surround tells the side in both polarities, of both together it does not."""
    subject, asked = Around(box_px), BorderOwnership(n_trials=2)
    found = asked.measure(subject, 0).effects
    assert all(abs(found[f"BOI, all, level {level}"]) < 0.01 for level in (0, 1))
    assert judged(asked, subject, (0, 1)).outcome == "fails"
    names = ["level0.error_pos", "level0.error_neg"]
    answers = [sum(subject.respond(asked.movie(subject, s), names).activity.values())[0, BEFORE:, 8, 7].mean() for s in asked.scenes()[:4]]
    alone = [(left - right) / (left + right) for left, right in (answers[:2], answers[2:])]
    assert min(alone) > 0.1 or max(alone) < -0.1


def test_the_index() -> None:
    """Oracle: 3 and 1 put in by hand: a unit of one preference, one whose preference turns with polarity, one that does not answer."""
    told = np.zeros((2, 2, 4, BEFORE + ON, 3))
    told[:, 0, :, BEFORE:, 0], told[:, 1, :, BEFORE:, 0] = 1.0, 3.0
    told[0, 0, :, BEFORE:, 1], told[0, 1, :, BEFORE:, 1] = 3.0, 1.0
    told[1, 0, :, BEFORE:, 1], told[1, 1, :, BEFORE:, 1] = 1.0, 3.0
    told[..., 2] = 5.0
    asked = BorderOwnership()
    kept = asked._answering(told)
    assert kept.tolist() == [[True, True, False]] * 2
    np.testing.assert_allclose(asked._index(told, kept, "all"), [0.5, -0.5] * 4)
    courses = asked._courses(told[..., :1], kept[:, :1])
    assert courses["preferred side"][-1] == 3.0 and courses["other side"][-1] == 1.0


@pytest.mark.parametrize("side", [16, 24, 32])
def test_pictures_are_the_same_around_the_cells(side: int) -> None:
    """Oracle: receptive field and guard, cut out of the pictures with the object on either side; an edge is in the field or adjoins it."""
    asked, subject = BorderOwnership(), Owning(0.0, size=side)
    guard = side // 8
    for left, right in zip(asked.scenes()[::2], asked.scenes()[1::2], strict=True):
        assert left.object_left and not right.object_left and left[:3] == right[:3]
        one, other = (asked.movie(subject, s).frames for s in (left, right))
        assert (one[:BEFORE] == 0.5).all() and len(one) == BEFORE + ON and (one[BEFORE:] == one[-1]).all()
        assert set(np.unique(one[-1])) == {0.25, 0.75} and (one[-1] != other[-1]).any()
        shown = (one[-1] - 0.5) * (1 if left.light_left else -1)
        size = 5 * side // 16
        assert (shown > 0).sum() == 2 * size * size, "the object on the left has the polarity of the left"
        ring = np.ones((side, side), dtype=bool)
        ring[2:-2, 2:-2] = False
        assert (shown[ring] < 0).all()
        for level in (0, 1):
            where = np.argwhere(asked.cells(subject, level, left))
            assert len(where) >= 2
            for row, col in where * 2**level:
                low, high = (guard, guard + 1) if level == 0 else (guard + 1, guard + 3)
                field = np.s_[row - low : row + high, col - low : col + high]
                np.testing.assert_array_equal(one[-1][field], other[-1][field])
                assert len(np.unique(one[-1][field])) == 2
                seen = np.s_[row - 1 : row + 2 + level, col - 1 : col + 2 + level]
                assert len(np.unique(one[-1][seen])) == 2


@pytest.mark.parametrize("side", [16, 32])
def test_cells_that_face_each_other_are_one_unit(side: int) -> None:
    """Oracle: how far each cell lies across the edge: within a unit these add up to 0; cells on the edge are units of their own."""
    asked, subject = BorderOwnership(), Owning(0.0, size=side)
    for scene in asked.scenes():
        for level in (0, 1):
            found = asked.cells(subject, level, scene)
            along, across = asked._away(subject, scene, level)
            shown = np.stack([across, along, np.ones_like(along)], axis=-1)
            offset, place, n = asked.units(subject, level, scene, shown[None, None])[0, 0].reshape(-1, 3).T
            np.testing.assert_allclose(offset, 0.0, atol=1e-12)
            assert set(n) == {1.0 if level and scene.shift else 2.0} and n.sum() == found.sum()
            assert set(place / n) == set(along[found]) and len(set(place)) == len(place)


def test_small_frames_are_said() -> None:
    assert "16x16" in judged(BorderOwnership(), Idle((12, 12))).reason
