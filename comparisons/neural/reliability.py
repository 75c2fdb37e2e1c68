"""How much of recorded responses the stimulus explains: what a perfect model could predict, and no more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData, mean_of_known
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream

FloatArray = NDArray[np.float64]
N_SPLITS = 100


class Reliability(NamedTuple):
    """How well units agree with themselves.

    Attributes
    ----------
    half : ndarray, shape (n_units,)
        Correlation of the means of one half of the trials with those of the other, over stimuli; the mean of random halves. NaN where
        it is not defined, as of one trial, or of a unit that never responds.
    explainable : ndarray, shape (n_units,)
        Share of the variance of the mean of all trials that comes from the stimulus: the squared correlation of a perfect model with
        that mean. 0 where halves do not agree at all.
    """

    half: FloatArray
    explainable: FloatArray


def reliability(data: NeuralData, *, n_splits: int = N_SPLITS, seed: int = 0) -> Reliability:
    """Split the trials into halves at random, many times, and correlate them.

    With ``r`` the mean correlation of halves, the mean of all trials is explained by the stimulus to ``k r / (1 + (k - 1) r)`` of its
    variance (Spearman-Brown), where there are ``k`` times as many trials as in a half: 2, or more where one is left over.

    Parameters
    ----------
    data : NeuralData
    n_splits : int
        Number of random splits.
    seed : int
        Of the splits.

    Returns
    -------
    Reliability

    Raises
    ------
    NeuralDataError
        If there is no split.

    References
    ----------
    Spearman (1910), https://doi.org/10.1111/j.2044-8295.1910.tb00206.x; Brown (1910),
    https://doi.org/10.1111/j.2044-8295.1910.tb00207.x; for neurons: Schoppe et al. (2016),
    https://doi.org/10.3389/fncom.2016.00010.
    """
    if n_splits < 1:
        raise NeuralDataError(sentence("reliability.n_splits", "is the number of splits", got=n_splits, allowed=">= 1"))
    half, rng, n = data.n_trials // 2, stream(seed, "reliability"), data.n_trials
    if not half:
        nothing = np.full(data.n_units, np.nan)
        return Reliability(nothing, nothing.copy())
    found = np.empty((n_splits, data.n_units))
    for k in range(n_splits):
        order = rng.permutation(n)
        found[k] = correlations(*(mean_of_known(data.samples[trials]) for trials in (order[:half], order[half : 2 * half])))
    r = mean_of_known(found)
    return Reliability(r, spearman_brown(np.maximum(r, 0.0), n / half))


def spearman_brown(r: FloatArray, times: float) -> FloatArray:
    """Say how reliable a mean of more trials is.

    Parameters
    ----------
    r : ndarray
        Reliability of what there is.
    times : float
        How many times as many trials.

    Returns
    -------
    ndarray, shape as ``r``
    """
    more: FloatArray = times * r / (1.0 + (times - 1.0) * r)
    return more


def correlations(x: FloatArray, y: FloatArray) -> FloatArray:
    """Correlate columns, over the rows in which both are known.

    Parameters
    ----------
    x, y : ndarray, shape (n_samples, n_units)

    Returns
    -------
    ndarray, shape (n_units,)
        NaN where one of them does not vary.
    """
    both = ~(np.isnan(x) | np.isnan(y))
    n = np.maximum(both.sum(axis=0), 1)
    a, b = (np.where(both, z, 0.0) for z in (x, y))
    a, b = (np.where(both, z - z.sum(axis=0) / n, 0.0) for z in (a, b))
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    # What is left of a constant by round-off is no variation.
    whole = np.sqrt(np.where(both, x**2, 0.0).sum(axis=0) * np.where(both, y**2, 0.0).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(size > 1e-12 * whole, (a * b).sum(axis=0) / size, np.nan)
    return found
