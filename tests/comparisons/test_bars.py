"""The bars against plain re-implementations, and that none of them looks ahead."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from comparisons.bars import GatedShift, OneFrame, copy_last_mse, score
from comparisons.one_frame import RIDGES
from snn.errors import DescriptionError, MovieError, StateError
from snn.stimuli import Movie, drifting_movies

NOISE = np.random.default_rng(0).random((60, 60))
DRIFT = drifting_movies({"noise": NOISE}, 3, 12, (11, 13), speed_px=(0.5, 1.5), seed=0)


def rectangles(n_frames: int, rows: int, cols: int, seed: int) -> np.ndarray:
    """Draw unrelated random frames."""
    return np.random.default_rng(seed).random((n_frames, rows, cols))


def gated_by_hand(frames: np.ndarray, beta: float) -> np.ndarray:
    """Gated shifts in plain loops, with scipy's interpolation and a pool written out."""
    n_frames, rows, cols = frames.shape
    y, x = np.mgrid[:rows, :cols].astype(float)
    forecast = np.concatenate([np.full((1, rows, cols), 0.5), frames[:-1]])
    shifts = [(a / 2, b / 2) for a in range(-4, 5) for b in range(-4, 5)]
    for t in range(2, n_frames):
        candidates, weights = [], []
        for down, right in shifts:
            at = [y + down, x + right]
            missed = (map_coordinates(frames[t - 2], at, order=1, mode="nearest") - frames[t - 1]) ** 2
            padded = np.pad(missed, 4, mode="edge")
            pooled = np.array([[padded[i : i + 9, j : j + 9].mean() for j in range(cols)] for i in range(rows)])
            candidates.append(map_coordinates(frames[t - 1], at, order=1, mode="nearest"))
            weights.append(np.exp(-beta * pooled))
        forecast[t] = sum(w * c for w, c in zip(weights, candidates, strict=True)) / sum(weights)
    return forecast


