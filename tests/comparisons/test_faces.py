"""Norm-based coding: found in a subject that expects the mean of the faces it saw, not in one that learns nothing; numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from comparisons.phenomena.faces import AVERAGE, LEVELS, N_AXES, Faces
from comparisons.responder import Control, FloatArray, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie

SMALL = Faces(repeats=1, n_movies=2)


class Averaging:
    """Compares what is no grey frame with the mean of all such frames that it was exposed to, or with a face that it was born with."""

    name, frame_ms, finest_bin_ms, frame_size = "averaging", 50.0, 50.0, (24, 24)
    sites = (Site("level0.error_pos", "error_pos", 0, (24, 24, 1), False), Site("level0.error_neg", "error_neg", 0, (24, 24, 1), False))

    def __init__(self, seen: tuple[FloatArray, ...] = (), learns: bool = True) -> None:
        self.seen, self.keeps = seen, learns

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        norm = np.mean(self.seen, axis=0) if self.seen else np.full((24, 24), 0.5)
        found: dict[str, list[FloatArray]] = {name: [] for name in sites}
        for trial in range(trials):
            frames = with_noise(movie, seed, trial).frames
            error = frames - np.where(frames.std((1, 2), keepdims=True) > 0.05, norm, 0.5)
            for name in sites:
                found[name].append(np.maximum(0.0, error if name.endswith("pos") else -error)[..., None])
        return Response(50.0, {name: np.stack(values) for name, values in found.items()})

    def control(self, name: Control) -> Responder | None:
        return None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Averaging:
        return Averaging((*self.seen, *(f for f in movie.frames if f.std() > 0.05)), self.keeps) if self.keeps else self


class IdleLearner(Idle):
    """Answers alike whatever it is shown, and says that it learns."""

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> IdleLearner:
        return self


def test_found_where_it_is_and_nowhere_else() -> None:
    check_phenomenon(SMALL, Averaging())


@pytest.mark.parametrize("kind", ["silent", "constant", "noise"])
def test_not_found_in_learners_that_answer_alike(kind: str) -> None:
    assert judged(SMALL, IdleLearner((24, 24), 1, kind)).outcome in ("fails", "undecided")  # type: ignore[arg-type]


def test_a_face_that_was_always_known_is_no_norm() -> None:
    """Oracle: a subject born with the average of the first family answers by distance from it, whatever it was exposed to."""
    family = SMALL.tests(Idle((24, 24)), 0)[0, 0, LEVELS.index(0.0)].frames[-1]
    found = SMALL.measure(Averaging((family,), learns=False), 0).effects
    assert found["growth"] > 0.2 and abs(found["norm"]) < 0.02


def test_who_learned_has_its_least_at_the_norm() -> None:
    found = SMALL.measure(Averaging(), 0).effects
    assert found["least at"] == 0.0 and found["share"] > 0.6 and found["growth"] > found["growth elsewhere"]
    assert 0.05 < found["norm"] <= found["growth"] - max(0.0, found["growth elsewhere"]) + 1e-12


def numbers(seen: FloatArray, other: FloatArray) -> dict[str, float]:
    """Measures of answers by level, around the average that was seen and around the other."""
    shown = np.broadcast_to(other, (2, 2, N_AXES, len(LEVELS))).copy()
    shown[0, 0] = shown[1, 1] = seen
    return Faces()._numbers(shown)


@pytest.mark.parametrize("fall", [0.0, 0.3, 0.5])
def test_a_fall_of_all_answers_to_what_was_seen_is_no_norm(fall: float) -> None:
    """Oracle: a slope of 0.2 is a matter of the picture, and the same in both copies; the mean answer is not."""
    picture = 1.0 + 0.2 * np.abs(LEVELS)
    found = numbers(picture - fall, picture)
    assert found["norm"] == pytest.approx(0.0, abs=1e-12)
    assert found["growth"] == pytest.approx(0.2 / (picture.mean() - fall / 2)) == pytest.approx(found["growth elsewhere"])
    assert numbers(picture + fall, picture)["norm"] <= 1e-12


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.3, 3.0])
def test_a_gain_of_all_answers_to_what_was_seen_is_no_norm(gain: float) -> None:
    """Oracle: answers multiplied, and the slopes with them: less growth where they are smaller, and no norm where they are larger."""
    picture = 1.0 + 0.2 * np.abs(LEVELS)
    norm = numbers(gain * picture, picture)["norm"]
    assert norm == pytest.approx(min(0.0, gain - 1) * 0.2 / (picture.mean() * (1 + gain) / 2), abs=1e-12)


def test_a_gain_explains_no_more_than_there_is() -> None:
    """Oracle: by hand; elsewhere there is next to no answer, and below 0 at the average."""
    away = np.abs(LEVELS)
    assert numbers(1.0 + 0.2 * away, 0.1 * (away - away.mean()))["norm"] == pytest.approx(0.0, abs=1e-12)
    assert numbers(1.0 + 0.05 * away, 0.1 * (away - away.mean()))["norm"] == pytest.approx(-0.05 / (0.5 + 0.025 * away.mean()))


def test_errors_that_shrink_less_than_elsewhere_are_no_norm() -> None:
    """Oracle: by hand; where growth elsewhere is below 0, the norm is the growth around what was seen."""
    away = np.abs(LEVELS)
    found = numbers(1.0 - 0.041 * away, 1.0 - 0.134 * away)
    assert found["norm"] == found["growth"] == pytest.approx(-0.041 / (1.0 - 0.0875 * away.mean()))
    rising = numbers(1.0 + 0.041 * away, 1.0 - 0.134 * away)
    assert rising["norm"] == pytest.approx(0.041 / (1.0 - 0.0465 * away.mean()))


def test_the_numbers() -> None:
    """Oracle: answers of 1 + |level| around the average that was seen and of 2 around the other, put in by hand."""
    away = np.abs(LEVELS)
    shown = np.full((2, 2, N_AXES, len(LEVELS)), 2.0)
    shown[0, 0] = shown[1, 1] = 1.0 + away
    found = Faces()._numbers(shown)
    assert found["growth"] == pytest.approx(1 / ((3 + away.mean()) / 2)) == pytest.approx(found["norm"])
    assert found["growth elsewhere"] == pytest.approx(0.0) and found["least at"] == 0.0
    assert Faces()._share(np.stack([shown, shown, 4 - shown, np.zeros_like(shown)], axis=-1)) == pytest.approx(2 / 3)
    assert all(np.isnan(v) for v in Faces()._numbers(np.zeros_like(shown)).values())
    assert numbers(away, np.hypot(1.5, away))["norm"] == pytest.approx(0.4, abs=0.05), "as the docstring says"


@pytest.mark.parametrize("side", [24, 32, 48])
def test_faces_differ_in_their_features_only(side: int) -> None:
    """Oracle: mean and contrast of every picture; the mirror image; grey where no face is; a wider head is darker at its sides."""
    asked, subject = Faces(), Idle((side, side))
    tests = asked.tests(subject, 1)
    assert len(tests) == 2 * N_AXES * len(LEVELS)
    for movie in tests.values():
        face = movie.frames[-1]
        assert (movie.frames[:4] == 0.5).all() and (movie.frames[4:] == face).all() and movie.n_frames == 8
        assert face.mean() == pytest.approx(0.5) and face.std() == pytest.approx(0.1)
        np.testing.assert_allclose(face, face[:, ::-1], atol=1e-12)
        assert (face[:3] == 0.5).all() and (face[-3:] == 0.5).all()
    norms = [[tests[f, axis, 3].frames[-1] for axis in range(N_AXES)] for f in (0, 1)]
    assert all(np.array_equal(n, norms[f][0]) for f in (0, 1) for n in norms[f]) and not np.array_equal(norms[0][0], norms[1][0])
    widths = [np.count_nonzero(asked.face(subject, np.array([z, 0, 0, 0, 0, 0.0]))[side // 2] != 0.5) for z in (-2.0, 0.0, 2.0)]
    assert widths == sorted(widths) and widths[1] == pytest.approx(2 * AVERAGE[0] * 3 * side / 8, abs=2)


def test_no_face_leaves_the_range() -> None:
    for seed in range(20):
        assert len(Faces().tests(Idle((24, 24)), seed)) == 56


def test_families_have_their_averages() -> None:
    """Oracle: in a movie every face has its opposite; the families differ by one step in a direction that no identity has."""
    asked, subject = Faces(), Idle((24, 24))
    axes = asked.directions(2)
    np.testing.assert_allclose(axes @ axes.T, np.eye(N_AXES + 1), atol=1e-12)
    movies = [asked.exposure(subject, family, 2) for family in (0, 1)]
    tested = {m.frames[-1].tobytes() for m in asked.tests(subject, 2).values()}
    for family, several in enumerate(movies):
        shown = np.concatenate([m.frames for m in several])
        faces = shown[shown.std((1, 2)) > 0.05]
        assert len(faces) == 4 * 4 * 4 and not {f.tobytes() for f in faces} & tested
        own, other = (asked.tests(subject, 2)[f, 0, 3].frames[-1] for f in (family, 1 - family))
        mean = faces.mean(0)
        assert np.abs(mean - own).mean() < 0.7 * np.abs(mean - other).mean()


def test_who_cannot_learn_is_not_asked_but_can_be_a_control() -> None:
    subject = AdaptationOnly((24, 24))
    assert SMALL.lacks(subject) == "it cannot go on learning, and has seen no faces"
    found = [SMALL.measure(subject, seed).effects["norm"] for seed in range(2)]
    assert -0.1 < min(found) and max(found) < 0.02 and len(set(found)) == 2
    assert "24x24" in str(SMALL.lacks(IdleLearner((16, 16))))
