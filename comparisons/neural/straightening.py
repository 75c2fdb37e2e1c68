"""How straight the path of a film is in a population: what predicts well is said to see the world on straighter paths than its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn.errors import NeuralDataError, sentence

FloatArray = NDArray[np.float64]


def curvature_deg(path: FloatArray) -> float:
    """Say by how much a path turns from step to step.

    ``mean over t of arccos(d_t . d_(t+1) / |d_t| |d_(t+1)|)`` with steps ``d_t = x_(t+1) - x_t``: 0 is a straight line, 90 a random walk
    in many dimensions, 120 white noise.

    Parameters
    ----------
    path : ndarray, shape (n_films, n_frames, n_cells)

    Returns
    -------
    float
        Mean over films too; steps on which nothing moves have no angle. NaN where none has.

    Raises
    ------
    NeuralDataError
        If there are less than three frames.

    References
    ----------
    Henaff, Goris & Simoncelli (2019), https://doi.org/10.1038/s41593-019-0377-4.
    """
    if path.ndim != 3 or path.shape[1] < 3:
        raise NeuralDataError(
            sentence("curvature", "needs films of three frames or more", got=path.shape, allowed="(films, frames, cells)")
        )
    steps = np.diff(path, axis=1)
    lengths = np.linalg.norm(steps, axis=2)
    # Of a path that has moved at all, what is left by round-off is no step.
    moved = lengths > 1e-9 * max(float(np.abs(path).max()), 1e-300)
    both = moved[:, 1:] & moved[:, :-1]
    if not both.any():
        return float("nan")
    products = np.einsum("ntc,ntc->nt", steps[:, 1:], steps[:, :-1])[both] / (lengths[:, 1:] * lengths[:, :-1])[both]
    return float(np.degrees(np.arccos(np.clip(products, -1.0, 1.0))).mean())
