"""What was shown to recorded neurons and how they answered, as one value."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn.errors import MovieError, NeuralDataError, sentence
from snn.stimuli.movie import Movie

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SHAPES = "(n_trials, n_stimuli, n_units), or (n_trials, n_stimuli, n_bins, n_units) of responses in time"


@dataclass(frozen=True, eq=False)
class NeuralData:
    """Responses of units to stimuli, trial by trial.

    Attributes
    ----------
    stimuli : ndarray, shape (n_stimuli, n_frames, rows, cols)
        Luminance between 0 and 1; a still image has one frame.
    responses : ndarray, shape (n_trials, n_stimuli, n_units) or (n_trials, n_stimuli, n_bins, n_units)
        Such as spikes or fluorescence; NaN where a unit was not recorded. A unit without any trial of some stimulus is left out: take
        such stimuli out, or the unit.
    groups : ndarray of int, shape (n_stimuli,)
        Stimuli of one group are never split between what is learned from and what is tested, such as pieces of one film.
    frame_ms : float, optional
        Time for which each frame is shown; it may be unknown of still images.
    bin_ms : float, optional
        Time of a bin, of responses in time; the first begins with the stimulus.
    name, source : str
        What to call them, and where they are from.

    Raises
    ------
    NeuralDataError
        If shapes do not fit each other, there are fewer than two groups, a number is infinite, or the time of frames is missing.
    MovieError
        If luminance is not finite or outside [0, 1], or the time is not positive.
    """

    stimuli: FloatArray
    responses: FloatArray
    groups: IntArray
    frame_ms: float | None = None
    bin_ms: float | None = None
    name: str = "recording"
    source: str = ""

    def __post_init__(self) -> None:
        stimuli, responses = (
            real_numbers(x, f"{self.name}.{what}") for x, what in ((self.stimuli, "stimuli"), (self.responses, "responses"))
        )
        groups = np.asarray(self.groups)
        where = f"{self.name}.stimuli"
        if stimuli.ndim != 4 or 0 in stimuli.shape:
            allowed = "(n_stimuli, n_frames, rows, cols), none of them 0; a still image has one frame"
            raise NeuralDataError(sentence(where, "have the wrong shape", got=stimuli.shape, allowed=allowed))
        if self.frame_ms is None and stimuli.shape[1] > 1:
            raise NeuralDataError(sentence(f"{self.name}.frame_ms", "is missing", cure="say for how long each frame of a film was shown"))
        try:
            Movie(stimuli.reshape(-1, *stimuli.shape[2:]), 1.0 if self.frame_ms is None else self.frame_ms, where)
        except MovieError as error:
            counted = "each image is a frame" if stimuli.shape[1] == 1 else f"frames are counted through all stimuli of {stimuli.shape[1]}"
            raise MovieError(f"{error} ({counted}, from 0)") from None
        self._check_responses(responses, len(stimuli))
        if groups.shape != (len(stimuli),) or groups.dtype.kind not in "iu":
            problem, got = "are not a whole number for each stimulus", f"{groups.dtype} of shape {groups.shape}"
            raise NeuralDataError(sentence(f"{self.name}.groups", problem, got=got, allowed=f"({len(stimuli)},)"))
        if len(np.unique(groups)) < 2:
            cure = "there is nothing to test on but what is learned from; give every stimulus that stands alone a group of its own"
            raise NeuralDataError(sentence(f"{self.name}.groups", "are all one", got=len(stimuli), cure=cure))
        for array, field in ((stimuli, "stimuli"), (responses, "responses"), (groups.astype(np.int64), "groups")):
            array.setflags(write=False)
            object.__setattr__(self, field, array)

    def _check_responses(self, responses: FloatArray, n_stimuli: int) -> None:
        where = f"{self.name}.responses"
        if responses.ndim not in (3, 4) or 0 in responses.shape:
            raise NeuralDataError(sentence(where, "have the wrong shape", got=responses.shape, allowed=f"{SHAPES}, none of them 0"))
        if responses.shape[1] != n_stimuli:
            cure = "leave out what was shown without being recorded, and put trials first"
            raise NeuralDataError(
                sentence(where, f"are of {responses.shape[1]} stimuli, and {n_stimuli} were shown", got=responses.shape, cure=cure)
            )
        if (responses.ndim == 4) != (self.bin_ms is not None) or not (self.bin_ms is None or 0 < self.bin_ms < np.inf):
            allowed = "a positive time for responses in time, and none for others"
            raise NeuralDataError(sentence(f"{self.name}.bin_ms", "does not fit the responses", got=self.bin_ms, allowed=allowed))
        if np.isinf(responses).any():
            raise NeuralDataError(sentence(where, "are infinite", cure="write NaN where a unit was not recorded"))

    @property
    def n_trials(self) -> int:
        """Number of times that each stimulus was shown."""
        return int(self.responses.shape[0])

    @property
    def n_stimuli(self) -> int:
        """Number of different stimuli."""
        return int(self.responses.shape[1])

    @property
    def n_units(self) -> int:
        """Number of recorded units."""
        return int(self.responses.shape[-1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all but what it is called."""
        parts = [self.stimuli, self.responses, self.groups]
        about = [[list(p.shape) for p in parts], self.frame_ms, self.bin_ms]
        return hashlib.sha256(json.dumps(about).encode() + b"".join(p.tobytes() for p in parts)).hexdigest()

    @cached_property
    def samples(self) -> FloatArray:
        """Responses with bins of time as stimuli of their own, shape (n_trials, n_samples, n_units)."""
        return self.responses.reshape(self.n_trials, -1, self.n_units)

    @cached_property
    def sample_groups(self) -> IntArray:
        """Group of each sample, shape (n_samples,)."""
        return np.repeat(self.groups, self.samples.shape[1] // self.n_stimuli)

    @cached_property
    def means(self) -> FloatArray:
        """Means over the trials that there are, shape (n_samples, n_units); NaN where there is none."""
        return mean_of_known(self.samples)

    @cached_property
    def left_out(self) -> dict[int, str]:
        """Units of which nothing can be predicted, and why."""
        found = {}
        for unit in range(self.n_units):
            mine, mean = self.samples[..., unit], self.means[:, unit]
            missing = int(np.isnan(mean).sum())
            if missing == len(mean):
                found[unit] = "was never recorded"
            elif missing:
                found[unit] = f"was not recorded with {missing} of {len(mean)} stimuli or bins"
            elif not np.nan_to_num(mine).any():
                found[unit] = "never responds"
            elif np.ptp(mean) <= 1e-12 * np.abs(mean).max():
                found[unit] = "answers every stimulus alike"
        return found

    def of_units(self, units: ArrayLike) -> Self:
        """Take some of the units.

        Parameters
        ----------
        units : array_like of int or of bool
            Their numbers, or for each whether it is taken.

        Returns
        -------
        NeuralData
        """
        chosen: Any = np.asarray(units)
        return replace(self, responses=self.responses[..., chosen])


def deranged(n: int, rng: np.random.Generator) -> IntArray:
    """Draw an order in which nothing keeps its place.

    Parameters
    ----------
    n : int
        2 or more.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n,)
    """
    order = rng.permutation(n)
    found = np.empty_like(order)
    found[order] = np.roll(order, 1)
    return found


def without_course(data: NeuralData) -> NeuralData:
    """Take from responses in time what they do whatever is shown: the mean over stimuli of each bin.

    Parameters
    ----------
    data : NeuralData

    Returns
    -------
    NeuralData
        The same where responses are not in time.
    """
    if data.bin_ms is None:
        return data
    course = mean_of_known(data.responses.reshape(-1, *data.responses.shape[2:]))
    return replace(data, responses=data.responses - course)


def real_numbers(values: ArrayLike, where: str) -> FloatArray:
    """Copy what is given as real numbers; whoever gave them may go on changing their own.

    Parameters
    ----------
    values : array_like
    where : str
        What they are, for the error.

    Returns
    -------
    ndarray, shape as ``values``

    Raises
    ------
    NeuralDataError
        If they are no array, or of anything else, such as complex numbers.
    """
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise NeuralDataError(sentence(where, f"are no array ({error})")) from error
    if found.dtype.kind not in "biuf":
        raise NeuralDataError(sentence(where, "are no real numbers", got=str(found.dtype)))
    return np.array(found, dtype=np.float64, order="C")


def mean_of_known(values: FloatArray) -> FloatArray:
    """Average over the first axis what is not NaN.

    Parameters
    ----------
    values : ndarray, shape (n, ...)

    Returns
    -------
    ndarray, shape (...)
        NaN where nothing is known.
    """
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def groups_of_its_own(path: Path) -> NeuralDataError:
    """Refuse to let stimuli stand alone that a file has put into groups.

    Parameters
    ----------
    path : Path
        Of the recording.

    Returns
    -------
    NeuralDataError
        To be raised.
    """
    cure = "leave out --groups each (groups='each' in Python), or take the groups out of the file"
    return NeuralDataError(sentence(str(path), "says itself which stimuli belong together", cure=cure))
