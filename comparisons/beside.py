"""Which populations are laid beside which, and with what they are compared to know how alike is alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from comparisons.responder import FloatArray

Relation = Literal["models", "untrained", "learning", "seeds", "pixels"]
RELATIONS: dict[Relation, str] = {
    "models": "two models that have learned, seed by seed",
    "untrained": "the same two models before they learned: what they are built of makes them alike so far",
    "learning": "a model and itself before it learned",
    "seeds": "two runs of one model: more alike than this two models need not be",
    "pixels": "a model and the frames themselves, or their change from the frame before: seeing one movie makes alike so far",
}
PIXELS, CHANGE = "pixels", "change of pixels"
LEVEL = 0.95
T = TypeVar("T")


class Band(NamedTuple):
    """Means and their confidence intervals: of numbers, or of every point of a curve.

    Attributes
    ----------
    mean, low, high : ndarray, shape () or (n_points,)
        Bounds are NaN where there are too few seeds.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, eq=False)
class Row:
    """Two subjects beside each other in one population.

    Attributes
    ----------
    site : str
    relation : {'models', 'untrained', 'learning', 'seeds', 'pixels'}
        As in `RELATIONS`.
    one, other : str
        What is compared.
    n : int
        Number of seeds.
    numbers : mapping of str to Band
    gains : mapping of str to Band
        Of two models: the same numbers less those of both untrained, seed by seed; empty where there is no such thing.
    """

    site: str
    relation: Relation
    one: str
    other: str
    n: int
    numbers: Mapping[str, Band]
    gains: Mapping[str, Band] = field(default_factory=dict)


def untrained(model: str) -> str:
    """Name a model before it has learned.

    Parameters
    ----------
    model : str

    Returns
    -------
    str
    """
    return f"{model}, untrained"


def band(values: Sequence[ArrayLike]) -> Band:
    """Mean over seeds, with an interval by Student's t at every point.

    Parameters
    ----------
    values : sequence of array_like, shape () or (n_points,)
        One a seed, or one a pair of seeds of which no seed is in two.

    Returns
    -------
    Band
        NaN where one of the seeds is not defined.
    """
    every = np.stack([np.asarray(v, dtype=np.float64) for v in values])
    return _around(every.mean(0), every.std(0, ddof=1) / np.sqrt(len(every)) if len(every) > 1 else None, len(every))


def jackknifed(values: Mapping[tuple[int, int], ArrayLike], n: int) -> Band:
    """Mean over all pairs of seeds, with an interval that knows that a seed is in many of them.

    ``s^2 = (n - 1) / n sum_i (m_-i - mean m_-i)^2`` with ``m_-i`` the mean of the pairs without seed ``i``.

    Parameters
    ----------
    values : mapping of (int, int) to array_like, shape () or (n_points,)
        Of every pair of different seeds.
    n : int
        Number of seeds, at least 2.

    Returns
    -------
    Band
        Without bounds below 3 seeds.

    References
    ----------
    Arvesen (1969), Jackknifing U-statistics, Annals of Mathematical Statistics 40.
    """
    every = {pair: np.asarray(v, dtype=np.float64) for pair, v in values.items()}
    mean = np.mean(list(every.values()), axis=0)
    if n < 3:
        return _around(mean, None, n)
    without = np.stack([np.mean([v for pair, v in every.items() if k not in pair], axis=0) for k in range(n)])
    return _around(mean, np.sqrt((n - 1) / n * ((without - without.mean(0)) ** 2).sum(0)), n)


def _around(mean: FloatArray, error: FloatArray | None, n: int) -> Band:
    from scipy.stats import t

    mean = np.asarray(mean)
    if error is None:
        return Band(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return Band(mean, np.asarray(mean - half), np.asarray(mean + half))


def lay_beside(
    learned: Mapping[str, Sequence[Mapping[str, T]]],
    born: Mapping[str, Sequence[Mapping[str, T]]],
    pixels: Mapping[str, T],
    alike: Callable[[T, T], Mapping[str, ArrayLike]],
) -> list[Row]:
    """Compare every population of models with that of the first, with themselves at birth, among seeds, and with pixels.

    Parameters
    ----------
    learned : mapping of str to sequence of mapping
        Per model, one a seed, what is known of each site. Models after the first are compared with it, the k-th seed with the
        k-th.
    born : mapping of str to sequence of mapping
        The same of their untrained controls, where there are such.
    pixels : mapping of str
        The same of the frames themselves, and of what else all sites are compared with, by name.
    alike : callable
        Gives the measures of two populations.

    Returns
    -------
    list of Row
        By site, in the order of the first model, then by kind.
    """
    sites = list(dict.fromkeys(site for runs in learned.values() for site in runs[0]))
    return [row for site in sites for row in _of_site(site, learned, born, pixels, alike)]


def _of_site(
    site: str,
    learned: Mapping[str, Sequence[Mapping[str, T]]],
    born: Mapping[str, Sequence[Mapping[str, T]]],
    pixels: Mapping[str, T],
    alike: Callable[[T, T], Mapping[str, ArrayLike]],
) -> Iterator[Row]:
    here = {name: [run[site] for run in runs] for name, runs in learned.items() if site in runs[0]}
    before = {name: [run[site] for run in born[name]] for name in here if born.get(name) and site in born[name][0]}
    first, *others = here
    if first != next(iter(learned)):
        others = []
    for other in others:
        pairs = [alike(a, b) for a, b in zip(here[first], here[other], strict=True)]
        if first not in before or other not in before:
            yield Row(site, "models", first, other, len(pairs), _bands(pairs))
            continue
        at_birth = [alike(a, b) for a, b in zip(before[first], before[other], strict=True)]
        gained = [{key: np.subtract(p[key], q[key]) for key in p} for p, q in zip(pairs, at_birth, strict=True)]
        yield Row(site, "models", first, other, len(pairs), _bands(pairs), _bands(gained))
        yield Row(site, "untrained", untrained(first), untrained(other), len(pairs), _bands(at_birth))
    for name, runs in before.items():
        yield Row(site, "learning", name, untrained(name), len(runs), _bands([alike(a, b) for a, b in zip(here[name], runs, strict=True)]))
    for name, runs in here.items():
        if len(runs) > 1:
            found = {(i, j): alike(runs[i], runs[j]) for i, j in combinations(range(len(runs)), 2)}
            keys = next(iter(found.values()))
            numbers = {key: jackknifed({pair: v[key] for pair, v in found.items()}, len(runs)) for key in keys}
            yield Row(site, "seeds", name, name, len(runs), numbers)
    for what, reference in pixels.items():
        for name, runs in here.items():
            yield Row(site, "pixels", name, what, len(runs), _bands([alike(a, reference) for a in runs]))


def _bands(pairs: Sequence[Mapping[str, ArrayLike]]) -> dict[str, Band]:
    return {key: band([pair[key] for pair in pairs]) for key in pairs[0]}
