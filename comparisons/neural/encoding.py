"""How well features predict recorded neurons: regression on some stimuli, tested on others that have nothing to do with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData
from comparisons.neural.reliability import Reliability, correlations, reliability
from snn.errors import NeuralDataError, nearest, sentence
from snn.seeding import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Method = Literal["ridge", "pls"]
N_FOLDS = 5
ALPHAS = tuple(10.0**k for k in range(-4, 7))
"""Penalties that are tried, as multiples of the mean variance of the features times their number over that of samples."""
MOST_ITERATIONS = 20_000
COMPONENTS = (0, 1, 2, 4, 8, 16, 25)
"""Numbers of components of partial least squares that are tried; with none the mean is the prediction."""
LEAST_EXPLAINABLE = 0.1
"""Units of which the stimulus explains less are not divided by it: their ceiling is too uncertain."""
Fold = tuple[IntArray, IntArray]


@dataclass(frozen=True, eq=False)
class Encoding:
    """Predictions of responses to stimuli that were not learned from.

    Attributes
    ----------
    predicted : ndarray, shape (n_samples, n_units)
        Of the mean over trials; NaN for units that were left out.
    correlation : ndarray, shape (n_units,)
        With the mean over trials, both less the mean of the learning samples: that mean is the lower, the higher the samples are that it
        has to forecast, so that nothing known would be worse than nothing otherwise (-0.2 with five folds of 800 stimuli). 0 where nothing
        but that mean is predicted.
    explained : ndarray, shape (n_units,)
        Share of the variance around the mean of the learning samples that is explained: 0 is that mean, below it is worse than it.
    of_ceiling : ndarray, shape (n_units,)
        The same over what a perfect model could explain; NaN where that is unknown or below `LEAST_EXPLAINABLE`.
    chosen : ndarray, shape (n_folds, n_units)
        Penalty (ridge) or number of components (PLS) of each unit in each fold.
    left_out : dict of int to str
        Units without a score over the ceiling, and why.
    """

    predicted: FloatArray
    correlation: FloatArray
    explained: FloatArray
    of_ceiling: FloatArray
    chosen: FloatArray
    left_out: dict[int, str]


def encode(
    features: FloatArray,
    data: NeuralData,
    *,
    method: Method = "ridge",
    n_folds: int = N_FOLDS,
    seed: int = 0,
    ceiling: Reliability | None = None,
) -> Encoding:
    """Predict each unit linearly from features, cross-validated by groups.

    Penalties, or numbers of components, are chosen for each unit by cross-validation within the learning samples, by groups too. Features
    are centred with means of the learning samples, and not scaled.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        Of a population, for each stimulus, or for each bin of each stimulus.
    data : NeuralData
    method : {'ridge', 'pls'}
        Ridge regression, or partial least squares.
    n_folds : int
        At the most; with fewer groups each of them is a fold.
    seed : int
        Of the groups' order.
    ceiling : Reliability, optional
        Of the data; it is computed where it is left out.

    Returns
    -------
    Encoding

    Raises
    ------
    NeuralDataError
        If features are of another number of samples, not finite or all constant, or there is no such method or fold.

    References
    ----------
    Yamins et al. (2014), https://doi.org/10.1073/pnas.1403112111; ridge: Hoerl & Kennard (1970),
    https://doi.org/10.1080/00401706.1970.10488634; PLS: Wold, Sjostrom & Eriksson (2001),
    https://doi.org/10.1016/S0169-7439(01)00155-1; explained variance over the ceiling: Schoppe et al. (2016),
    https://doi.org/10.3389/fncom.2016.00010.
    """
    x = condensed(_checked(features, data, method))
    ceiling = reliability(data, seed=seed) if ceiling is None else ceiling
    kept = np.array([u for u in range(data.n_units) if u not in data.left_out], dtype=np.int64)
    y = data.means[:, kept]
    folds = list(grouped_folds(data.sample_groups, n_folds, seed))
    predicted, baseline = np.full_like(data.means, np.nan), np.empty_like(data.means)
    chosen = np.full((len(folds), data.n_units), np.nan)
    for k, (learn, test) in enumerate(folds):
        chosen[k, kept] = best = _best(x[learn], y[learn], data.sample_groups[learn], method, n_folds, seed)
        baseline[test] = data.means[learn].mean(axis=0)
        predicted[np.ix_(test, kept)] = _with(_predictions(x[learn], y[learn], x[test], method), best, method)
    told, truth = predicted - baseline, data.means - baseline
    explained = np.full(data.n_units, np.nan)
    explained[kept] = 1.0 - ((truth - told)[:, kept] ** 2).sum(axis=0) / (truth[:, kept] ** 2).sum(axis=0)
    left_out = dict(data.left_out) | {u: why for u in kept.tolist() if (why := _no_ceiling(float(ceiling.explainable[u])))}
    scored = np.array([u not in left_out for u in range(data.n_units)])
    of_ceiling = np.where(scored, explained / np.maximum(ceiling.explainable, LEAST_EXPLAINABLE), np.nan)
    correlation = correlations(told, truth)
    correlation[kept] = np.nan_to_num(correlation[kept])
    return Encoding(predicted, correlation, explained, of_ceiling, chosen, left_out)


def _no_ceiling(explainable: float) -> str:
    if np.isnan(explainable):
        return "one trial only: its ceiling is unknown"
    least = f"the stimulus explains {explainable:.0%} of its mean response, less than {LEAST_EXPLAINABLE:.0%}"
    return least if explainable < LEAST_EXPLAINABLE else ""


def grouped_folds(groups: IntArray, n_folds: int, seed: int) -> Iterator[Fold]:
    """Split samples so that no group is on both sides.

    Groups go to folds from the largest to the smallest, each to the fold that has least samples so far; those of one size in an order
    that the seed draws.

    Parameters
    ----------
    groups : ndarray of int, shape (n_samples,)
    n_folds : int
        At the most; with fewer groups each of them is a fold.
    seed : int

    Yields
    ------
    (ndarray of int, ndarray of int)
        Samples to learn from and to test on; each sample is tested once.

    Raises
    ------
    NeuralDataError
        If there are less than two folds or groups.
    """
    names, sizes = np.unique(groups, return_counts=True)
    n = min(n_folds, len(names))
    if n < 2:
        raise NeuralDataError(sentence("folds", "need two groups", got=(n_folds, len(names)), allowed=">= 2 folds and groups"))
    order = stream(seed, "folds").permutation(len(names))
    load, fold_of = np.zeros(n), dict[int, int]()
    for k in order[np.argsort(-sizes[order], kind="stable")]:
        lightest = int(np.argmin(load))
        fold_of[int(names[k])], load[lightest] = lightest, load[lightest] + sizes[k]
    of_sample = np.array([fold_of[int(g)] for g in groups])
    for fold in range(n):
        yield np.flatnonzero(of_sample != fold), np.flatnonzero(of_sample == fold)


def condensed(x: FloatArray) -> FloatArray:
    """Turn features so that they have no more dimensions than samples, without moving the samples with respect to each other.

    Ridge regression and partial least squares know features by their inner products alone: what they predict stays the same.

    Parameters
    ----------
    x : ndarray, shape (n_samples, n_features)

    Returns
    -------
    ndarray, shape (n_samples, min(n_samples, n_features))
    """
    if x.shape[1] <= x.shape[0]:
        return x
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    turned: FloatArray = u * s
    return turned


def ridge_predictions(x: FloatArray, y: FloatArray, x_test: FloatArray, alphas: FloatArray) -> FloatArray:
    """Predict by ridge regression with several penalties at once.

    Minimises ``|y - y0 - (x - x0) w|^2 + alpha |w|^2``, with means ``x0`` and ``y0`` of the learning samples.

    Parameters
    ----------
    x : ndarray, shape (n_samples, n_features)
    y : ndarray, shape (n_samples, n_units)
    x_test : ndarray, shape (n_test, n_features)
    alphas : ndarray, shape (n_alphas,)

    Returns
    -------
    ndarray, shape (n_alphas, n_test, n_units)
    """
    x0, y0 = x.mean(axis=0), y.mean(axis=0)
    u, s, vt = np.linalg.svd(x - x0, full_matrices=False)
    told, projected = u.T @ (y - y0), (x_test - x0) @ vt.T
    return np.array([y0 + (projected * (s / (s**2 + alpha))) @ told for alpha in alphas])


def pls_predictions(x: FloatArray, y: FloatArray, x_test: FloatArray, components: tuple[int, ...]) -> FloatArray:
    """Predict by partial least squares with several numbers of components, all units together.

    Parameters
    ----------
    x, y, x_test : ndarray
        As of `ridge_predictions`.
    components : tuple of int

    Returns
    -------
    ndarray, shape (n_components, n_test, n_units)
        Where there are less components than asked for, of as many as there are.
    """
    from sklearn.cross_decomposition import PLSRegression  # type: ignore[import-untyped]

    n = min(max(components), *x.shape, int(np.linalg.matrix_rank(x - x.mean(axis=0))))
    fitted = PLSRegression(n, scale=False, max_iter=MOST_ITERATIONS).fit(x, y)
    # Components come one after another and do not depend on those that follow: one fit has all smaller ones.
    scores = (x_test - x.mean(axis=0)) @ fitted.x_rotations_
    return np.array([y.mean(axis=0) + scores[:, :k] @ fitted.y_loadings_[:, :k].T for k in components])


def _predictions(x: FloatArray, y: FloatArray, x_test: FloatArray, method: Method) -> FloatArray:
    if method == "pls":
        return pls_predictions(x, y, x_test, COMPONENTS)
    # As multiples of the mean eigenvalue of the covariance, so that penalties mean the same whatever the unit of the features.
    scale = float(((x - x.mean(axis=0)) ** 2).sum()) / min(x.shape)
    return ridge_predictions(x, y, x_test, np.array(ALPHAS) * scale)


def _with(predictions: FloatArray, best: FloatArray, method: Method) -> FloatArray:
    """Take for each unit the predictions of its own setting."""
    settings = np.array(ALPHAS if method == "ridge" else COMPONENTS, dtype=np.float64)
    index = np.searchsorted(settings, best)
    return predictions[index, :, np.arange(predictions.shape[2])].T


def _best(x: FloatArray, y: FloatArray, groups: IntArray, method: Method, n_folds: int, seed: int) -> FloatArray:
    """Choose the setting with the least error within the learning samples, unit by unit; the simplest where there is one group."""
    settings = np.array(ALPHAS if method == "ridge" else COMPONENTS, dtype=np.float64)
    if len(np.unique(groups)) < 2:
        return np.full(y.shape[1], settings[-1] if method == "ridge" else settings[0])
    errors = np.zeros((len(settings), y.shape[1]))
    for learn, test in grouped_folds(groups, n_folds, seed):
        errors += ((_predictions(x[learn], y[learn], x[test], method) - y[test]) ** 2).sum(axis=1)
    best: FloatArray = settings[np.argmin(errors, axis=0)]
    return best


def _checked(features: FloatArray, data: NeuralData, method: str) -> FloatArray:
    x = np.asarray(features, dtype=np.float64)
    n = data.means.shape[0]
    if x.ndim != 2 or x.shape[0] != n or not x.shape[1]:
        raise NeuralDataError(sentence("features", "do not fit the recording", got=x.shape, allowed=f"({n}, n_features)"))
    if not np.isfinite(x).all():
        raise NeuralDataError(sentence("features", "are not all finite", cure="leave out what has no answer"))
    if not (np.ptp(x, axis=0) > 0).any():
        raise NeuralDataError(sentence("features", "are the same for every stimulus", cure="this population answers nothing"))
    if method not in get_args(Method):
        raise NeuralDataError(sentence("method", f"there is no {method!r}", cure=nearest(method, get_args(Method))))
    return x