def one_frame_by_hand(movies: Sequence[Movie], field: int, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit each pixel by itself: least squares on centred data with the ridge as extra rows."""
    (rows, cols), half = movies[0].size, field // 2
    weights, bias = np.zeros((rows, cols, field, field)), np.zeros((rows, cols))
    for i in range(rows):
        for j in range(cols):
            features, targets = [], []
            for movie in movies:
                padded = np.pad(movie.frames, ((0, 0), (half, half), (half, half)))
                features += [padded[t - 1, i : i + field, j : j + field].ravel() for t in range(1, movie.n_frames)]
                targets += [movie.frames[t, i, j] - movie.frames[t - 1, i, j] for t in range(1, movie.n_frames)]
            x, z = np.array(features), np.array(targets)
            penalty = np.sqrt(ridge * len(z)) * np.eye(field * field)
            solved = np.linalg.lstsq(np.concatenate([x - x.mean(0), penalty]), np.concatenate([z - z.mean(), np.zeros(field * field)]))[0]
            weights[i, j], bias[i, j] = solved.reshape(field, field), z.mean() - x.mean(0) @ solved
    return weights, bias


def test_score_is_the_mean_squared_error_after_the_first_frames() -> None:
    """Oracle: a sum written out."""
    forecast, frames = rectangles(7, 3, 4, 1), rectangles(7, 3, 4, 2)
    by_hand = sum((forecast[t, i, j] - frames[t, i, j]) ** 2 for t in range(3, 7) for i in range(3) for j in range(4)) / (4 * 12)
    assert score(forecast, frames) == pytest.approx(by_hand, rel=1e-12)
    forecast[:3] = np.nan
    assert score(forecast, frames) == pytest.approx(by_hand, rel=1e-12)
    assert score(frames, frames, first_scored=0) == 0.0


def test_copy_last_is_the_mean_squared_change() -> None:
    """Oracle: np.diff, from frame 3 on."""
    frames = rectangles(9, 5, 6, 3)
    assert copy_last_mse(Movie(frames)) == pytest.approx(float((np.diff(frames, axis=0)[2:] ** 2).mean()), rel=1e-12)


@pytest.mark.parametrize("beta", [0.0, 30.0, 1000.0])
def test_gated_shift_is_its_formula(beta: float) -> None:
    """Oracle: an independent re-implementation in plain loops, ROUND_OFF."""
    for frames in (DRIFT[0].frames[:5], rectangles(4, 5, 7, 4)):
        assert np.abs(GatedShift(beta).forecast(frames) - gated_by_hand(frames, beta)).max() < 1e-9


def test_gated_shift_forecasts_motion_on_its_grid() -> None:
    """Oracle: closed form: a picture moved by (1, -2) px a frame is forecast, away from the edges, by moving it on."""
    frames = np.stack([NOISE[20 - t : 44 - t, 10 + 2 * t : 34 + 2 * t] for t in range(6)])
    error = np.abs(GatedShift(3000.0).forecast(frames) - frames)[3:, 6:-6, 6:-6]
    assert error.max() < 1e-6
    assert np.abs(np.diff(frames, axis=0)).max() > 0.5


def test_gated_shift_copies_before_it_has_seen_motion() -> None:
    """Oracle: mid grey, then the first frame."""
    frames = rectangles(3, 6, 6, 5)
    forecast = GatedShift(1000.0).forecast(frames)
    assert (forecast[0] == 0.5).all()
    assert np.array_equal(forecast[1], frames[0])
    assert (OneFrame.fit(DRIFT).forecast(DRIFT[0].frames)[0] == 0.5).all()


def test_long_and_short_movies_are_forecast_alike() -> None:
    """Oracle: the chunks in which frames are worked on are no part of the formula: any two frames decide the next."""
    frames = rectangles(140, 20, 20, 6)
    whole = GatedShift(100.0).forecast(frames)
    for t in (2, 61, 62, 63, 64, 139):
        assert np.abs(GatedShift(100.0).forecast(frames[t - 2 : t + 1])[2] - whole[t]).max() < 1e-12


def paler(movie: Movie, contrast: float) -> Movie:
    """Lower the contrast about mid grey; the paler, the sharper the best gate."""
    return Movie(0.5 + contrast * (movie.frames - 0.5))


@pytest.mark.parametrize(
    ("movies", "best"),
    [
        (DRIFT, 300.0),
        ([paler(movie, 0.5) for movie in DRIFT], 1000.0),
        ([paler(movie, 0.3) for movie in DRIFT], 3000.0),
        # One scored frame against nine: the short clip alone prefers 300, and so would the mean over clips.
        ([paler(DRIFT[0], 0.5), DRIFT[0].part(0, 4)], 1000.0),
    ],
)
def test_beta_is_the_best_on_the_learning_movies(movies: Sequence[Movie], best: float) -> None:
    """Oracle: error summed over all scored pixels for every candidate, computed apart."""
    totals = dict.fromkeys((300.0, 1000.0, 3000.0), 0.0)
    for beta in totals:
        totals[beta] = sum(float(((GatedShift(beta).forecast(m.frames) - m.frames)[3:] ** 2).sum()) for m in movies)
    assert min(totals, key=lambda beta: totals[beta]) == best
    assert GatedShift.fit(movies).beta == best


@pytest.mark.parametrize("field", [3, 5])
def test_one_frame_is_ridge_regression(field: int) -> None:
    """Oracle: numpy.linalg.lstsq pixel by pixel with the ridge as extra rows; the strength is the one chosen."""
    bar = OneFrame.fit(DRIFT, field)
    weights, bias = one_frame_by_hand(DRIFT, field, bar.ridge)
    assert np.abs(bar.weights - weights).max() < 1e-7
    assert np.abs(bar.bias - bias).max() < 1e-7
    t, i, j, half = 4, 5, 6, field // 2
    neighbours = DRIFT[0].frames[t - 1, i - half : i + half + 1, j - half : j + half + 1]
    by_hand = DRIFT[0].frames[t - 1, i, j] + bias[i, j] + (weights[i, j] * neighbours).sum()
    assert bar.forecast(DRIFT[0].frames)[t, i, j] == pytest.approx(by_hand, abs=1e-7)


@pytest.mark.parametrize(("n_movies", "seed"), [(1, 1), (3, 3), (20, 21)])
def test_the_ridge_is_the_best_on_the_last_tenth(n_movies: int, seed: int) -> None:
    """Oracle: every strength fitted apart on what comes before the last tenth, scored there by its own forecasts."""
    movies = drifting_movies({"noise": NOISE}, n_movies, 42 if n_movies == 1 else 21 if n_movies == 3 else 5, 5, seed=seed)
    if n_movies == 20:
        early, late = list(movies[:18]), list(movies[18:])
    else:
        cut = 38 if n_movies == 1 else 19
        early = [m.part(0, cut) for m in movies]
        late = [m.part(cut - 1, m.n_frames) for m in movies]
    errors = []
    for ridge in RIDGES:
        bar = OneFrame(*one_frame_by_hand(early, 3, ridge), ridge)
        errors.append(sum(((bar.forecast(m.frames) - m.frames)[1:] ** 2).sum() for m in late))
    assert OneFrame.fit(movies, field=3).ridge == RIDGES[int(np.argmin(errors))]


def test_one_frame_finds_a_local_linear_law() -> None:
    """Oracle: closed form: a known unshared law, by which frames fade to mid grey, is found again.

    Frames follow ``x' = 1/2 + A (x - 1/2)`` with A local and unshared, from many random starts, so the weights are
    ``A - identity`` and the bias ``(1 - sum of the row of A) / 2``.
    """
    random = np.random.default_rng(8)
    law = random.normal(0, 0.1, (6, 6, 3, 3))
    law[0, :, 0], law[-1, :, 2], law[:, 0, :, 0], law[:, -1, :, 2] = 0, 0, 0, 0

    def step(frame: np.ndarray) -> np.ndarray:
        padded = np.pad(frame - 0.5, 1)
        return 0.5 + np.array([[(law[i, j] * padded[i : i + 3, j : j + 3]).sum() for j in range(6)] for i in range(6)])

    movies = []
    for _ in range(60):
        frames = [random.random((6, 6))]
        frames += [step(frames[0])]
        frames += [step(frames[1])]
        movies.append(Movie(np.stack(frames)))
    bar = OneFrame.fit(movies, field=3)
    identity = np.eye(9)[4].reshape(3, 3)
    assert np.abs(bar.weights - (law - identity)).max() < 1e-3
    assert np.abs(bar.bias - (1 - law.sum(axis=(2, 3))) / 2).max() < 1e-3
    assert score(bar.forecast(movies[0].frames), movies[0].frames, first_scored=1) < 1e-7
    backwards = movies[0].frames[::-1]
    assert score(bar.forecast(backwards), backwards, first_scored=1) > 1e-2


FORECASTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gated_shift": GatedShift(300.0).forecast,
    "one_frame": OneFrame.fit(DRIFT).forecast,
}


@pytest.mark.parametrize("name", FORECASTS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), t=st.integers(0, 7))
def test_a_frame_cannot_reach_its_own_forecast(name: str, seed: int, t: int) -> None:
    """Oracle: an invariant: changing frame t leaves the forecasts of frames up to t as they are, to the last bit."""
    frames = rectangles(8, 11, 13, seed)
    changed = frames.copy()
    changed[t] = 1 - changed[t]
    before, after = FORECASTS[name](frames), FORECASTS[name](changed)
    assert np.array_equal(before[: t + 1], after[: t + 1])
    if t < 7:
        assert not np.array_equal(before[t + 1], after[t + 1])


@pytest.mark.parametrize("bar", [GatedShift.fit(DRIFT), OneFrame.fit(DRIFT)])
def test_bars_survive_saving(bar: GatedShift | OneFrame) -> None:
    """Oracle: the same forecast to the last bit after a round trip through an .npz."""
    buffer = io.BytesIO()
    np.savez(buffer, **bar.to_arrays())
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as saved:
        again = type(bar).from_arrays(dict(saved))
    assert np.array_equal(again.forecast(DRIFT[1].frames), bar.forecast(DRIFT[1].frames))
    assert {name: array.tolist() for name, array in again.to_arrays().items()} == {n: a.tolist() for n, a in bar.to_arrays().items()}


SMALL = Movie(np.zeros((9, 4, 9)), name="small")
SHORT = Movie(np.zeros((3, 8, 8)), name="short")


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: score(np.zeros((4, 2, 2)), np.zeros((5, 2, 2))), MovieError, r"score.forecast: .* differ in shape; got \(4, 2, 2\)"),
        (lambda: score(np.zeros((3, 2, 2)), np.zeros((3, 2, 2))), MovieError, "score.frames: no frame is left to score; got 3"),
        (lambda: score(np.full((4, 2, 2), np.nan), np.zeros((4, 2, 2))), MovieError, "a forecast is not a finite number; got nan"),
        (lambda: copy_last_mse(SHORT), MovieError, "no frame is left to score; got 3; allowed: more than 3 frames"),
        (lambda: GatedShift(-1.0), DescriptionError, "gated_shift.beta: not a sharpness; got -1.0; allowed: >= 0$"),
        (lambda: GatedShift(float("nan")), DescriptionError, "gated_shift.beta: not a sharpness; got nan"),
        (lambda: GatedShift.fit([]), MovieError, "gated_shift.fit: there is no movie to learn on"),
        (lambda: GatedShift.fit([DRIFT[0], SHORT]), MovieError, "gated_shift.fit movie 'short': too few frames .*; got 3; allowed: >= 4$"),
        (lambda: GatedShift.fit([SMALL]), MovieError, r"movie 'small': a frame is smaller than the field; got \(4, 9\)"),
        (lambda: GatedShift(1.0).forecast(np.zeros((8, 8))), MovieError, r"frames have the wrong shape; got \(8, 8\)"),
        (lambda: GatedShift.from_arrays({}), StateError, r"gated_shift.beta: this array is missing; got \[\]"),
        (lambda: OneFrame.fit([]), MovieError, "one_frame.fit: there is no movie to learn on"),
        (lambda: OneFrame.fit([SMALL]), MovieError, r"a frame is smaller than the field; got \(4, 9\); allowed: >= \(5, 5\)$"),
        (lambda: OneFrame.fit([SHORT.part(0, 2)]), MovieError, "movie 'short': too few frames to learn from; got 2; allowed: >= 3$"),
        (lambda: OneFrame.fit([SHORT], 4), DescriptionError, "one_frame.fit.field: not a neighbourhood; got 4; allowed: odd numbers"),
        (lambda: OneFrame.fit([SHORT, DRIFT[0]]), MovieError, r"'noise_drift_000' differs in size from the first; got \(11, 13\)"),
        (
            lambda: OneFrame.fit(DRIFT).forecast(SHORT.frames),
            MovieError,
            r"differ in size from those learned; got \(8, 8\); allowed: \(",
        ),
        (lambda: OneFrame.from_arrays({"weights": np.zeros((8, 8, 5, 5))}), StateError, "one_frame.bias: this array is missing"),
        (lambda: OneFrame(np.zeros((8, 8, 5, 5)), np.zeros((8, 7)), 1.0), StateError, "one_frame.weights: weights and bias do not fit"),
    ],
)
def test_what_cannot_be_scored_or_learned_is_refused(act: Callable[[], object], error: type[Exception], message: str) -> None:
    """Oracle: the sentences, in one line."""
    with pytest.raises(error, match=message) as caught:
        act()
    assert "\n" not in str(caught.value)


def test_the_smallest_frames_and_shortest_movies_pass() -> None:
    """Oracle: the limits stated in the errors above, taken at their word."""
    least = Movie(rectangles(4, 5, 5, 9))
    assert GatedShift.fit([least]).forecast(least.frames).shape == (4, 5, 5)
    assert OneFrame.fit([least.part(0, 3)]).forecast(least.frames[:3]).shape == (3, 5, 5)


def test_a_still_movie_is_forecast_exactly() -> None:
    """Oracle: nothing moves, so every bar copies, and no fit fails on a singular matrix."""
    still = Movie(np.broadcast_to(NOISE[:8, :8], (6, 8, 8)))
    assert copy_last_mse(still) == 0.0
    assert np.abs(OneFrame.fit([still]).forecast(still.frames)[1:] - still.frames[1:]).max() < 1e-12
    flat = Movie(np.full((6, 8, 8), 0.3))
    assert np.abs(GatedShift.fit([flat]).forecast(flat.frames)[1:] - 0.3).max() < 1e-12
