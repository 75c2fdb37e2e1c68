"""How fast a small disturbance of a rate circuit dies out: the margin that a route with a lag may eat up.

The growth rate is that of a disturbance carried along while the circuit watches a movie, renewed in size after every
frame: the largest Lyapunov exponent of the driven circuit. Around a fixed point it is the largest real part of the eigenvalues.
It counts everything that a disturbance can hide in: currents, and what is on its way along slow axons.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from conversion.activity import simulation
from conversion.circuit import Circuit, FloatArray
from snn.errors import ConversionError, sentence
from snn.seeding import stream
from snn.state import Array, State
from snn.stimuli.movie import Movie

SIZE, FASTEST = 1e-6, -200.0
"""Size of a disturbance, and the fastest decay that counts, per second."""
MOVING = ("g/", "flight/", "v/")


def growth_rate(circuit: Circuit, movie: Movie, *, seed: int = 0) -> float:
    """Measure how fast disturbances grow.

    Parameters
    ----------
    circuit : Circuit
        Of rate units.
    movie : Movie
        What it watches; the first half is for the disturbance to find its direction, and is not counted.
    seed : int
        Of the first disturbance.

    Returns
    -------
    float
        Per second; below 0 where they die out, minus infinity where nothing is left of them, and infinity where the
        activity itself grows beyond all numbers.

    Raises
    ------
    ConversionError
        If the movie has fewer than three frames.

    References
    ----------
    Benettin et al. (1980), https://doi.org/10.1007/BF02128236; driven networks: Rajan, Abbott & Sompolinsky (2010),
    https://doi.org/10.1103/PhysRevE.82.011903.
    """
    if movie.n_frames < 3:
        raise ConversionError(sentence("stability", "needs three frames or more", got=movie.n_frames))
    base, other = (simulation(circuit) for _ in range(2))
    keys = [k for k in base.state().arrays if k.startswith(MOVING)]
    rng = stream(seed, "stability")
    gap: dict[str, FloatArray] = {k: rng.normal(size=a.shape) for k, a in base.state().arrays.items() if k in keys}
    logs = []
    for t, frame in enumerate(movie.frames):
        size = _size(gap.values())
        if size == 0.0:
            return -np.inf
        state = base.state()
        # A disturbance far below the size of what it disturbs would be lost in rounding, and look as if it had died out.
        small = SIZE * max(1.0, _size(state.arrays[k] for k in keys))
        if not np.isfinite(small):
            return np.inf
        moved: dict[str, Array] = {k: np.asarray(state.arrays[k], dtype=np.float64) + gap[k] * (small / size) for k in keys}
        # The movie goes on: nothing of it may be forgotten by either.
        other._set(State({**state.arrays, **moved}, state.step, state.seed, state.dt_ms, state.digest))
        shown = Movie(frame[None], movie.frame_ms)
        base.run(shown)
        other.run(shown)
        here, there = base.state().arrays, other.state().arrays
        gap = {k: np.asarray(there[k], dtype=np.float64) - np.asarray(here[k], dtype=np.float64) for k in keys}
        if t >= movie.n_frames // 2:
            grown = _size(gap.values()) / small
            if not np.isfinite(grown):
                return np.inf
            logs.append(np.log(grown) if grown > 0 else -np.inf)
    return float(np.mean(logs)) * 1000.0 / movie.frame_ms


def _size(arrays: Iterable[Array]) -> float:
    with np.errstate(over="ignore"):
        return float(np.sqrt(sum(float((np.asarray(x, dtype=np.float64) ** 2).sum()) for x in arrays)))


def refuse_unstable(before: float, after: float, what: str) -> None:
    """Raise where more than half of the margin is lost.

    Parameters
    ----------
    before, after : float
        Growth rates per second.
    what : str
        What was done, for the message.

    Raises
    ------
    ConversionError
        With both margins.
    """
    # Nothing is gained by dying out faster than a synapse does, so such margins count as that of the fastest.
    limit = max(before, FASTEST) / 2
    kept = after <= limit if before < 0 else after <= before + 1.0
    if not kept or after == np.inf:
        cure = "use the route 'twin', a shorter tau_ei_ms, or match_lag=True"
        lost = f"loses stability: disturbances, which grew by {before:.3g} per second, now grow by {after:.3g}"
        raise ConversionError(sentence(what, lost, cure=cure))
