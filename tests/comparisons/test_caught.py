"""What random defects in the bars have shown to be untested."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.bars import OneFrame
from comparisons.one_frame import RIDGES
from snn.errors import StateError
from snn.stimuli import Movie, drifting_movies

NOISE = np.random.default_rng(0).random((60, 60))


def ridge_by_hand(early: list[Movie], late: list[Movie], field: int) -> float:
    """Fit every pixel by itself for every strength on some movies, and score its forecasts on others."""
    (rows, cols), half = early[0].size, field // 2

    def seen(movies: list[Movie], i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        features, targets = [], []
        for movie in movies:
            padded = np.pad(movie.frames, ((0, 0), (half, half), (half, half)))
            features += [padded[t, i : i + field, j : j + field].ravel() for t in range(movie.n_frames - 1)]
            targets += [movie.frames[t + 1, i, j] - movie.frames[t, i, j] for t in range(movie.n_frames - 1)]
        return np.array(features), np.array(targets)

    errors = np.zeros(len(RIDGES))
    for i, j in np.ndindex(rows, cols):
        (x, z), (x_late, z_late) = seen(early, i, j), seen(late, i, j)
        for k, ridge in enumerate(RIDGES):
            penalty = np.sqrt(ridge * len(z)) * np.eye(field * field)
            rows_ = np.concatenate([x - x.mean(0), penalty]), np.concatenate([z - z.mean(), np.zeros(field * field)])
            w = np.linalg.lstsq(*rows_)[0]
            errors[k] += ((x_late @ w + z.mean() - x.mean(0) @ w - z_late) ** 2).sum()
    return RIDGES[int(np.argmin(errors))]


def test_ten_movies_are_split_by_movie_and_nine_by_frame() -> None:
    """Oracle: least squares pixel by pixel for every strength; the two ways to split choose differently here."""
    movies = list(drifting_movies({"noise": NOISE}, 10, 6, 5, seed=0))
    by_movie = ridge_by_hand(movies[:9], movies[9:], 3)
    by_frame = ridge_by_hand([m.part(0, 5) for m in movies], [m.part(4, 6) for m in movies], 3)
    assert by_movie != by_frame
    assert OneFrame.fit(movies, field=3).ridge == by_movie
    nine = movies[:9]
    assert OneFrame.fit(nine, field=3).ridge == ridge_by_hand([m.part(0, 5) for m in nine], [m.part(4, 6) for m in nine], 3)


def test_no_frame_of_the_last_tenth_chooses_what_it_is_scored_on() -> None:
    """Oracle: as above; the last movie begins with a flash, which would choose another strength if it were learned from."""
    movies = list(drifting_movies({"noise": NOISE}, 10, 6, 5, seed=2))
    flash = movies[9].frames.copy()
    flash[0] = 1.0 - flash[0]
    movies[9] = Movie(flash, name="flash")
    whole = ridge_by_hand(movies[:9], movies[9:], 3)
    assert whole != ridge_by_hand([*movies[:9], movies[9].part(0, 2)], [movies[9].part(1, 6)], 3)
    assert OneFrame.fit(movies, field=3).ridge == whole


@pytest.mark.parametrize(
    ("weights", "bias"),
    [((8, 8, 5), (8, 8)), ((8, 8, 5, 3), (8, 8)), ((8, 8, 4, 4), (8, 8)), ((8, 8, 5, 5, 1), (8, 8)), ((8, 8, 5, 5), (7, 8)), ((8,), (8,))],
)
def test_shapes_that_do_not_belong_together(weights: tuple[int, ...], bias: tuple[int, ...]) -> None:
    """Oracle: the sentence."""
    OneFrame(np.zeros((8, 7, 5, 5)), np.zeros((8, 7)), 1.0)
    with pytest.raises(StateError, match="weights and bias do not fit"):
        OneFrame(np.zeros(weights), np.zeros(bias), 1.0)


@pytest.mark.parametrize("field", [1, 3])
def test_movies_of_more_pixels_than_fit_into_memory_at_once(field: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the same fit in one piece; pixels are worked on row by row."""
    from comparisons import one_frame

    movies = drifting_movies({"noise": NOISE}, 2, 8, (6, 7), seed=1)
    whole = OneFrame.fit(movies, field=field)
    for numbers in (1, 7 * 7 * (field**2 + 1), 2 * 7 * 7 * (field**2 + 1)):
        monkeypatch.setattr(one_frame, "_CHUNK_NUMBERS", numbers)
        pieces = OneFrame.fit(movies, field=field)
        assert pieces.ridge == whole.ridge
        np.testing.assert_allclose(pieces.weights, whole.weights, rtol=0, atol=1e-9)
