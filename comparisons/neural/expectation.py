"""What a violated expectation adds to an answer, in recordings and in models: one index for both.

Animals, or models, see a sequence of elements again and again. Then some trials break it: another element stands in the place of one
that belongs there (substitution), or an element is held where the next is due (omission). Answers are in standard deviations of each
unit, so that the index is defined where rates are not known, as in recordings that were published normalised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.files import arrays_of
from comparisons.statistics import Interval
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
N_PERMUTATIONS = 10_000
LEVEL = 0.95
LONGEST_S = 10.0
"""An element of a recording that lasts longer was written in ms."""
SPREADS = (0.2, 5.0)
"""Standard deviations over trials and bins that units in standard deviations may have."""
WINDOWS_MS: Mapping[str, tuple[float, float]] = {"early": (50.0, 100.0), "late": (100.0, 150.0)}
"""After the onset of an element."""
PRIMARY = "substitution, late"
"""The one on which the claim of the source rests; others are told beside it."""


class Contrast(NamedTuple):
    """Trials that break a sequence, less those that do not.

    Attributes
    ----------
    broken : str
        Which trials break it: a key of `Sequences.broken`.
    element : int
        The element at which it is broken, from 0.
    unless : str or None
        Trials that are broken before, so as to be left out: another key.
    """

    broken: str
    element: int
    unless: str | None = None


CONTRASTS: Mapping[str, Contrast] = {
    "substitution": Contrast("starts_with_E", 0),
    "omission": Contrast("second_element_held", 2, unless="starts_with_E"),
}


@dataclass(frozen=True, eq=False)
class Sequences:
    """Units that were recorded on one of several days of training.

    Attributes
    ----------
    z : ndarray, shape (n_units, n_trials, n_bins)
        In standard deviations of each unit.
    broken : mapping of str to ndarray of bool, each of shape (n_units, n_trials)
        Per contrast, whether a trial breaks the sequence.
    day : ndarray of int, shape (n_units,)
    bin_ms, element_ms : float
    """

    z: FloatArray
    broken: Mapping[str, BoolArray]
    day: NDArray[np.int64]
    bin_ms: float
    element_ms: float

    def __post_init__(self) -> None:
        if self.z.ndim != 3 or not np.isfinite(self.z).all():
            problem, allowed = "has another shape, or numbers that are not finite", "(n_units, n_trials, n_bins), all finite"
            raise NeuralDataError(sentence("sequences.z", problem, got=self.z.shape, allowed=allowed))
        for name, broken in self.broken.items():
            if broken.shape != self.z.shape[:2] or broken.dtype.kind != "b":
                got, allowed = (
                    f"{broken.dtype} of shape {broken.shape}",
                    f"bool of the first two axes of z (units, trials), {self.z.shape[:2]}",
                )
                raise NeuralDataError(sentence(f"sequences.{name}", "is not yes or no for every trial", got=got, allowed=allowed))
        if self.day.shape != self.z.shape[:1]:
            raise NeuralDataError(sentence("sequences.day", "is not one for each unit", got=self.day.shape, allowed=str(self.z.shape[:1])))
        if not 0 < self.bin_ms <= self.element_ms < math.inf:
            raise NeuralDataError(sentence("sequences", "has bins longer than elements", got=(self.bin_ms, self.element_ms)))

    def indices(self, name: str) -> dict[str, FloatArray]:
        """Take the index of every unit.

        Parameters
        ----------
        name : str
            Of `CONTRASTS`.

        Returns
        -------
        dict of str to ndarray, shape (n_units,)
            Per window of `WINDOWS_MS`.

        Raises
        ------
        NeuralDataError
            If a unit lacks broken trials, or others, or answers end before the element.
        """
        contrast = CONTRASTS[name]
        broken = self.broken[contrast.broken]
        asked = ~self.broken[contrast.unless] if contrast.unless else np.ones_like(broken)
        if not ((broken & asked).any(axis=1) & (~broken & asked).any(axis=1)).all():
            raise NeuralDataError(sentence(f"sequences.{contrast.broken}", "has a unit without broken trials, or without others"))
        found = {}
        for window, ms in WINDOWS_MS.items():
            bins = window_bins(contrast.element, ms, self.bin_ms, self.element_ms)
            if bins.stop > self.z.shape[2]:
                got, allowed = self.z.shape[2], f"{bins.stop} bins or more"
                raise NeuralDataError(sentence("sequences.z", f"ends before the element of {name}", got=got, allowed=allowed))
            units = zip(self.z, broken, asked, strict=True)
            found[window] = np.array([violation_index(z[own, :, None], told[own], bins)[0] for z, told, own in units])
        return found


def window_bins(element: int, window_ms: tuple[float, float], bin_ms: float, element_ms: float) -> slice:
    """Find the bins of a window after the onset of an element.

    Parameters
    ----------
    element : int
        From 0.
    window_ms : (float, float)
        From the onset.
    bin_ms, element_ms : float

    Returns
    -------
    slice

    Raises
    ------
    NeuralDataError
        If no bins begin and end with the window, or it ends after the element.
    """
    if window_ms[1] > element_ms:
        raise NeuralDataError(sentence("window", "ends after the element", got=window_ms, allowed=f"<= {element_ms:g} ms"))
    edges = [(element * element_ms + ms) / bin_ms for ms in window_ms]
    whole = [round(edge) for edge in edges]
    if max(abs(a - b) for a, b in zip(edges, whole, strict=True)) > 1e-6 or whole[0] >= whole[1]:
        raise NeuralDataError(sentence("window", "does not begin and end with bins", got=window_ms, allowed=f"multiples of {bin_ms:g} ms"))
    return slice(*whole)


def violation_index(z: FloatArray, broken: BoolArray, bins: slice) -> FloatArray:
    """Take from the answers in trials that break a sequence those in trials that do not.

    Parameters
    ----------
    z : ndarray, shape (n_trials, n_bins, n_units)
        In standard deviations of each unit.
    broken : ndarray of bool, shape (n_trials,)
    bins : slice
        Of the window.

    Returns
    -------
    ndarray, shape (n_units,)

    References
    ----------
    Price, Jensen, Khoudary & Gavornik (2023), https://doi.org/10.1093/cercor/bhad163.
    """
    inside = z[:, bins].mean(axis=1)
    found: FloatArray = inside[broken].mean(axis=0) - inside[~broken].mean(axis=0)
    return found


def in_deviations(answers: FloatArray) -> FloatArray:
    """Take its mean over trials and bins from each unit, and divide by its standard deviation.

    Parameters
    ----------
    answers : ndarray, shape (n_trials, n_bins, n_units)

    Returns
    -------
    ndarray, shape (n_trials, n_bins, n_responding)
        Of the units whose answers are not all alike.
    """
    spread = answers.std(axis=(0, 1))
    responds = spread > 1e-9 * np.maximum(np.abs(answers).max(axis=(0, 1)), 1e-300)
    kept = answers[..., responds]
    found: FloatArray = (kept - kept.mean(axis=(0, 1))) / spread[responds]
    return found


class Learned(NamedTuple):
    """By how much an index has grown from one group of units to another.

    Attributes
    ----------
    change : Interval
        95 %, by Welch's t.
    p : float
        Two-sided, by permutation of units.
    """

    change: Interval
    p: float


def learned(before: FloatArray, after: FloatArray, *, seed: int = 0) -> Learned:
    """Compare the index of units recorded after learning with that of others recorded before.

    Parameters
    ----------
    before, after : ndarray, shape (n,)
    seed : int
        Of the permutations.

    Returns
    -------
    Learned

    Raises
    ------
    NeuralDataError
        If one of them has less than two units.
    """
    from scipy.stats import permutation_test, ttest_ind

    if min(len(before), len(after)) < 2:
        raise NeuralDataError(sentence("learned", "needs two units before and after", got=(len(before), len(after))))
    interval = ttest_ind(after, before, equal_var=False).confidence_interval(LEVEL)
    change = Interval(float(after.mean() - before.mean()), float(interval.low), float(interval.high))
    rng = stream(seed, "learned", "permutations")
    found = permutation_test(
        (after, before),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        n_resamples=N_PERMUTATIONS,
        vectorized=True,
        rng=rng,
    )
    return Learned(change, float(found.pvalue))


def read_sequences(path: Path | str) -> Sequences:
    """Read a recording of broken sequences.

    Parameters
    ----------
    path : Path or str
        An ``.npz`` with ``z`` (n_units, n_trials, n_bins), ``starts_with_E`` and ``second_element_held`` (n_units, n_trials), ``day``
        (n_units,), ``bin_s`` and ``element_s``; what else it holds is not used.

    Returns
    -------
    Sequences

    Raises
    ------
    NeuralDataError
        If the file cannot be read, lacks something, or its parts do not fit each other.
    """
    held, wanted = arrays_of(Path(path)), ("z", *(c.broken for c in CONTRASTS.values()), "day", "bin_s", "element_s")
    missing = [key for key in wanted if key not in held]
    if missing:
        raise NeuralDataError(
            sentence(str(path), "is no recording of broken sequences", got=sorted(held), cure=f"add {', '.join(missing)}")
        )
    for key, kinds in (("z", "iuf"), ("day", "iu"), ("bin_s", "iuf"), ("element_s", "iuf")):
        if held[key].dtype.kind not in kinds:
            raise NeuralDataError(sentence(f"{path}: {key}", "is not of numbers", got=str(held[key].dtype)))
    times = {key: 1000.0 * float(held[key].item()) if held[key].size == 1 else math.nan for key in ("bin_s", "element_s")}
    if times["element_s"] > 1000.0 * LONGEST_S:
        where, longest = f"{path}: element_s", f"seconds, {LONGEST_S:g} or less"
        lasts = float(held["element_s"].item())
        raise NeuralDataError(sentence(where, "is no time of an element", got=lasts, allowed=longest, cure="divide ms by 1000"))
    broken = {c.broken: held[c.broken] for c in CONTRASTS.values()}
    if held["z"].ndim == 3 and held["z"].size and np.isfinite(held["z"]).all():
        spread = held["z"].reshape(len(held["z"]), -1).std(axis=1)
        if spread.min() < SPREADS[0] or spread.max() > SPREADS[1]:
            got, allowed = f"spreads of {spread.min():.3g} to {spread.max():.3g}", f"{SPREADS[0]:g} to {SPREADS[1]:g}"
            cure = "divide each unit by its standard deviation, and take out those that never answer"
            raise NeuralDataError(sentence(f"{path}: z", "is not in standard deviations of each unit", got=got, allowed=allowed, cure=cure))
    return Sequences(held["z"].astype(np.float64), broken, held["day"].astype(np.int64), times["bin_s"], times["element_s"])
