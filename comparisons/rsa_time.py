"""Representational similarity over time: how alike two populations tell movies apart, at each frame after these begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.beside import Row, lay_beside
from comparisons.cuts import GREY
from comparisons.dynamics import FORECAST_ROW, check_models, references, sorted_sites, subjects, watch
from comparisons.representation import dissimilarities, rsa_of
from comparisons.responder import FloatArray, Responder
from snn.errors import SubjectError, sentence
from snn.stimuli.movie import Movie

GREY_FRAMES = 5
"""Grey frames before each movie: there every movie is alike, and similarity must be about 0."""
LEAST_MOVIES = 5
"""Fewer movies give fewer than ten dissimilarities."""


@dataclass(frozen=True, eq=False)
class Told:
    """What is kept of a population.

    Attributes
    ----------
    rdms : ndarray, shape (n_frames, n_pairs)
        Dissimilarity of each pair of movies at each frame.
    trace : ndarray, shape (n_frames,)
        Mean activity over cells and movies.
    """

    rdms: FloatArray
    trace: FloatArray


@dataclass(frozen=True, eq=False)
class OverTime:
    """Similarity over time.

    Attributes
    ----------
    rows : list of Row
        ``rsa`` at each frame, and ``mean`` over the frames after the onset.
    frames : ndarray, shape (n_frames,)
        Frames after the onset; below 0 there is grey.
    traces : mapping of str to mapping of str to ndarray, shape (n_seeds, n_frames)
        Mean activity over cells and movies, per model and site.
    """

    rows: list[Row]
    frames: FloatArray
    traces: Mapping[str, Mapping[str, FloatArray]]


def rsa_over_time(
    models: Mapping[str, Sequence[Responder]], movies: Sequence[Movie], *, trials: int = 1, seed: int = 0, controls: bool = True
) -> OverTime:
    """Compare the dissimilarities of movies at each frame.

    Movies are compared with each other by 1 - Pearson's correlation over cells at that frame; the lists of dissimilarities of
    two subjects by Spearman's rho-a. At each frame all movies are equally old, so that time itself makes nothing alike, as it can
    in an RSA of all frames.

    Parameters
    ----------
    models : mapping of str to sequence of Responder
        One a seed.
    movies : sequence of Movie
        Of equal length; each is shown after `GREY_FRAMES` of grey.
    trials : int
        How often each is shown; answers are averaged.
    seed : int
        Of the noise.
    controls : bool
        Whether untrained networks are shown the movies too.

    Returns
    -------
    OverTime

    Raises
    ------
    SubjectError
        If models cannot be laid side by side, or movies are too few or of different lengths.

    References
    ----------
    Cichy, Pantazis & Oliva (2014), https://doi.org/10.1038/nn.3635.
    """
    check_models(models)
    if len(movies) < LEAST_MOVIES or len({m.n_frames for m in movies}) != 1:
        allowed = f"{LEAST_MOVIES} or more movies of one length"
        raise SubjectError(sentence("compare.movies", "are too few or unlike", got=[m.n_frames for m in movies], allowed=allowed))
    shown = [after_grey(m) for m in movies]
    learned: dict[str, list[dict[str, Told]]] = {name: [] for name in models}
    born: dict[str, list[dict[str, Told]]] = {name: [] for name in models}
    for name, run, is_born, own in subjects(models, seed, controls):
        told = watch(run, shown, trials, own, first=0)
        order = [s for s in (FORECAST_ROW, *sorted_sites(models)) if s in told]
        (born if is_born else learned)[name].append({site: _kept(told[site]) for site in order})
    pixels = {name: _kept(values) for name, values in references(shown, 0).items()}
    traces = {name: {site: np.stack([run[site].trace for run in runs]) for site in runs[0]} for name, runs in learned.items()}
    return OverTime(lay_beside(learned, born, pixels, _alike), np.arange(-GREY_FRAMES, movies[0].n_frames, dtype=np.float64), traces)


def after_grey(movie: Movie) -> Movie:
    """Put grey frames before a movie.

    Parameters
    ----------
    movie : Movie

    Returns
    -------
    Movie
    """
    grey = np.full((GREY_FRAMES, *movie.size), GREY)
    return Movie(np.concatenate([grey, movie.frames]), movie.frame_ms, movie.name, movie.source)


def _kept(activity: FloatArray) -> Told:
    """From activity of shape (n_movies, n_frames, rows, cols, features)."""
    frames = np.moveaxis(activity, 1, 0).reshape(activity.shape[1], len(activity), -1)
    return Told(np.stack([dissimilarities(f) for f in frames]), activity.mean((0, 2, 3, 4), dtype=np.float64))


def _alike(a: Told, b: Told) -> dict[str, FloatArray]:
    found = rsa_of(a.rdms, b.rdms)
    return {"rsa": found, "mean": np.asarray(found[GREY_FRAMES:].mean())}
