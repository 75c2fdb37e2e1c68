"""How alike two populations represent the same frames: kernels, dissimilarities, dimensions, and reading one from the other."""

from __future__ import annotations

import numpy as np

from comparisons.responder import FloatArray
from snn.errors import SubjectError, sentence

RIDGE = 1e-3
"""Weight of the penalty in `readout_nrmse`, as a share of the mean variance of the features."""
LEAST_FRAMES = 4
"""With less there is no estimate without bias."""
LEAST_PAIRS = 0.5
"""Share of the pairs of frames that must have a dissimilarity in both populations for their similarity to mean anything."""


def linear_cka(x: FloatArray, y: FloatArray) -> float:
    """Centred kernel alignment with linear kernels, without its bias.

    ``H(K, L) / sqrt(H(K, K) H(L, L))`` of Gram matrices of frames without their diagonals, with the estimator of ``H`` that is 0 in
    the mean for unrelated populations, however many cells they have: 1 where one is the other, turned, mirrored or scaled as a
    whole; about 0, of either sign, where nothing of one is in the other.

    Parameters
    ----------
    x, y : ndarray, shape (n_frames, n_cells)
        At least 4 frames; the numbers of cells may differ.

    Returns
    -------
    float
        NaN where one of them does not change.

    Raises
    ------
    SubjectError
        If they are of different numbers of frames.

    References
    ----------
    Kornblith, Norouzi, Lee & Hinton (2019), https://doi.org/10.48550/arXiv.1905.00414; without bias: Song, Smola, Gretton,
    Bedo & Borgwardt (2012), https://www.jmlr.org/papers/v13/song12a.html.
    """
    _same_frames(x, y)
    return cka_of_grams(gram(x), gram(y))


def gram(x: FloatArray) -> FloatArray:
    """Multiply frames with each other: all that `linear_cka` needs to know of a population.

    Parameters
    ----------
    x : ndarray, shape (n_frames, n_cells)

    Returns
    -------
    ndarray, shape (n_frames, n_frames)
        Of the cells less their means over frames; the diagonal is 0. All 0 where nothing changes.
    """
    centred = x - x.mean(0)
    if float(np.ptp(x, axis=0).max()) < 1e-12:
        return np.zeros((len(x), len(x)))
    found: FloatArray = np.asarray(centred @ centred.T, dtype=np.float64)
    np.fill_diagonal(found, 0.0)
    return found


def cka_of_grams(one: FloatArray, other: FloatArray) -> float:
    """Do the second half of `linear_cka`.

    Parameters
    ----------
    one, other : ndarray, shape (n_frames, n_frames)
        From `gram`.

    Returns
    -------
    float
        NaN where one of them does not change.
    """
    if len(one) < LEAST_FRAMES:
        return float("nan")
    norm = covariation(one, one) * covariation(other, other)
    return covariation(one, other) / float(np.sqrt(norm)) if norm > 0 else float("nan")


def covariation(k: FloatArray, m: FloatArray) -> float:
    """Estimate the Hilbert-Schmidt independence criterion of two populations, without bias.

    Parameters
    ----------
    k, m : ndarray, shape (n_frames, n_frames)
        From `gram`, or parts of it: means that were taken from cells do not change it.

    Returns
    -------
    float
        0 in the mean for unrelated populations.

    References
    ----------
    Song, Smola, Gretton, Bedo & Borgwardt (2012), https://www.jmlr.org/papers/v13/song12a.html.
    """
    n = len(k)
    total = float((k * m).sum()) + float(k.sum() * m.sum()) / ((n - 1) * (n - 2)) - 2.0 * float(k.sum(0) @ m.sum(0)) / (n - 2)
    return total / (n * (n - 3))


def rsa(x: FloatArray, y: FloatArray) -> float:
    """Similarity of the dissimilarities of frames.

    Frames are compared with each other by 1 - Pearson's correlation over cells, in each population; the two matrices that this
    gives are compared by Spearman's rho-a. Computed by rsatoolbox.

    Parameters
    ----------
    x, y : ndarray, shape (n_frames, n_cells)

    Returns
    -------
    float
        Over the pairs of frames in which both have an answer that is not the same in all cells; NaN where these are too few.

    Raises
    ------
    SubjectError
        If they are of different numbers of frames.

    References
    ----------
    Kriegeskorte, Mur & Bandettini (2008), https://doi.org/10.3389/neuro.06.004.2008; Nili et al. (2014),
    https://doi.org/10.1371/journal.pcbi.1003553.
    """
    _same_frames(x, y)
    return float(rsa_of(dissimilarities(x)[None], dissimilarities(y)[None])[0])


def dissimilarities(x: FloatArray) -> FloatArray:
    """Compare frames with each other: all that `rsa` needs to know of a population.

    Parameters
    ----------
    x : ndarray, shape (n_frames, n_cells)

    Returns
    -------
    ndarray, shape (n_frames (n_frames - 1) / 2,)
        1 - Pearson's correlation over cells; NaN for pairs with a frame that is silent, or constant over cells.
    """
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    values = np.ascontiguousarray(x, dtype=np.float64)
    alive = np.flatnonzero(values.std(1) > 1e-9 * np.abs(values).max(1))
    square = np.full((len(x), len(x)), np.nan)
    if len(alive) > 1 and x.shape[1] > 1:
        square[np.ix_(alive, alive)] = calc_rdm(Dataset(values[alive]), method="correlation").get_matrices()[0]
    found: FloatArray = square[np.triu_indices(len(x), 1)]
    return found


