"""Prediction suppression: found in a subject that remembers pairs, not in one that does not; its numbers by hand."""

from __future__ import annotations

from collections.abc import Sequence as Several

import numpy as np
import pytest

from comparisons.phenomena.sequence import Sequence
from comparisons.responder import Control, Responder, Response, Site, check_request, with_noise
from comparisons.responders.null import AdaptationOnly, Idle, Reordered
from comparisons.testing import check_phenomenon, judged
from snn.stimuli.movie import Movie

SMALL = Sequence(exposures=10)


class Remembering:
    """Expects the mean of what followed the frame that it sees, where it has seen that; else that nothing changes."""

    name, frame_ms, finest_bin_ms, frame_size = "remembering", 50.0, 50.0, (12, 12)
    sites = (Site("level0.error_pos", "error_pos", 0, (12, 12, 1), False), Site("level0.error_neg", "error_neg", 0, (12, 12, 1), False))

    def __init__(self, known: tuple[tuple[np.ndarray, np.ndarray], ...] = (), learns: bool = True) -> None:
        self.known, self.keeps = known, learns

    def respond(self, movie: Movie, sites: Several[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        found: dict[str, list[np.ndarray]] = {name: [] for name in sites}
        for trial in range(trials):
            frames = with_noise(movie, seed, trial).frames
            expected = np.concatenate([frames[:1], frames[:-1]])
            for t in range(1, len(frames)):
                followed = [
                    after for before, after in self.known if np.abs(expected[t] - before).mean() < 0.05 < np.abs(frames[t] - before).mean()
                ]
                if followed:
                    expected[t] = np.mean(followed, axis=0)
            for name in sites:
                error = frames - expected if name.endswith("pos") else expected - frames
                found[name].append(np.maximum(0.0, error)[..., None])
        return Response(50.0, {name: np.stack(values) for name, values in found.items()})

    def control(self, name: Control) -> Responder | None:
        return None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Remembering:
        pairs = zip(movie.frames[:-1], movie.frames[1:], strict=True)
        seen = tuple((a, b) for a, b in pairs if a.std() > 0.1 and b.std() > 0.1 and not np.array_equal(a, b))
        return Remembering(self.known + seen, self.keeps) if self.keeps else self


class IdleLearner(Idle):
    """Answers alike whatever it is shown, and says that it learns."""

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> IdleLearner:
        return self


def test_found_where_it_is_and_nowhere_else() -> None:
    """Shuffling bins within a movie hides nothing here: predicted and unpredicted images stand in different movies."""
    check_phenomenon(SMALL, Remembering(), in_time=False)


@pytest.mark.parametrize("kind", ["silent", "constant", "noise"])
def test_not_found_in_learners_that_answer_alike(kind: str) -> None:
    assert judged(SMALL, IdleLearner((12, 12), 2, kind)).outcome in ("fails", "undecided")  # type: ignore[arg-type]


def test_without_learning_nothing_changes() -> None:
    """Oracle: a subject of the same answers that keeps nothing has the same PSI after as before, but for noise."""
    found = judged(SMALL, Remembering(learns=False))
    assert found.outcome == "fails" and found.effect is not None and abs(found.effect.mean) < 0.005


def test_what_images_do_by_themselves_is_taken_away() -> None:
    """Oracle: a subject that after any exposure foretells the pairs has a PSI, and has learned nothing from them."""

    class Knowing(Remembering):
        def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Remembering:
            leading, trailing = SMALL.images(self, 0)
            return Remembering(tuple(zip(leading, trailing, strict=True)))

    effects = SMALL.measure(Knowing(), 0).effects
    assert abs(effects["learned PSI"]) < 0.005
    assert SMALL.measure(Remembering(), 0).effects["learned PSI"] > 0.1


def test_what_was_learned_shows_in_the_first_frame_of_the_trailing_image() -> None:
    """Oracle: later frames follow themselves, and are expected anyway."""
    effects = SMALL.measure(Remembering(), 0).effects
    assert effects["learned PSI, first 2 frames"] > 0.5
    assert abs(effects["learned PSI, rest"]) < 0.05


def test_the_numbers() -> None:
    """Oracle: 1 for partners and 3 for the others, in answers put in by hand; nothing is said of silence."""
    answers = np.full((5, 5), 3.0)
    np.fill_diagonal(answers, [0.5, 1.5, 1.0, 0.8, 1.2])
    assert Sequence._psi(answers) == pytest.approx((3 - 1) / (3 + 1))
    assert np.isnan(Sequence._psi(np.zeros((5, 5))))


@pytest.mark.parametrize(
    ("pairs", "mixed", "learned"), [(0.1, 0.03, 0.07), (0.1, -0.05, 0.1), (-0.01, -0.05, -0.01), (-0.05, 0.02, -0.07), (0.1, 0.1, 0.0)]
)
def test_less_suppression_after_mixed_images_is_none_after_pairs(pairs: float, mixed: float, learned: float) -> None:
    """Oracle: by hand; what was lost after mixed exposure counts for nothing."""
    assert Sequence._learned(pairs, mixed) == pytest.approx(learned)
    assert np.isnan(Sequence._learned(float("nan"), mixed)) and np.isnan(Sequence._learned(pairs, float("nan")))


def test_psi_after_pairs_is_told_beside_it() -> None:
    """Oracle: a subject that learned pairs has a PSI of 0 after mixed images, all but chance; one whose PSI only got lost has none."""
    effects = SMALL.measure(Remembering(), 0).effects
    assert effects["learned PSI, level 0"] == effects["learned PSI"] <= effects["PSI after pairs"] == effects["PSI after pairs, level 0"]
    places = ("", ", level 0", ", level 0, error_pos")
    assert {f"PSI after pairs, {window}{at}" for window in ("first 2 frames", "rest") for at in places} <= set(effects)

    class Losing(Remembering):
        def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Remembering:
            leading, trailing = SMALL.images(self, 0)
            wrong = trailing if movie.name == "pairs" else np.roll(trailing, 1, axis=0)
            return Remembering(() if movie.name == "pairs" else tuple(zip(leading, wrong, strict=True)))

    effects = SMALL.measure(Losing(), 0).effects
    assert effects["learned PSI"] == effects["PSI after pairs"] < 0.02


def test_who_cannot_learn_is_not_asked_but_can_be_a_control() -> None:
    """Oracle: cells that tire have no pairs to know, and recency is the same for both."""
    subject = AdaptationOnly((12, 12))
    assert SMALL.lacks(subject) == "it cannot go on learning"
    found = [SMALL.measure(subject, seed).effects["learned PSI"] for seed in range(3)]
    assert -0.05 < min(found) and max(found) < 0.01 and len(set(found)) == 3
    assert SMALL.lacks(Reordered(subject)) is not None and SMALL.lacks(Reordered(Remembering())) is None


@pytest.mark.parametrize(("side", "n"), [(16, 5), (32, 8)])
def test_every_image_stands_where_it_should(side: int, n: int) -> None:
    asked, subject = Sequence(), Idle((side, side))
    leading, trailing = asked.images(subject, 2)
    assert leading.shape == trailing.shape == (n, side, side)
    tests = asked.tests(subject, 2)
    assert set(tests) == {(i, j) for i in range(n) for j in range(n)}
    for (i, j), movie in tests.items():
        assert movie.n_frames == 14 and (movie.frames[:8] == 0.5).all()
        assert (movie.frames[8:11] == leading[i]).all() and (movie.frames[11:] == trailing[j]).all()
    orders = {}
    for paired in (True, False):
        movie = asked.exposure(subject, 2, paired)
        assert movie.n_frames == 8 + 10 * n * n and (movie.frames[:8] == 0.5).all()
        blocks = movie.frames[8:].reshape(n * n, 10, side, side)
        assert (blocks[:, 6:] == 0.5).all() and (blocks[:, :3] == blocks[:, :1]).all() and (blocks[:, 3:6] == blocks[:, 3:4]).all()
        seen = [
            tuple(int(np.flatnonzero((images == block[at]).all((1, 2)))[0]) for images, at in ((leading, 0), (trailing, 3)))
            for block in blocks
        ]
        orders[paired] = [first for first, _ in seen]
        wanted = [(i, i) for i in range(n)] * n if paired else [(i, j) for i in range(n) for j in range(n)]
        assert sorted(seen) == sorted(wanted) and seen != sorted(seen)
    assert orders[True] == orders[False]


def test_partners_are_as_far_apart_as_others() -> None:
    """Oracle: the mean difference of partners is that of all leading and trailing images, within a hundredth."""
    for seed in range(5):
        leading, trailing = Sequence().images(Idle((16, 16)), seed)
        apart = np.abs(leading[:, None] - trailing[None]).mean((2, 3))
        assert np.diag(apart).mean() == pytest.approx(apart.mean(), rel=0.01)


def test_frames_that_are_too_small_are_said() -> None:
    found = judged(Sequence(), IdleLearner((8, 8)))
    assert found.outcome == "not applicable" and "12x12" in found.reason
