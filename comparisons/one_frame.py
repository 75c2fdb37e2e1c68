"""A bar without motion: the best local linear forecast from the last frame alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.scoring import Frames, check_frames, check_movies, copied, named
from snn.errors import DescriptionError, MovieError, StateError, sentence
from snn.stimuli.movie import Movie

RIDGES = tuple(float(10.0**power) for power in np.arange(-6.0, 2.5, 0.5))
_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True, eq=False)
class OneFrame:
    """Best local linear forecast from the last frame alone: what it explains needs no motion signal.

    ``forecast(t) = x(t-1) + bias + sum over the field of weights * x(t-1)``, weights and bias of every pixel its own
    (unshared); pixels outside the frame contribute nothing.  Frame 0 is forecast as 0.5.

    Attributes
    ----------
    weights : ndarray, shape (rows, cols, field, field)
        Weight of each neighbour, for forecasting the change from the last frame.
    bias : ndarray, shape (rows, cols)
        Constant part of the change.
    ridge : float
        Strength of the penalty on squared weights, per learning frame, in squared luminance.

    Raises
    ------
    StateError
        If the shapes do not belong together.

    Examples
    --------
    >>> fade = np.linspace(0, 1, 40)[:, None, None] * np.ones((40, 6, 6))
    >>> bar = OneFrame.fit([Movie(fade)])
    >>> bool(np.abs(bar.forecast(fade) - fade)[1:].max() < 1e-3)
    True
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    ridge: float

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if len(shape) != 4 or shape[2] != shape[3] or shape[2] % 2 == 0 or self.bias.shape != shape[:2]:
            allowed = "(rows, cols, field, field) with an odd field, and (rows, cols)"
            raise StateError(sentence("one_frame.weights", "weights and bias do not fit", got=(shape, self.bias.shape), allowed=allowed))

    @classmethod
    def fit(cls, learning_movies: Sequence[Movie], field: int = 5) -> OneFrame:
        """Fit the ridge regressions of all pixels.

        One ridge strength serves all pixels.  It is chosen on the last tenth of what there is to learn from (whole
        movies when there are ten or more, else the last frames of each), and the fit is then made on all of it.

        Parameters
        ----------
        learning_movies : sequence of Movie
            Clips of one size, each with at least 3 frames.
        field : int, default 5
            Side of the neighbourhood, odd.

        Returns
        -------
        OneFrame

        Raises
        ------
        MovieError
            If there are no movies, one is too short or smaller than the field, or their sizes differ.
        DescriptionError
            If the field is not odd.
        """
        if field < 1 or field % 2 == 0:
            raise DescriptionError(sentence("one_frame.fit.field", "not a neighbourhood", got=field, allowed="odd numbers >= 1"))
        check_movies(learning_movies, 3, "one_frame.fit", field)
        size = learning_movies[0].size
        for movie in learning_movies:
            if movie.size != size:
                problem, cure = f"movie {movie.name!r} differs in size from the first", "fit one bar a size"
                raise MovieError(sentence("one_frame.fit", problem, got=movie.size, allowed=str(size), cure=cure))
        early, late = _Moments(size, field), _Moments(size, field)
        by_movie = len(learning_movies) >= 10
        for number, movie in enumerate(learning_movies):
            cut = movie.n_frames - max(1, (movie.n_frames - 1) // 10)
            if by_movie:
                cut = movie.n_frames if number < len(learning_movies) - len(learning_movies) // 10 else 1
            early.add(movie.frames[:cut])
            late.add(movie.frames[cut - 1 :])
        ridge = min(RIDGES, key=lambda strength: late.error(*early.solve(strength)))
        weights, bias = (early + late).solve(ridge)
        return cls(weights.reshape(*size, field, field), bias.reshape(size), ridge)

    def forecast(self, frames: Frames) -> Frames:
        """Forecast every frame from the one before it.

        Parameters
        ----------
        frames : ndarray, shape (n_frames, rows, cols)
            Luminance.

        Returns
        -------
        ndarray, shape (n_frames, rows, cols)

        Raises
        ------
        MovieError
            If the frames are not of the size that was learned.
        """
        field = self.weights.shape[2]
        check_frames(frames, "one_frame.forecast", field)
        if frames.shape[1:] != self.bias.shape:
            problem, cure = "the frames differ in size from those learned", "fit the bar on movies of this size"
            raise MovieError(sentence("one_frame.forecast", problem, got=frames.shape[1:], allowed=str(self.bias.shape), cure=cure))
        forecast = copied(frames)
        for t in range(1, len(frames)):
            forecast[t] += self.bias + np.einsum("rcab,rcab->rc", _windows(frames[t - 1 : t], field)[0], self.weights)
        return forecast

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Give what was learned as arrays, for saving: ``weights``, ``bias`` and ``ridge``, shape ()."""
        return {"weights": self.weights, "bias": self.bias, "ridge": np.array(self.ridge)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> OneFrame:
        """Build the bar again from `to_arrays`.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As given by `to_arrays`.

        Returns
        -------
        OneFrame

        Raises
        ------
        StateError
            If an array is missing or its shape does not fit.
        """
        weights, bias = (named(arrays, "one_frame", name) for name in ("weights", "bias"))
        return cls(weights, bias, float(named(arrays, "one_frame", "ridge")))


class _Moments:
    """Sums over frames, for every pixel, from which its regression is solved: features [field, 1], target change."""

    def __init__(self, size: tuple[int, int], field: int) -> None:
        self.size, self.field = size, field
        n_pixels, n_features = size[0] * size[1], field * field + 1
        self.count = 0
        self.gram = np.zeros((n_pixels, n_features, n_features))
        self.cross = np.zeros((n_pixels, n_features))
        self.power = np.zeros(n_pixels)

    def add(self, frames: Frames) -> None:
        """Add every pair of successive frames."""
        (rows, cols), n_features = self.size, self.field**2 + 1
        n_pairs = len(frames) - 1
        if n_pairs < 1:
            return
        change, windows = np.diff(frames, axis=0), _windows(frames[:-1], self.field)
        step = max(1, _CHUNK_NUMBERS // (n_pairs * cols * n_features))
        for row in range(0, rows, step):
            stop = min(row + step, rows)
            part = slice(row * cols, stop * cols)
            features = np.ones((part.stop - part.start, n_pairs, n_features))
            features[..., :-1] = windows[:, row:stop].reshape(n_pairs, -1, n_features - 1).swapaxes(0, 1)
            target = change[:, row:stop].reshape(n_pairs, -1).T
            turned = features.swapaxes(1, 2)
            self.gram[part] += turned @ features
            self.cross[part] += (turned @ target[..., None])[..., 0]
            self.power[part] += (target**2).sum(axis=1)
        self.count += n_pairs

    def __add__(self, other: _Moments) -> _Moments:
        """Add the sums of both."""
        both = _Moments(self.size, self.field)
        both.count = self.count + other.count
        both.gram, both.cross, both.power = self.gram + other.gram, self.cross + other.cross, self.power + other.power
        return both

    def solve(self, strength: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (n_pixels, field²) and bias (n_pixels,) that minimise mean error² + strength · Σ weights²."""
        mean, target_mean = self.gram[:, :-1, -1] / self.count, self.cross[:, -1] / self.count
        spread = self.gram[:, :-1, :-1] / self.count - mean[:, :, None] * mean[:, None, :]
        together = self.cross[:, :-1] / self.count - mean * target_mean[:, None]
        spread[:, np.arange(mean.shape[1]), np.arange(mean.shape[1])] += strength
        weights = np.linalg.solve(spread, together[..., None])[..., 0]
        return np.asarray(weights), np.asarray(target_mean - (weights * mean).sum(axis=1))

    def error(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> float:
        """Sum the squared error of given weights over these frames."""
        full = np.concatenate([weights, bias[:, None]], axis=1)
        explained = np.einsum("pf,pfg,pg->", full, self.gram, full, optimize=True) - 2 * (full * self.cross).sum()
        return float(self.power.sum() + explained)


def _windows(frames: Frames, field: int) -> Frames:
    """Neighbourhood of every pixel, zeros outside the frame: view of shape (n_frames, rows, cols, field, field)."""
    half = field // 2
    padded = np.pad(frames, ((0, 0), (half, half), (half, half)))
    return np.lib.stride_tricks.sliding_window_view(padded, (1, field, field))[:, :, :, 0]
