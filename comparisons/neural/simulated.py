"""A visual cortex whose truth is known: complex cells with divisive normalisation, recorded with noise."""

from __future__ import annotations

from dataclasses import dataclass

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
    bank = gabor_bank(size, size)
    if n_units > bank.n:
        raise NeuralDataError(sentence("simulated_v1.n_units", f"is more than the {bank.n} filters of a {size}x{size} bank", got=n_units))
    patches = drifting_movies(photographs(held_out=False), n_stimuli, 2, size, seed=seed, frame_ms=frame_ms)
    shown = np.array([movie.frames[0] for movie in patches])
    names = [movie.name.split("_drift_")[0] for movie in patches]
    features = normalised(bank.energy(shown))
    units = np.sort(stream(seed, "simulated V1", "filters").permutation(bank.n)[:n_units])
    expected = features[:, units] * (mean_count / features[:, units].mean(axis=0))
    counts = stream(seed, "simulated V1", "spikes").poisson(expected, (n_trials, *expected.shape))
    groups = np.unique(names, return_inverse=True)[1]
    about = f"simulated: {n_units} complex cells with divisive normalisation, {mean_count:g} Poisson spikes a stimulus, seed {seed}"
    data = NeuralData(shown[:, None], counts.astype(np.float64), groups, frame_ms, name="simulated V1", source=about)
    return SimulatedV1(data, features, expected, units, bank)


def normalised(energy: FloatArray) -> FloatArray:
    """Divide squared energies by what all filters answer.

    Parameters
    ----------
    energy : ndarray, shape (n_stimuli, n_filters)

    Returns
    -------
    ndarray, shape (n_stimuli, n_filters)
    """
    squared = energy**2
    pool = squared.mean(axis=1, keepdims=True)
    found: FloatArray = squared / (np.median(pool) + pool)
    return found
