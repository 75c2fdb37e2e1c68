"""The error of a forecast, and of the forecast that copies the last frame.

A forecast of frame t may use frames before t, never t itself.  The first frames of a clip are not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from snn.errors import MovieError, StateError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

Frames = NDArray[np.float64]

START = 0.5
"""Forecast of the very first frame, for which nothing is known: mid grey."""


def score(forecast: Frames, frames: Frames, first_scored: int = FIRST_SCORED) -> float:
    """Mean squared error of a forecast over the scored frames of one clip.

    ``mean((forecast[t] - frames[t])**2)`` over pixels and over ``t >= first_scored``.  The ratio of this to
    `copy_last_mse` of the same clip is the number that is reported.

    Parameters
    ----------
    forecast, frames : ndarray, shape (n_frames, rows, cols)
        What was forecast, and what was shown.
    first_scored : int, default 3
        First frame that counts.

    Returns
    -------
    float
        Squared luminance.

    Raises
    ------
    MovieError
        If the shapes differ, no frame is left to score, or a scored forecast is not finite.

    Examples
    --------
    >>> score(np.zeros((5, 2, 2)), np.full((5, 2, 2), 0.5))
    0.25
    """
    if forecast.shape != frames.shape:
        problem = "the forecast and the frames differ in shape"
        raise MovieError(sentence("score.forecast", problem, got=forecast.shape, allowed=str(frames.shape)))
    if not 0 <= first_scored < len(frames):
        problem, allowed = "no frame is left to score", f"more than {first_scored} frames"
        raise MovieError(sentence("score.frames", problem, got=len(frames), allowed=allowed, cure="use a longer clip"))
    error = float(np.mean((forecast[first_scored:] - frames[first_scored:]) ** 2))
    if not np.isfinite(error):
        raise MovieError(sentence("score.forecast", "a forecast is not a finite number", got=error, allowed="finite luminances"))
    return error


def copy_last_mse(movie: Movie, first_scored: int = FIRST_SCORED) -> float:
    """Mean squared error of forecasting every frame to equal the one before it.

    Parameters
    ----------
    movie : Movie
        The clip.
    first_scored : int, default 3
        First frame that counts.

    Returns
    -------
    float
        Squared luminance; 0 for a clip that stands still, against which no ratio can be formed.

    Raises
    ------
    MovieError
        If the clip has no scored frame.

    Examples
    --------
    >>> flicker = np.array([0.0, 1.0, 0.0, 1.0, 0.0]).reshape(5, 1, 1)
    >>> copy_last_mse(Movie(flicker))
    1.0
    """
    return score(copied(movie.frames), movie.frames, first_scored)


def copied(frames: Frames) -> Frames:
    """Forecast every frame to equal the one before it, and the first to be mid grey.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, rows, cols)
        Luminance.

    Returns
    -------
    ndarray, shape (n_frames, rows, cols)
    """
    return np.concatenate([np.full_like(frames[:1], START, dtype=np.float64), frames[:-1]])


def check_frames(frames: Frames, where: str, least_px: int = 5) -> None:
    """Refuse frames that are no clip, or too small.

    Parameters
    ----------
    frames : ndarray
        What was given.
    where : str
        Dotted path for the message.
    least_px : int, default 5
        Smallest number of rows and of columns.

    Raises
    ------
    MovieError
        If they are not ``(n_frames, rows, cols)`` with at least that many rows and columns.
    """
    if frames.ndim != 3 or len(frames) < 1:
        raise MovieError(sentence(where, "frames have the wrong shape", got=frames.shape, allowed="(n_frames, rows, cols)"))
    if min(frames.shape[1:]) < least_px:
        raise MovieError(sentence(where, "a frame is smaller than the field", got=frames.shape[1:], allowed=f">= {(least_px, least_px)}"))


def check_movies(movies: Sequence[Movie], least_frames: int, where: str, least_px: int = 5) -> None:
    """Refuse learning movies from which nothing can be learned.

    Parameters
    ----------
    movies : sequence of Movie
        What was given.
    least_frames : int
        Smallest number of frames of each.
    where : str
        Dotted path for the message.
    least_px : int, default 5
        Smallest number of rows and of columns.

    Raises
    ------
    MovieError
        If there is none, or one is too short or too small.
    """
    if not movies:
        raise MovieError(sentence(where, "there is no movie to learn on", allowed="at least one"))
    for movie in movies:
        check_frames(movie.frames, f"{where} movie {movie.name!r}", least_px)
        if movie.n_frames < least_frames:
            allowed = f">= {least_frames}"
            raise MovieError(sentence(f"{where} movie {movie.name!r}", "too few frames to learn from", got=movie.n_frames, allowed=allowed))


def named(arrays: Mapping[str, NDArray[np.float64]], where: str, name: str) -> NDArray[np.float64]:
    """Take one array of a saved bar.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The saved arrays.
    where, name : str
        The bar, for the message, and the array.

    Returns
    -------
    ndarray
        As float64, of the shape it was saved with.

    Raises
    ------
    StateError
        If it is missing.
    """
    if name not in arrays:
        raise StateError(sentence(f"{where}.{name}", "this array is missing", got=sorted(arrays), allowed=f"an array called {name!r}"))
    return np.asarray(arrays[name], dtype=np.float64)
