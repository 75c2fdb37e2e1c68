"""Short-term depression and facilitation of one projection, in plain NumPy, and its constants for a step.

Two numbers and a step are kept for every source cell: the resources and the share of them that its last spike to arrive found, and
when it arrived. What came between two spikes is a closed form of the time between, so that nothing is done for cells at rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from snn.description import Projection
from snn.engines.port import FloatArray
from snn.short_term import ShortTerm
from snn.state import Array


class ReleaseLaw(NamedTuple):
    """Constants of `ShortTerm` at a step size.

    Attributes
    ----------
    utilisation : float
    recovery, facilitation : float
        Decay per step, as an exponent; infinite where there is no facilitation.
    """

    utilisation: float
    recovery: float
    facilitation: float


def release_law(short: ShortTerm, dt_ms: float) -> ReleaseLaw:
    """Compute the constants for a step.

    Parameters
    ----------
    short : ShortTerm
    dt_ms : float
        Step.

    Returns
    -------
    ReleaseLaw
    """
    return ReleaseLaw(short.utilisation, dt_ms / short.recovery_ms, dt_ms / short.facilitation_ms if short.facilitation_ms else math.inf)


class PlainRelease:
    """What the source cells of one projection have left to deliver.

    Parameters
    ----------
    projection : Projection
        With ``short_term``.
    dt_ms : float
        Step.
    """

    def __init__(self, projection: Projection, dt_ms: float) -> None:
        assert projection.short_term is not None
        self.name, self.law = projection.name, release_law(projection.short_term, dt_ms)

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over what cells have left.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Under the keys of ``snn.state``.
        """
        self.x = np.array(arrays[f"resources/{self.name}"], dtype=np.float64)
        self.u = np.array(arrays[f"utilised/{self.name}"], dtype=np.float64)
        self.when = np.array(arrays[f"arrived/{self.name}"], dtype=np.int64)

    def dump(self) -> dict[str, Array]:
        """Copy out what `load` reads, under the keys of ``snn.state``."""
        return {
            f"resources/{self.name}": self.x.copy(),
            f"utilised/{self.name}": self.u.copy(),
            f"arrived/{self.name}": self.when.copy(),
        }

    def amounts(self, arrived: FloatArray, n: int) -> FloatArray:
        """Let the spikes of a step use resources.

        Parameters
        ----------
        arrived : ndarray, shape (n_pre,)
            Spikes that reached the synapses in this step.
        n : int
            Number of the step.

        Returns
        -------
        ndarray, shape (n_pre,)
            Share of its weight that each spike delivers; 0 for cells without one.
        """
        at, law = np.flatnonzero(arrived), self.law
        gap = (n - self.when[at]).astype(np.float64)
        self.x[at] = 1.0 + (self.x[at] - self.u[at] * self.x[at] - 1.0) * np.exp(-gap * law.recovery)
        self.u[at] = law.utilisation + self.u[at] * (1.0 - law.utilisation) * np.exp(-gap * law.facilitation)
        self.when[at] = n
        found = np.zeros(len(self.x))
        found[at] = self.u[at] * self.x[at]
        return found
