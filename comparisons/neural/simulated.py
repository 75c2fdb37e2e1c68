"""A visual cortex whose truth is known: complex cells with divisive normalisation, recorded with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from comparisons.neural.data import NeuralData
from comparisons.neural.gabor import Bank, gabor_bank
from snn.errors import NeuralDataError, sentence
from snn.seeding import stream
from snn.stimuli.drift import drifting_movies, photographs

FloatArray = NDArray[np.float64]
LEAST_STIMULI = 20
"""Of patches, so that they are of several photographs."""


@dataclass(frozen=True, eq=False)
class SimulatedV1:
    """A recording, and what made it.

    Attributes
    ----------
    data : NeuralData
        Spike counts.
    features : ndarray, shape (n_stimuli, n_filters)
        Normalised energies of all filters, from which each unit reads one: what is predicted from them is an upper bound.
    expected : ndarray, shape (n_stimuli, n_units)
        Mean counts: what a perfect model predicts.
    units : ndarray of int, shape (n_units,)
        The filter of each unit.
    bank : Bank
    """

    data: NeuralData
    features: FloatArray
    expected: FloatArray
    units: NDArray[np.int64]
    bank: Bank


def simulated_v1(
    *,
    n_stimuli: int = 400,
    n_trials: int = 10,
    n_units: int = 60,
    size: int = 16,
    mean_count: float = 0.3,
    seed: int = 0,
    frame_ms: float = 250.0,
) -> SimulatedV1:
    """Record from simulated complex cells that look at patches of photographs.

    A unit with filter ``i`` counts Poisson spikes of mean ``g_i e_i^2 / (s^2 + <e^2>)``, with ``e`` the energies of all filters of a
    bank, ``<>`` their mean, ``s^2`` the median of that mean over stimuli, and ``g_i`` such that the unit's counts are ``mean_count`` on
    average.

    Parameters
    ----------
    n_stimuli : int
        Patches; those of one photograph are a group, since they may overlap.
    n_trials : int
    n_units : int
        Units, each with a filter of its own, drawn at random.
    size : int
        Rows and columns of a patch.
    mean_count : float
        Spikes a stimulus.
    seed : int
        Of patches, filters and noise.
    frame_ms : float
        Time for which a patch is shown.

    Returns
    -------
    SimulatedV1

    Raises
    ------
    NeuralDataError
        If there are more units than filters, a number is none, or a patch is smaller than a period of the filters (8 pixels).

    References
    ----------
    Heeger (1992), https://doi.org/10.1017/S0952523800009640; Adelson & Bergen (1985), https://doi.org/10.1364/JOSAA.2.000284.

    Notes
    -----
    *Departures*: all filters of the bank normalise each other, wherever they are; the energies are squared without a threshold. Most
    filters reach over the border of so small a patch and are cut there, so that their answers depend somewhat on the phase of a grating.
    """
    if min(n_trials, n_units) < 1 or n_stimuli < LEAST_STIMULI or not 0 < mean_count < 1e6:
        got, allowed = (n_stimuli, n_trials, n_units, mean_count), f"{LEAST_STIMULI} stimuli or more, the others above 0"
        raise NeuralDataError(sentence("simulated_v1", "needs stimuli, trials, units and spikes", got=got, allowed=allowed))
    patches = drifting_movies(photographs(held_out=False), n_stimuli, 2, size, seed=seed, frame_ms=frame_ms)
    shown = np.array([movie.frames[0] for movie in patches])
    names = [movie.name.split("_drift_")[0] for movie in patches]
    cortex = Cortex.of(shown, n_units, mean_count=mean_count, seed=seed)
    features, expected = cortex.features(shown), cortex.expected(shown)
    counts = stream(seed, "simulated V1", "spikes").poisson(expected, (n_trials, *expected.shape))
    groups = np.unique(names, return_inverse=True)[1]
    about = f"simulated: {n_units} complex cells with divisive normalisation, {mean_count:g} Poisson spikes a stimulus, seed {seed}"
    data = NeuralData(shown[:, None], counts.astype(np.float64), groups, frame_ms, name="simulated V1", source=about)
    return SimulatedV1(data, features, expected, cortex.units, cortex.bank)


@dataclass(frozen=True, eq=False)
class Cortex:
    """Complex cells that normalise each other, with what they have adapted to.

    Attributes
    ----------
    bank : Bank
    units : ndarray of int, shape (n_units,)
        The filter of each unit.
    half : float
        Mean squared energy of all filters at which answers are half of their most: ``s^2`` of `simulated_v1`.
    gain : ndarray, shape (n_units,)
        Spikes for a normalised energy of 1.
    """

    bank: Bank
    units: NDArray[np.int64]
    half: float
    gain: FloatArray

    @classmethod
    def of(cls, images: FloatArray, n_units: int, *, mean_count: float, seed: int = 0) -> Self:
        """Draw units, and let them adapt to images.

        Parameters
        ----------
        images : ndarray, shape (..., rows, cols)
        n_units : int
        mean_count : float
            Spikes of each unit, on average over these images.
        seed : int
            Of the filters.

        Returns
        -------
        Cortex

        Raises
        ------
        NeuralDataError
            If there are more units than filters.
        """
        rows, cols = images.shape[-2:]
        bank = gabor_bank(rows, cols)
        if n_units > bank.n:
            problem = f"is more than the {bank.n} filters of a {rows}x{cols} bank"
            raise NeuralDataError(sentence("simulated_v1.n_units", problem, got=n_units))
        units = np.sort(stream(seed, "simulated V1", "filters").permutation(bank.n)[:n_units])
        squared = bank.energy(images) ** 2
        half = float(np.median(squared.mean(axis=-1)))
        answers = normalised(squared, half)[..., units].reshape(-1, n_units)
        return cls(bank, units, half, mean_count / answers.mean(axis=0))

    def features(self, images: FloatArray) -> FloatArray:
        """Normalise the energies of all filters.

        Parameters
        ----------
        images : ndarray, shape (..., rows, cols)

        Returns
        -------
        ndarray, shape (..., n_filters)
        """
        return normalised(self.bank.energy(images) ** 2, self.half)

    def expected(self, images: FloatArray) -> FloatArray:
        """Give the mean counts.

        Parameters
        ----------
        images : ndarray, shape (..., rows, cols)

        Returns
        -------
        ndarray, shape (..., n_units)
        """
        found: FloatArray = self.features(images)[..., self.units] * self.gain
        return found


def normalised(squared: FloatArray, half: float) -> FloatArray:
    """Divide squared energies by what all filters answer.

    Parameters
    ----------
    squared : ndarray, shape (..., n_filters)
    half : float
        Mean over filters at which the answers are half of their most.

    Returns
    -------
    ndarray, shape (..., n_filters)
    """
    found: FloatArray = squared / (half + squared.mean(axis=-1, keepdims=True))
    return found
