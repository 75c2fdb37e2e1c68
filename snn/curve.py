"""Learning curves: errors while learning, whatever learns."""

from __future__ import annotations

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
    """

    done: int
    total: int
    mse_model: float
    mse_copy_last: float
    n_scored: int


@dataclass(eq=False)
class Curve:
    """Errors while learning, stretch by stretch or update by update.

    Attributes
    ----------
    points : list of Progress
    """

    points: list[Progress] = field(default_factory=list)

    def to_array(self) -> NDArray[np.float64]:
        """Give all points as an array, for a checkpoint.

        Returns
        -------
        ndarray, shape (n_points, 5)
        """
        return np.array([(p.done, p.total, p.mse_model, p.mse_copy_last, p.n_scored) for p in self.points]).reshape(-1, 5)

    @classmethod
    def from_array(cls, array: NDArray[np.float64]) -> Curve:
        """Read what `to_array` gave.

        Parameters
        ----------
        array : ndarray, shape (n_points, 5)

        Returns
        -------
        Curve
        """
        return cls([Progress(int(d), int(t), float(m), float(c), int(n)) for d, t, m, c, n in np.asarray(array, dtype=np.float64)])

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
