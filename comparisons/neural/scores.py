"""Scores of populations against recorded neurons, each with an interval over stimuli."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData, without_course
from comparisons.neural.encoding import N_FOLDS, Method, encode
from comparisons.neural.reliability import Reliability, reliability
from comparisons.neural.similarity import Recorded, alike, distances, kernels_alike, recorded
from comparisons.neural.straightening import curvature_deg
from comparisons.representation import gram
from comparisons.statistics import Interval
from snn.seeding import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MEASURES: Mapping[str, str] = {
    "encoding": "explained, of what could be",
    "rsa": "RSA",
    "cka": "CKA",
    "curvature_deg": "curvature of films (deg)",
}
LIKENESSES = ("encoding", "rsa", "cka")
"""Of these more is better."""
N_HALVES = 100
LEAST_GROUPS = 3
LATENCY_MS, MOST_LAGS = 100.0, 4
"""By which neurons may be late, and bins that this may be."""
LEVEL = 0.95


class Score(NamedTuple):
    """A number, and what it is of halves of the groups of stimuli.

    Attributes
    ----------
    whole : float
        NaN where it is not defined.
    halves : ndarray, shape (N_HALVES,)
    """

    whole: float
    halves: FloatArray

    def plain(self) -> list[object]:
        """Give it as what JSON can hold."""
        return [self.whole, self.halves.tolist()]

    @classmethod
    def of_plain(cls, held: Sequence[Any]) -> Self:
        """Read it again.

        Parameters
        ----------
        held : sequence
            From `plain`, with None in place of NaN.

        Returns
        -------
        Score
        """
        whole, halves = held
        return cls(math.nan if whole is None else whole, np.array([math.nan if h is None else h for h in halves]))


@dataclass(frozen=True, eq=False)
class Target:
    """A recording, with all that is the same for every population that is scored against it.

    Attributes
    ----------
    data : NeuralData
        Of responses in time, less what they do whatever is shown.
    ceiling : Reliability
    recorded : Recorded
    halves : tuple of ndarray of bool, each of shape (n_samples,)
        Halves of the groups, drawn at random.
    widening : float
        By which the spread of halves is multiplied to be that of the whole: 1, where the number of groups is even.
    method : {'ridge', 'pls'}
    n_folds, seed : int
    """

    data: NeuralData
    ceiling: Reliability
    recorded: Recorded
    halves: tuple[NDArray[np.bool_], ...]
    widening: float
    method: Method
    n_folds: int
    seed: int

    @classmethod
    def of(cls, data: NeuralData, *, method: Method = "ridge", n_folds: int = N_FOLDS, seed: int = 0) -> Self:
        """Prepare a recording.

        Parameters
        ----------
        data : NeuralData
        method, n_folds
            As of `encoding.encode`.
        seed : int
            Of folds, halves and samples.

        Returns
        -------
        Target

        Raises
        ------
        NeuralDataError
            If there is too little to be compared.
        """
        data = without_course(data)
        rng, groups = stream(seed, "halves of stimuli"), np.unique(data.groups)
        n = len(groups) // 2
        halves = tuple(np.isin(data.sample_groups, rng.permutation(groups)[:n]) for _ in range(N_HALVES))
        widening = math.sqrt(n / (len(groups) - n))
        return cls(data, reliability(data, seed=seed), recorded(data, seed=seed), halves, widening, method, n_folds, seed)

    @property
    def n_groups(self) -> int:
        """Number of groups of stimuli: of what is independent."""
        return len(np.unique(self.data.groups))

    def score(self, features: FloatArray) -> dict[str, Score]:
        """Score a population by its answers.

        Where responses are in time, answers of up to `LATENCY_MS` before are features too, since neurons may be late, and what a
        population does whatever is shown is taken away, as from the neurons.

        Parameters
        ----------
        features : ndarray, shape (n_samples, n_features)

        Returns
        -------
        dict of str to Score
            ``encoding``, ``rsa`` and ``cka``; NaN of a population that answers all samples alike. With less than three groups there is
            no encoding: nothing is left to choose penalties on.

        Raises
        ------
        NeuralDataError
            If features are of another number of samples, or not finite.
        """
        nothing = Score(math.nan, np.full(N_HALVES, np.nan))
        if not (np.ptp(features, axis=0) > 0).any():
            return dict.fromkeys(LIKENESSES, nothing)
        known, features = self.recorded, self._in_time(features)
        mine = features[known.samples]
        apart, kernel = distances(mine), gram(mine)
        parts = [np.flatnonzero(half[known.samples]) for half in self.halves]
        return {
            "encoding": self._encoding(features) if self.n_groups >= LEAST_GROUPS else nothing,
            "rsa": self._rsa(apart, parts),
            "cka": Score(
                kernels_alike(kernel, known.gram, bins=known.bins),
                np.array([kernels_alike(kernel, known.gram, part, known.bins) for part in parts]),
            ),
        }

    def _in_time(self, features: FloatArray) -> FloatArray:
        data = self.data
        if data.bin_ms is None:
            return features
        found = features.reshape(data.n_stimuli, -1, features.shape[1])
        lags = min(MOST_LAGS, math.ceil(LATENCY_MS / data.bin_ms), found.shape[1] - 1)
        earlier = [
            np.concatenate([np.repeat(found[:, :1], lag, axis=1), found[:, : found.shape[1] - lag]], axis=1) for lag in range(1, lags + 1)
        ]
        late = np.concatenate([found, *earlier], axis=2)
        away: FloatArray = late - late.mean(axis=0)
        return away.reshape(len(features), -1)

    def _rsa(self, apart: FloatArray, parts: Sequence[IntArray]) -> Score:
        theirs, comparable = self.recorded.distances, self.recorded.comparable
        return Score(alike(apart, theirs, comparable), np.array([alike(apart, theirs, comparable, part) for part in parts]))

    def _encoding(self, features: FloatArray) -> Score:
        found = encode(features, self.data, method=self.method, n_folds=self.n_folds, seed=self.seed, ceiling=self.ceiling)
        return Score(found.overall, np.array([found.overall_of(np.flatnonzero(half)) for half in self.halves]))

    def curvature(self, frames: NDArray[np.floating]) -> Score:
        """Say how much the paths of films turn in a population.

        Parameters
        ----------
        frames : ndarray, shape (n_stimuli, n_frames, n_cells)
            Of the films, without what comes before and after.

        Returns
        -------
        Score

        Raises
        ------
        NeuralDataError
            If films have less than three frames.
        """
        # Halves are of samples; those of one stimulus are together.
        first = np.arange(self.data.n_stimuli) * (len(self.data.sample_groups) // self.data.n_stimuli)
        path = np.asarray(frames, dtype=np.float64)
        return Score(curvature_deg(path), np.array([curvature_deg(path[half[first]]) for half in self.halves]))

    def over_stimuli(self, scores: Sequence[Score]) -> Interval:
        """Say how far the mean over seeds would be from what it is, with other stimuli.

        The groups of stimuli are halved again and again; as much as a score of a half differs from half to half, the score of all
        differs from that of all stimuli that there could be. Stimuli are not drawn twice, as in a bootstrap, since RSA and CKA compare
        stimuli with each other, and one with itself tells nothing.

        Parameters
        ----------
        scores : sequence of Score
            One a seed.

        Returns
        -------
        Interval
            By Student's t, with a degree of freedom less than there are groups; without bounds where most halves are not defined. That of
            an encoding is of weights as they are: what other learning stimuli would have taught is not in it, so that with nine groups
            only 84 of 100 intervals hold the truth.

        References
        ----------
        Shao & Wu (1989), A general theory for jackknife variance estimation, Annals of Statistics 17.
        """
        from scipy.stats import t

        mean, halves = float(np.mean([s.whole for s in scores])), np.mean([s.halves for s in scores], axis=0)
        known = halves[~np.isnan(halves)]
        if len(known) < N_HALVES / 2:
            return Interval(mean, math.nan, math.nan)
        spread = float(np.std(known)) * self.widening
        half = float(t.ppf((1 + LEVEL) / 2, self.n_groups - 1)) * spread
        return Interval(mean, mean - half, mean + half)


def less(one: Score, other: Score) -> Score:
    """Take one score from another, half by half.

    Parameters
    ----------
    one, other : Score
        Of one target.

    Returns
    -------
    Score
    """
    return Score(one.whole - other.whole, one.halves - other.halves)
