"""Learning curves: errors while learning, whatever learns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Progress:
    """Where learning stands after a stretch of frames, or after an update.

    Attributes
    ----------
    done, total : int
        Stretches or updates.
    mse_model, mse_copy_last : float
        Errors of what was just shown, in luminance squared; NaN when it has no scored frame.
    n_scored : int
        Scored frames.
    clip : str
        What was shown; empty where it was of several clips, or where that was not noted.
    """

    done: int
    total: int
    mse_model: float
    mse_copy_last: float
    n_scored: int
    clip: str = ""


@dataclass(eq=False)
class Curve:
    """Errors while learning, stretch by stretch or update by update.

    Attributes
    ----------
    points : list of Progress
    """

    points: list[Progress] = field(default_factory=list)

    def to_array(self) -> NDArray[np.float64]:
        """Give the numbers of all points as an array, for a checkpoint.

        Returns
        -------
        ndarray, shape (n_points, 5)
        """
        return np.array([(p.done, p.total, p.mse_model, p.mse_copy_last, p.n_scored) for p in self.points]).reshape(-1, 5)

    @classmethod
    def from_array(cls, array: NDArray[np.float64], clips: Sequence[str] = ()) -> Curve:
        """Read what `to_array` gave.

        Parameters
        ----------
        array : ndarray, shape (n_points, 5)
        clips : sequence of str
            Their clips; those of the last points are empty where there are fewer.

        Returns
        -------
        Curve
        """
        rows = np.asarray(array, dtype=np.float64)
        names = [*clips[: len(rows)], *[""] * (len(rows) - len(clips))]
        pairs = zip(rows, names, strict=True)
        return cls([Progress(int(d), int(t), float(m), float(c), int(n), clip) for (d, t, m, c, n), clip in pairs])

    def to_csv(self) -> str:
        """Give all points as a table of numbers, with a heading.

        Returns
        -------
        str
            As CSV: ``done``, ``mse_model``, ``mse_copy_last``, ``frames_scored``, ``clip``.
        """
        rows = ((p.done, p.mse_model, p.mse_copy_last, p.n_scored, p.clip) for p in self.points)
        return as_csv(("done", "mse_model", "mse_copy_last", "frames_scored", "clip"), rows)

    def ratio(self, last: int = 50) -> float:
        """Error over that of copying the last frame, over the latest points.

        Parameters
        ----------
        last : int
            Number of points.

        Returns
        -------
        float
            NaN when nothing has been scored.
        """
        recent = [p for p in self.points[-last:] if p.n_scored]
        copy = sum(p.mse_copy_last * p.n_scored for p in recent)
        return float(sum(p.mse_model * p.n_scored for p in recent) / copy) if copy > 0 else float("nan")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequence
        Numbers are written so that they can be read back exactly; names are quoted where they must be.

    Returns
    -------
    str
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
