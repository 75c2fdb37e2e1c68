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
RELIABLE = 0.5
"""Agreement of halves above which a unit is called reliable."""


class Reliability(NamedTuple):
    """How well units agree with themselves.

    Attributes
    ----------
    half : ndarray, shape (n_units,)
        Correlation of the means of one half of the trials with those of the other, over stimuli; the mean of random halves, of which
        those without a correlation count as 0. NaN where it is not defined, as of one trial, or of a unit that was left out.
    noise : ndarray, shape (n_units,)
        Variance of the mean over trials that comes from the noise of trials, as a mean over stimuli.
    explainable : ndarray, shape (n_units,)
        Share of the variance of the mean over trials that comes from the stimulus: the squared correlation of a perfect model with that
        mean. 0 where there is no more variance than noise brings; NaN as ``half``.
    p : ndarray, shape (n_units,)
        How likely means as different would be if the stimulus did nothing, by an analysis of variance; NaN as ``half``.
    """

    half: FloatArray
    noise: FloatArray
    explainable: FloatArray
    p: FloatArray


def reliability(data: NeuralData, *, n_splits: int = N_SPLITS, seed: int = 0) -> Reliability:
    """Say how much of the responses comes from the stimulus.

    With ``s_i^2`` the variance of the ``n_i`` trials that are known of stimulus ``i``, noise brings a variance of ``<s_i^2 / n_i>`` into
    the means over trials; what they have beyond it comes from the stimulus. That needs no halves, and trials may be missing.

    Parameters
    ----------
    data : NeuralData
    n_splits : int
        Number of random halves, for the correlation of halves alone.
    seed : int
        Of the halves.

    Returns
    -------
    Reliability

    Raises
    ------
    NeuralDataError
        If there is no split.

    References
    ----------
    Sahani & Linden (2003), "How linear are auditory cortical responses?", NIPS 15; halves: Spearman (1910),
    https://doi.org/10.1111/j.2044-8295.1910.tb00206.x.

    Notes
    -----
    *Departures*: stimuli with one known trial tell nothing of noise, and get the mean variance of the others.
    """
    if n_splits < 1:
        raise NeuralDataError(sentence("reliability.n_splits", "is the number of splits", got=n_splits, allowed=">= 1"))
    noise, explainable, p = _variances(data)
    half, rng, n = data.n_trials // 2, stream(seed, "reliability"), data.n_trials
    found = np.full((n_splits, data.n_units), np.nan)
    for k in range(n_splits if half else 0):
        order = rng.permutation(n)
        found[k] = correlations(*(mean_of_known(data.samples[trials]) for trials in (order[:half], order[half : 2 * half])))
    halves = np.where(np.isnan(explainable), np.nan, np.nan_to_num(found).mean(axis=0))
    return Reliability(halves, noise, explainable, p)


def _variances(data: NeuralData) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Noise in the means, share of the stimulus, and the analysis of variance, of each unit."""
    from scipy.stats import f

    known = ~np.isnan(data.samples)
    counts, n = known.sum(axis=0), data.means.shape[0]
    squares = np.where(known, data.samples - data.means, 0.0) ** 2
    free = np.maximum(counts - 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = squares.sum(axis=(0, 1)) / free.sum(axis=0)
        of_each = np.where(counts > 1, squares.sum(axis=0) / free, within)
        noise = (of_each / counts).mean(axis=0)
        total = data.means.var(axis=0, ddof=1)
        explainable = np.maximum(1.0 - noise / total, 0.0)
        grand = (counts * data.means).sum(axis=0) / counts.sum(axis=0)
        between = (counts * (data.means - grand) ** 2).sum(axis=0) / (n - 1)
        p = f.sf(between / within, n - 1, free.sum(axis=0))
    # Without any noise the stimulus does all, and certainly.
    silent = within == 0
    explainable, p = np.where(silent, 1.0, explainable), np.where(silent, 0.0, p)
    unknown = np.array([u in data.left_out for u in range(data.n_units)]) | (free.sum(axis=0) == 0)
    return np.where(unknown, np.nan, noise), np.where(unknown, np.nan, explainable), np.where(unknown, np.nan, p)


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
    sizes = [np.sqrt((z**2).sum(axis=0)) for z in (a, b)]
    # What is left of a constant by round-off is no variation.
    varies = [size > 1e-12 * np.sqrt(np.where(both, z**2, 0.0).sum(axis=0)) for size, z in zip(sizes, (x, y), strict=True)]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(varies[0] & varies[1], (a * b).sum(axis=0) / (sizes[0] * sizes[1]), np.nan)
    return found
