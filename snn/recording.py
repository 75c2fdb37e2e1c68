"""What a run leaves behind: spike counts per frame, forecasts, and where asked for every spike as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn.errors import DescriptionError, nearest, sentence

IntArray = NDArray[np.int64]
FORECAST = "level0.forecast"
"""Name of the readout that is scored: what the circuit expects the next frame to be."""


@dataclass(frozen=True)
class Record:
    """What to keep of a run.

    Attributes
    ----------
    spikes : bool
        Every spike, as step and cell. Rate units send none.
    """

    spikes: bool = False


@dataclass(frozen=True)
class Spikes:
    """Spikes of one population, in order of time, then of cell.

    Attributes
    ----------
    steps : ndarray of int, shape (n_spikes,)
        Step since the run began.
    cells : ndarray of int, shape (n_spikes,)
        Number of the cell within its population.
    """

    steps: IntArray
    cells: IntArray


@dataclass(frozen=True, eq=False)
class Recording:
    """Result of a run.

    Attributes
    ----------
    n_frames : int
    frame_steps : int
        Steps of a frame.
    dt_ms : float
        Step.
    counts : mapping of str to ndarray, shape (n_frames, rows, cols, channels)
        Spikes (or graded equivalents) that each cell of a population sent in each frame.
    readouts : mapping of str to ndarray, shape (n_frames, rows, cols, features)
        Each readout's mean over the second half of each frame.
    spikes : mapping of str to Spikes
        Per population; empty unless asked for.
    """

    n_frames: int
    frame_steps: int
    dt_ms: float
    counts: Mapping[str, NDArray[np.float64]]
    readouts: Mapping[str, NDArray[np.float64]]
    spikes: Mapping[str, Spikes]

    def mean_rate_Hz(self, population: str) -> float:
        """Mean rate of a population's cells over the run.

        Parameters
        ----------
        population : str

        Returns
        -------
        float

        Raises
        ------
        DescriptionError
            If there is no such population.
        """
        if population not in self.counts:
            raise DescriptionError(
                sentence("recording.counts", f"there is no population {population!r}", cure=nearest(population, self.counts))
            )
        return float(self.counts[population].mean()) * 1000.0 / (self.frame_steps * self.dt_ms)
