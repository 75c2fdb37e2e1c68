"""A bar without learning: shifts of the last frame, chosen by what has just explained the frame before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.scoring import Frames, check_frames, check_movies, copied, named, score
from snn.errors import DescriptionError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

BETAS = (300.0, 1000.0, 3000.0)
SHIFTS_PX = np.arange(-4, 5) / 2.0
POOL_PX = 9
_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class GatedShift:
    """Forecast by shifts of the last frame, each weighted by how well it has just explained the frame before.

    With S_d the shift by d, bilinear, edges replicated, over the 81 shifts d within 2 px in half steps, and P the mean
    over 9 by 9 pixels (edges replicated)::

        e_d(t) = P[(S_d x(t-2) - x(t-1))**2]
        w_d(t) = exp(-beta e_d(t)) / sum over d of exp(-beta e_d(t))
        forecast(t) = sum over d of w_d(t) S_d x(t-1)

    Nothing is learned but beta.  Frame 1 copies frame 0, and frame 0 is forecast as 0.5.

    Attributes
    ----------
    beta : float
        Sharpness of the choice among shifts, in 1 / squared luminance, >= 0.

    Raises
    ------
    DescriptionError
        If beta is negative or not finite.

    Examples
    --------
    >>> bar = GatedShift(beta=1000.0)
    >>> round(float(bar.forecast(np.full((4, 8, 8), 0.25))[3].mean()), 6)
    0.25
    """

    beta: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.beta) and self.beta >= 0):
            raise DescriptionError(sentence("gated_shift.beta", "not a sharpness", got=self.beta, allowed=">= 0"))

    @classmethod
    def fit(cls, learning_movies: Sequence[Movie]) -> GatedShift:
        """Choose beta among 300, 1000 and 3000: least summed squared error over the scored learning frames.

        Parameters
        ----------
        learning_movies : sequence of Movie
            Clips, each with at least 4 frames.

        Returns
        -------
        GatedShift

        Raises
        ------
        MovieError
            If there are no movies, or one is too short to be scored or smaller than 5 by 5 pixels.
        """
        check_movies(learning_movies, FIRST_SCORED + 1, "gated_shift.fit")
        total = np.zeros(len(BETAS))
        for movie in learning_movies:
            forecasts = _gated(movie.frames, BETAS)
            n_scored = movie.n_frames - FIRST_SCORED
            total += [score(forecast, movie.frames) * n_scored * movie.frames[0].size for forecast in forecasts]
        return cls(BETAS[int(np.argmin(total))])

    def forecast(self, frames: Frames) -> Frames:
        """Forecast every frame from those before it.

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
            If the frames have the wrong shape or are smaller than 5 by 5 pixels.
        """
        check_frames(frames, "gated_shift.forecast")
        return _gated(np.asarray(frames, dtype=np.float64), (self.beta,))[0]

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Give what has been chosen as arrays, for saving: ``beta``, shape ()."""
        return {"beta": np.array(self.beta)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> GatedShift:
        """Build the bar again from `to_arrays`.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As given by `to_arrays`.

        Returns
        -------
        GatedShift

        Raises
        ------
        StateError
            If ``beta`` is missing.
        """
        return cls(float(named(arrays, "gated_shift", "beta")))


def _gated(frames: Frames, betas: Sequence[float]) -> list[Frames]:
    """Gated-shift forecasts for several sharpnesses at once."""
    from scipy.ndimage import uniform_filter

    forecasts = [copied(frames) for _ in betas]
    n_frames, rows, cols = frames.shape
    step = max(1, _CHUNK_NUMBERS // (len(SHIFTS_PX) ** 2 * rows * cols))
    for start in range(2, n_frames, step):
        stop = min(start + step, n_frames)
        shifted = _shifts(frames[start - 2 : stop - 1])
        error = uniform_filter((shifted[:, :-1] - frames[start - 1 : stop - 1]) ** 2, size=(1, 1, POOL_PX, POOL_PX), mode="nearest")
        error -= error.min(axis=0)
        for forecast, beta in zip(forecasts, betas, strict=True):
            weight = np.exp(-beta * error)
            forecast[start:stop] = np.einsum("sfrc,sfrc->frc", weight, shifted[:, 1:]) / weight.sum(axis=0)
    return forecasts


def _shifts(frames: Frames) -> Frames:
    """All candidate shifts of frames, bilinear, edges replicated: (n_shifts, n_frames, rows, cols)."""
    _, rows, cols = frames.shape
    down = [_interpolated(frames, 1, np.arange(rows) + shift) for shift in SHIFTS_PX]
    return np.stack([_interpolated(moved, 2, np.arange(cols) + shift) for moved in down for shift in SHIFTS_PX])


def _interpolated(frames: Frames, axis: int, at: NDArray[np.float64]) -> Frames:
    """Frames read at fractional positions along one axis."""
    at = np.clip(at, 0.0, frames.shape[axis] - 1.0)
    low = np.floor(at).astype(np.int64)
    part = (at - low).reshape([-1 if number == axis else 1 for number in range(frames.ndim)])
    high = np.minimum(low + 1, frames.shape[axis] - 1)
    return np.asarray(frames.take(low, axis) * (1.0 - part) + frames.take(high, axis) * part)
