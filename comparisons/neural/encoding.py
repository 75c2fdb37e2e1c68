"""How well features predict recorded neurons: regression on some stimuli, tested on others that have nothing to do with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData, real_numbers
from comparisons.neural.reliability import Reliability, reliability
from snn.errors import NeuralDataError, nearest, sentence
from snn.seeding import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Method = Literal["ridge", "pls"]
N_FOLDS = 5
ALPHAS = (*(10.0**k for k in range(-4, 5)), np.inf)
"""Penalties that are tried, as multiples of the mean square of what centred features do along their main axes (the squared singular
values); with the last the mean is the prediction."""
MOST_ITERATIONS = 20_000
COMPONENTS = (0, 1, 2, 4, 8, 16, 25)
"""Numbers of components of partial least squares that are tried; with none the mean is the prediction."""
LEAST_EXPLAINABLE, MOST_P = 0.1, 0.01
"""Units of which the stimulus explains less, or not surely something, are not divided by it: their ceiling is too uncertain."""
Fold = tuple[IntArray, IntArray]


@dataclass(frozen=True, eq=False)
class Encoding:
    """Predictions of responses to stimuli that were not learned from.

    Attributes
    ----------
    predicted : ndarray, shape (n_samples, n_units)
        Of the mean over trials; NaN for units that were left out.
    missed, squares : ndarray, shape (n_samples, n_units)
        Squared error of that, and of the mean of the learning samples.
    noise : ndarray, shape (n_units,)
        Squared error that noise leaves to a perfect model, of a sample.
    explained : ndarray, shape (n_units,)
        Share of the squares around the mean of the learning samples that is explained: 0 is that mean, below it is worse than it.
    most : ndarray, shape (n_units,)
        What a perfect model would explain of the same squares.
    of_ceiling : ndarray, shape (n_units,)
        ``explained / most``; NaN for units without a score.
    chosen : ndarray, shape (n_folds, n_units)
        Of `ALPHAS` (ridge) or `COMPONENTS` (PLS), for each unit in each fold.
    left_out : dict of int to str
        Units without a score, and why.
    """

    predicted: FloatArray
    missed: FloatArray
    squares: FloatArray
    noise: FloatArray
    explained: FloatArray
    most: FloatArray
    of_ceiling: FloatArray
    chosen: FloatArray
    left_out: dict[int, str]

    @property
    def overall(self) -> float:
        """What is explained of all units that have a score, over what could be; NaN where none has."""
        return self.overall_of(np.arange(len(self.missed)))

    def overall_of(self, samples: IntArray) -> float:
        """Score with some of the samples alone.

        Parameters
        ----------
        samples : ndarray of int, shape (n,)

        Returns
        -------
        float
            As ``overall``.
        """
        scored = ~np.isnan(self.of_ceiling)
        squares, missed = (x[np.ix_(samples, np.flatnonzero(scored))].sum(axis=0) for x in (self.squares, self.missed))
        explained, most = _shares(missed, squares, len(samples) * self.noise[scored])
        return float(explained.sum() / most.sum()) if scored.any() else float("nan")


def _shares(missed: FloatArray, squares: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is explained of squares around the mean of what was learned from, and what a perfect model would.

    Both around that mean: those of groups differ, and around the mean of all there is less to explain.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1.0 - missed / squares, 1.0 - noise / squares


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
        Of three groups at least: to learn from, to choose on and to test on.
    method : {'ridge', 'pls'}
        Ridge regression, each unit by itself, or partial least squares, all units together.
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
        If features are of another number of samples, not finite or all constant, there are too few groups or folds, the ceiling is of
        another recording, or there is no such method.

    References
    ----------
    Yamins et al. (2014), https://doi.org/10.1073/pnas.1403112111; ridge: Hoerl & Kennard (1970),
    https://doi.org/10.1080/00401706.1970.10488634; PLS: Wold, Sjostrom & Eriksson (2001),
    https://doi.org/10.1016/S0169-7439(01)00155-1; what is explained of what could be: Sahani & Linden (2003), "How linear are auditory
    cortical responses?", NIPS 15.
    """
    x = condensed(_checked(features, data, method))
    ceiling = reliability(data, n_splits=1) if ceiling is None else ceiling
    if len(ceiling.noise) != data.n_units:
        raise NeuralDataError(sentence("ceiling", "is of another recording", got=len(ceiling.noise), allowed=f"{data.n_units} units"))
    kept = np.array([u for u in range(data.n_units) if u not in data.left_out], dtype=np.int64)
    folds = list(grouped_folds(data.sample_groups, n_folds, seed))
    predicted, baseline = np.full_like(data.means, np.nan), np.empty_like(data.means)
    chosen = np.full((len(folds), data.n_units), np.nan)
    for k, (learn, test) in enumerate(folds):
        y = data.means[np.ix_(learn, kept)]
        best = _best(x[learn], y, data.sample_groups[learn], method, n_folds, seed)
        chosen[k, kept] = _settings(method)[best]
        baseline[test] = data.means[learn].mean(axis=0)
        predicted[np.ix_(test, kept)] = _predictions(x[learn], y, x[test], method)[best, :, np.arange(len(kept))].T
    missed, squares = (data.means - predicted) ** 2, (data.means - baseline) ** 2
    explained, most = _shares(missed.sum(axis=0), squares.sum(axis=0), len(x) * ceiling.noise)
    left_out = without_score(data, ceiling)
    scored = np.array([u not in left_out for u in range(data.n_units)])
    of_ceiling = np.divide(explained, most, out=np.full(data.n_units, np.nan), where=scored)
    return Encoding(predicted, missed, squares, ceiling.noise, explained, most, of_ceiling, chosen, left_out)