def rsa_of(one: FloatArray, other: FloatArray) -> FloatArray:
    """Do the second half of `rsa`, for several pairs of populations, or of moments.

    Parameters
    ----------
    one, other : ndarray, shape (n, n_pairs)
        Dissimilarities of the same pairs of frames.

    Returns
    -------
    ndarray, shape (n,)
        Spearman's rho-a of each row with the same row of the other, over the pairs that are defined in both; NaN where these are
        fewer than `LEAST_PAIRS` of all.
    """
    from rsatoolbox.rdm import compare

    known = ~(np.isnan(one) | np.isnan(other))
    found = np.full(len(one), np.nan)
    for k in np.flatnonzero(known.mean(1) >= LEAST_PAIRS):
        found[k] = compare(one[k, known[k]][None], other[k, known[k]][None], method="rho-a")[0, 0]
    return found


def participation_ratio(x: FloatArray) -> float:
    """Count the dimensions in which a population moves.

    ``(sum of eigenvalues)^2 / sum of their squares``, of the covariance of the cells over frames.

    Parameters
    ----------
    x : ndarray, shape (n_frames, n_cells)

    Returns
    -------
    float
        Between 1 and the smaller of both numbers; NaN where nothing changes.

    References
    ----------
    Gao et al. (2017), https://doi.org/10.1101/214262.
    """
    centred = x - x.mean(0)
    gram = centred @ centred.T if len(x) < x.shape[1] else centred.T @ centred
    total, squares = float(np.trace(gram)), float((gram**2).sum())
    return total**2 / squares if squares > 0 else float("nan")


def lag_of(x: FloatArray, y: FloatArray, most: int) -> tuple[int, float]:
    """Find by how many bins a trajectory comes after another.

    Parameters
    ----------
    x, y : ndarray, shape (n_clips, n_bins)
        Of both, for the same clips.
    most : int
        Largest lag that is tried.

    Returns
    -------
    int
        Lag of ``y`` behind ``x`` with the largest correlation; of equal ones the smallest.
    float
        That correlation; NaN where one of them does not change.
    """
    found = {}
    for lag in sorted(range(-most, most + 1), key=abs):
        a = x[:, max(0, -lag) : x.shape[1] - max(0, lag)]
        b = y[:, max(0, lag) : y.shape[1] - max(0, -lag)]
        found[lag] = correlation(a, b)
    best = max(found, key=lambda lag: -np.inf if np.isnan(found[lag]) else found[lag])
    return best, found[best]


def correlation(x: FloatArray, y: FloatArray) -> float:
    """Pearson's correlation of all numbers of two arrays.

    Parameters
    ----------
    x, y : ndarray, of equal shape

    Returns
    -------
    float
        NaN where one does not change.
    """
    a, b = x.ravel() - x.mean(), y.ravel() - y.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-12 else float("nan")


def readout_nrmse(x: FloatArray, y: FloatArray) -> float:
    """Error with which one population can be read from another at the same place, by one linear map for all places.

    The map (ridge) is fitted on the even clips and tested on the odd ones, and the other way round.

    Parameters
    ----------
    x : ndarray, shape (n_clips, n_bins, rows, cols, features)
        What is to be read.
    y : ndarray, shape (n_clips, n_bins, rows, cols, other_features)
        What it is read from.

    Returns
    -------
    float
        Root of the squared error over the variance of ``x``: 0 for a perfect reading, 1 for a guess of the mean.

    Raises
    ------
    SubjectError
        If places or bins differ, or there is one clip only.
    """
    if x.shape[:4] != y.shape[:4] or len(x) < 2:
        problem = "two populations of the same places, bins and at least 2 clips are needed"
        raise SubjectError(sentence("readout_nrmse", problem, got=(x.shape, y.shape)))
    missed = spread = 0.0
    for first in (0, 1):
        (fit_x, fit_y), (test_x, test_y) = ([v[k::2].reshape(-1, v.shape[-1]) for v in (x, y)] for k in (first, 1 - first))
        mean_x, mean_y = fit_x.mean(0), fit_y.mean(0)
        centred = fit_y - mean_y
        gram = centred.T @ centred
        penalty = RIDGE * float(np.trace(gram)) / len(gram) + 1e-12
        weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), centred.T @ (fit_x - mean_x))
        missed += float(((test_x - mean_x - (test_y - mean_y) @ weights) ** 2).sum())
        spread += float(((test_x - mean_x) ** 2).sum())
    return float(np.sqrt(missed / spread)) if spread > 0 else float("nan")


def _same_frames(x: FloatArray, y: FloatArray) -> None:
    if len(x) != len(y):
        raise SubjectError(sentence("representation", "two populations saw different numbers of frames", got=(len(x), len(y))))
