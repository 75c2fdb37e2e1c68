"""Learning and held-out stretches of clips, kept apart in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from snn.errors import MovieError, sentence
from snn.stimuli.movie import Movie

FIRST_SCORED = 3
"""Frames at the start of every clip that are not scored: no motion can be known there."""

MIN_LEARNING = FIRST_SCORED + 2
MIN_HELD_OUT = FIRST_SCORED + 1


def split_movies(movies: Sequence[Movie], hold_out: int) -> tuple[tuple[Movie, ...], tuple[Movie, ...]]:
    """Hold out the last frames of every clip.

    Parameters
    ----------
    movies : sequence of Movie
        Uncut clips.
    hold_out : int
        Number of frames at the end of each clip that are held out, at least 4 (the first 3 of a clip are unscored).

    Returns
    -------
    learning, held_out : tuple of Movie
        For each clip its frames before, and from, ``n_frames - hold_out``.  Both are contiguous, no frame is in
        both, and both keep the clip's name; ``Movie.source`` says which stretch it is.

    Raises
    ------
    MovieError
        If there are no movies, fewer than 4 frames are held out, or fewer than 5 remain of a clip to learn on.

    Examples
    --------
    >>> import numpy as np
    >>> learning, held_out = split_movies([Movie(np.zeros((20, 4, 4)))], hold_out=5)
    >>> learning[0].n_frames, held_out[0].n_frames
    (15, 5)
    """
    if not movies:
        raise MovieError(sentence("split_movies.movies", "there is no movie to split", allowed="at least one"))
    if hold_out < MIN_HELD_OUT:
        allowed = f">= {MIN_HELD_OUT}, since the first {FIRST_SCORED} frames are not scored"
        raise MovieError(sentence("split_movies.hold_out", "too few frames to score on", got=hold_out, allowed=allowed))
    learning, held_out = [], []
    for movie in movies:
        cut = movie.n_frames - hold_out
        if cut < MIN_LEARNING:
            allowed = f">= {hold_out + MIN_LEARNING} frames ({MIN_LEARNING} to learn on, {hold_out} held out)"
            cure = "hold out fewer frames or leave the clip out"
            raise MovieError(sentence(f"movie {movie.name!r}", "too short to split", got=movie.n_frames, allowed=allowed, cure=cure))
        learning.append(_stretch(movie, 0, cut))
        held_out.append(_stretch(movie, cut, movie.n_frames))
    return tuple(learning), tuple(held_out)


def _stretch(movie: Movie, start: int, stop: int) -> Movie:
    """Cut a stretch out and note in its source which frames it holds."""
    return replace(movie.part(start, stop), source=f"{movie.source}; frames {start} to {stop - 1}".removeprefix("; "))