def without_score(data: NeuralData, ceiling: Reliability) -> dict[int, str]:
    """Say of which units an encoding is not scored, and why.

    Parameters
    ----------
    data : NeuralData
    ceiling : Reliability
        Of the data.

    Returns
    -------
    dict of int to str
    """
    found = dict(data.left_out)
    for unit in range(data.n_units):
        explainable, p = ceiling.explainable[unit], ceiling.p[unit]
        if unit in found:
            continue
        if np.isnan(explainable):
            found[unit] = "one trial only: its ceiling is unknown"
        elif explainable < LEAST_EXPLAINABLE:
            found[unit] = f"the stimulus explains {explainable:.0%} of its mean response, less than {LEAST_EXPLAINABLE:.0%}"
        elif p >= MOST_P:
            found[unit] = f"its responses differ no more than by chance (p = {p:.2g})"
    return found


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
        If there are less than two folds or groups, of all samples or of those that another fold leaves to choose on.
    """
    names, sizes = np.unique(groups, return_counts=True)
    n = min(n_folds, len(names))
    if n < 2:
        cure = "scores need three groups and folds: to learn from, to choose penalties on, and to test on"
        raise NeuralDataError(sentence("folds", "need two groups", got=(n_folds, len(names)), cure=cure))
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
    triangle: FloatArray = np.linalg.qr(x.T, mode="r")  # type: ignore[assignment]
    return triangle.T


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
    centred, y0 = _centred(x), y.mean(axis=0)
    away = x_test - x.mean(axis=0)
    # Of the two products of what is centred with itself, the smaller one: both have the same squared singular values.
    if x.shape[1] <= x.shape[0]:
        squares, axes = np.linalg.eigh(centred.T @ centred)
        told, projected = axes.T @ (centred.T @ (y - y0)), away @ axes
    else:
        squares, axes = np.linalg.eigh(centred @ centred.T)
        told, projected = axes.T @ (y - y0), (away @ centred.T) @ axes
    # What does not vary tells nothing, whatever the penalty.
    varies = squares > 1e-13 * len(squares) * max(squares[-1], 1e-300)
    shrunk = [np.where(varies, 1.0 / np.where(varies, squares + alpha, 1.0), 0.0) for alpha in alphas]
    return np.array([y0 + (projected * by) @ told for by in shrunk])


def pls_predictions(x: FloatArray, y: FloatArray, x_test: FloatArray, components: tuple[int, ...]) -> FloatArray:
    """Predict by partial least squares with several numbers of components, all units together, each scaled to its spread.

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

    centred, y0 = _centred(x), y.mean(axis=0)
    n = min(max(components), *x.shape, int(np.linalg.matrix_rank(centred)))
    spread = y.std(axis=0)
    if not n or not spread.any():
        return np.repeat(np.broadcast_to(y0, (1, len(x_test), len(y0))), len(components), axis=0)
    size, spread = float(np.abs(centred).max()), np.where(spread > 0, spread, 1.0)
    fitted = PLSRegression(n, scale=False, max_iter=MOST_ITERATIONS).fit(centred / size, (y - y0) / spread)
    # Components come one after another and do not depend on those that follow: one fit has all smaller ones.
    scores = (x_test - x.mean(axis=0)) / size @ fitted.x_rotations_
    return np.array([y0 + spread * (scores[:, :k] @ fitted.y_loadings_[:, :k].T) for k in components])


def _centred(x: FloatArray) -> FloatArray:
    """Take the means of features from them; what is left of one that does not vary is nothing."""
    centred = x - x.mean(axis=0)
    return np.where(np.abs(centred).max(axis=0) > 1e-12 * np.abs(x).max(axis=0), centred, 0.0)


def _predictions(x: FloatArray, y: FloatArray, x_test: FloatArray, method: Method) -> FloatArray:
    if method == "pls":
        return pls_predictions(x, y, x_test, COMPONENTS)
    # In units of the features' own size, so that penalties mean the same for all.
    scale = float((_centred(x) ** 2).sum()) / min(x.shape)
    return ridge_predictions(x, y, x_test, np.array(ALPHAS) * (scale or 1.0))


def _settings(method: Method) -> FloatArray:
    return np.array(ALPHAS if method == "ridge" else COMPONENTS, dtype=np.float64)


def _best(x: FloatArray, y: FloatArray, groups: IntArray, method: Method, n_folds: int, seed: int) -> IntArray:
    """Choose the setting with the least error within the learning samples, unit by unit."""
    errors = np.zeros((len(_settings(method)), y.shape[1]))
    for learn, test in grouped_folds(groups, n_folds, seed):
        errors += ((_predictions(x[learn], y[learn], x[test], method) - y[test]) ** 2).sum(axis=1)
    best: IntArray = np.argmin(errors, axis=0)
    return best


def _checked(features: FloatArray, data: NeuralData, method: str) -> FloatArray:
    x, n = real_numbers(features, "features"), data.means.shape[0]
    if x.ndim != 2 or x.shape[0] != n or not x.shape[1]:
        raise NeuralDataError(sentence("features", "do not fit the recording", got=x.shape, allowed=f"({n}, n_features)"))
    if not np.isfinite(x).all():
        raise NeuralDataError(sentence("features", "are not all finite", cure="leave out what has no answer"))
    if not (np.ptp(x, axis=0) > 0).any():
        raise NeuralDataError(sentence("features", "are the same for every stimulus", cure="this population answers nothing"))
    if method not in get_args(Method):
        raise NeuralDataError(sentence("method", f"there is no {method!r}", cure=nearest(method, get_args(Method))))
    return x
