"""How alike a population and recorded neurons tell stimuli apart: dissimilarities and kernels, and what noise leaves of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData, mean_of_known
from comparisons.representation import LEAST_FRAMES, covariation, gram, rsa_of
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MOST_SAMPLES = 300
"""Samples that are compared with each other; of more, as many are drawn."""
N_SPLITS = 20
LEAST_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Recorded:
    """What recorded neurons say of how stimuli differ.

    Attributes
    ----------
    samples : ndarray of int, shape (n,)
        Those that are compared.
    distances : ndarray, shape (n, n)
        Squared distances without what noise adds to them, so that small ones are often negative; NaN of pairs without two trials.
    gram : ndarray, shape (n, n)
        Of the means over trials, as `representation.gram`.
    bins : ndarray of int, shape (n,)
        In which bin each sample is: only those of one bin are compared with each other, since time itself makes alike. All 0 where
        responses are not in time.
    rsa_ceiling, cka_ceiling : float
        What a population that has no noise, and all that these neurons have, would get; NaN where it is unknown. That of RSA is somewhat
        too low where trials are few: halves of four trials have one pair each, all have six.
    """

    samples: IntArray
    distances: FloatArray
    gram: FloatArray
    bins: IntArray
    rsa_ceiling: float
    cka_ceiling: float

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """Pairs that count for RSA, shape (n, n)."""
        return _of_one_bin(self.bins)


def recorded(data: NeuralData, *, seed: int = 0) -> Recorded:
    """Compare the responses to stimuli with each other.

    Units are divided by their spread over trials and stimuli. Distances are cross-validated over trials: noise that two trials do not
    share adds nothing to them. The ceiling of RSA is ``sqrt(2 r / (1 + r))`` with ``r`` the agreement of halves of the trials (Spearman and
    Brown), that of CKA ``sqrt(H(A, B) / H(Y, Y))`` with ``A`` and ``B`` the kernels of halves and ``Y`` that of all trials; both are means
    over random halves.

    Parameters
    ----------
    data : NeuralData
        Units that are left out there are left out here.
    seed : int
        Of the samples, where there are too many, and of the halves.

    Returns
    -------
    Recorded

    Raises
    ------
    NeuralDataError
        If there are too few samples, or no unit.

    References
    ----------
    Walther et al. (2016), https://doi.org/10.1016/j.neuroimage.2015.12.012; Nili et al. (2014),
    https://doi.org/10.1371/journal.pcbi.1003553; Kornblith et al. (2019), https://doi.org/10.48550/arXiv.1905.00414.
    """
    n = data.samples.shape[1]
    rng = stream(seed, "similarity")
    samples = np.sort(rng.permutation(n)[:MOST_SAMPLES])
    values = data.samples[:, samples]
    kept = [u for u in range(data.n_units) if u not in data.left_out and np.nanstd(values[..., u]) > 0]
    if n < LEAST_SAMPLES or not kept:
        got, allowed = (n, len(kept)), f"{LEAST_SAMPLES} samples or more, and a unit"
        raise NeuralDataError(sentence(data.name, "has too little to be compared", got=got, allowed=allowed))
    values = values[..., kept] / np.nanstd(values[..., kept], axis=(0, 1))
    means, bins = mean_of_known(values), samples % (n // data.n_stimuli)
    ceilings = _ceilings(values, means, bins, rng)
    return Recorded(samples, unbiased_distances(values), gram(means), bins, *ceilings)


def _of_one_bin(bins: IntArray) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = bins[:, None] == bins[None]
    return same


def _ceilings(values: FloatArray, means: FloatArray, bins: IntArray, rng: np.random.Generator) -> tuple[float, float]:
    """Agreement of halves of the trials; units that lack a stimulus in one of them are left out of both."""
    n, comparable = len(values), _of_one_bin(bins)
    rsa, cka = np.full((2, N_SPLITS), np.nan)
    whole = gram(means)
    for k in range(N_SPLITS if n > 1 else 0):
        order = rng.permutation(n)
        halves = [values[order[: n // 2]], values[order[n // 2 : 2 * (n // 2)]]]
        known = ~np.any([np.isnan(mean_of_known(half)).any(axis=0) for half in halves], axis=0)
        if not known.any():
            continue
        halves = [half[..., known] for half in halves]
        all_of_them = whole if known.all() else gram(means[:, known])
        shared = _within_bins(gram(mean_of_known(halves[0])), gram(mean_of_known(halves[1])), bins)
        power = _within_bins(all_of_them, all_of_them, bins)
        cka[k] = np.sqrt(max(0.0, shared) / power) if power > 0 else np.nan
        if n >= 4:
            r = max(0.0, alike(unbiased_distances(halves[0]), unbiased_distances(halves[1]), comparable))
            rsa[k] = np.sqrt(2 * r / (1 + r))
    return _mean_of_defined(rsa), _mean_of_defined(cka)


def _mean_of_defined(values: FloatArray) -> float:
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))


def unbiased_distances(values: FloatArray) -> FloatArray:
    """Square the distances of stimuli, of every trial with every other.

    ``d_ij = mean over units and over trials a != b of (x_ia - x_ja)(x_ib - x_jb)``: its mean over noise is the squared distance of the
    means without noise. Each product is taken over the pairs of trials in which both are known.

    Parameters
    ----------
    values : ndarray, shape (n_trials, n_stimuli, n_units)
        NaN where a unit was not recorded.

    Returns
    -------
    ndarray, shape (n_stimuli, n_stimuli)
        NaN where no unit has two trials of what is compared.

    References
    ----------
    Walther et al. (2016), https://doi.org/10.1016/j.neuroimage.2015.12.012.
    """
    n, n_units = values.shape[1:]
    total, counted = np.zeros((n, n)), np.zeros((n, n))
    for unit in range(n_units):
        mine = values[..., unit]
        known = (~np.isnan(mine)).astype(np.float64)
        mine = np.nan_to_num(mine)
        sums, counts = mine.sum(axis=0), known.sum(axis=0)
        pairs = np.outer(counts, counts) - known.T @ known
        with np.errstate(invalid="ignore", divide="ignore"):
            inner = (np.outer(sums, sums) - mine.T @ mine) / pairs
        found = _from_products(inner)
        defined = ~np.isnan(found)
        total[defined] += found[defined]
        counted += defined
    with np.errstate(invalid="ignore"):
        mean: FloatArray = total / counted
    return mean


def distances(features: FloatArray) -> FloatArray:
    """Square the distances of stimuli in features.

    Parameters
    ----------
    features : ndarray, shape (n_stimuli, n_features)

    Returns
    -------
    ndarray, shape (n_stimuli, n_stimuli)
        Mean over features.
    """
    centred = features - features.mean(axis=0)
    return np.maximum(_from_products(centred @ centred.T / features.shape[1]), 0.0)


def _from_products(inner: FloatArray) -> FloatArray:
    lengths = np.diag(inner)
    found: FloatArray = lengths[:, None] + lengths[None] - 2.0 * inner
    return found


def alike(one: FloatArray, other: FloatArray, comparable: NDArray[np.bool_] | None = None, among: IntArray | None = None) -> float:
    """Compare two matrices of dissimilarities by Spearman's rho-a, through rsatoolbox.

    Parameters
    ----------
    one, other : ndarray, shape (n, n)
    comparable : ndarray of bool, shape (n, n), optional
        Pairs that count; all when left out.
    among : ndarray of int, optional
        Stimuli of which pairs count; all when left out.

    Returns
    -------
    float
        NaN where half of the pairs are not defined in both, or there is none.
    """
    chosen = np.arange(len(one)) if among is None else among
    rows, cols = (chosen[k] for k in np.triu_indices(len(chosen), 1))
    if comparable is not None:
        counts = comparable[rows, cols]
        rows, cols = rows[counts], cols[counts]
    if len(rows) < 2:
        return float("nan")
    return float(rsa_of(one[rows, cols][None], other[rows, cols][None])[0])


def _within_bins(one: FloatArray, other: FloatArray, bins: IntArray) -> float:
    """Add up the covariation of stimuli of every bin: samples of one film are no samples of their own, if what answers is slow."""
    found = 0.0
    for b in np.unique(bins):
        here = np.flatnonzero(bins == b)
        if len(here) >= LEAST_FRAMES:
            part = np.ix_(here, here)
            found += covariation(one[part], other[part])
    return found


def kernels_alike(one: FloatArray, other: FloatArray, among: IntArray | None = None, bins: IntArray | None = None) -> float:
    """Compare two Gram matrices by centred kernel alignment without bias, bin by bin.

    Parameters
    ----------
    one, other : ndarray, shape (n, n)
        From `representation.gram`; what centred them does not matter.
    among : ndarray of int, optional
        Samples that count; all when left out.
    bins : ndarray of int, shape (n,), optional
        As of `Recorded`; all in one when left out.

    Returns
    -------
    float
        NaN where one of them does not change.
    """
    bins = np.zeros(len(one), dtype=np.int64) if bins is None else bins
    if among is not None:
        part = np.ix_(among, among)
        one, other, bins = one[part], other[part], bins[among]
    norm = _within_bins(one, one, bins) * _within_bins(other, other, bins)
    return _within_bins(one, other, bins) / float(np.sqrt(norm)) if norm > 0 else float("nan")
