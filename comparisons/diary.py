"""A diary of learning: a few numbers of every stretch, kept with the checkpoint, that tell later where it went wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comparisons.diagnostics import measure_activity, summary_columns, summary_row
from snn.curve import Curve, Progress, as_csv
from snn.description import Network
from snn.recording import Recording


class Diary:
    """Numbers of all stretches shown so far; only recordings are looked at, so that this costs next to nothing.

    Parameters
    ----------
    network : Network
        Its populations decide which numbers there are, as `comparisons.diagnostics.summary_columns` says.
    """

    def __init__(self, network: Network) -> None:
        self.network, self.columns = network, summary_columns(network)
        self._rows: list[list[float]] = []

    def note(self, progress: Progress, recording: Recording) -> None:
        """Add a stretch.

        Parameters
        ----------
        progress : Progress
        recording : Recording
        """
        row = summary_row(measure_activity(self.network, [recording]))
        self._rows.append([float(progress.done), *(row[name] for name in self.columns)])

    def to_array(self) -> NDArray[np.float64]:
        """Give all rows, for a checkpoint.

        Returns
        -------
        ndarray, shape (n_stretches, 1 + n_columns)
            The number of the stretch, then the columns.
        """
        return np.array(self._rows, dtype=np.float64).reshape(-1, 1 + len(self.columns))

    def read(self, array: NDArray[np.float64]) -> None:
        """Take up what `to_array` gave; rows of other columns are left out.

        Parameters
        ----------
        array : ndarray, shape (n_stretches, 1 + n_columns)
        """
        if array.shape[1:] == (1 + len(self.columns),):
            self._rows = [[float(x) for x in row] for row in array]

    def to_csv(self, curve: Curve) -> str:
        """Write all rows as a table.

        Parameters
        ----------
        curve : Curve
            It knows the clip of each stretch.

        Returns
        -------
        str
        """
        clips = {p.done: p.clip for p in curve.points}
        rows = ([int(done), clips.get(int(done), ""), *numbers] for done, *numbers in self._rows)
        return as_csv(["done", "clip", *self.columns], rows)
