"""The last pass of calibration: correct what cells do among each other, a little at a time, as long as it helps."""

from __future__ import annotations

from collections.abc import Sequence

from conversion.activity import passed, watch
from conversion.calibration import TAU_MS, Regression, at_scale, corrected, scale_of
from conversion.circuit import Circuit, FloatArray, standing
from conversion.scaling import settling_frames
from snn.stimuli.movie import Movie

DAMPING, ROUNDS = 0.5, 3


def close_loop(
    rates: Circuit, cells: Circuit, movies: Sequence[Movie], *, rounds: int = ROUNDS, damping: float = DAMPING
) -> tuple[Circuit, list[float]]:
    """Let the spiking circuit run beside the rate model, and straighten its populations by half of what they miss.

    Parameters
    ----------
    rates : Circuit
        Of rate units.
    cells : Circuit
        Spiking.
    movies : sequence of Movie
        Calibration clips.
    rounds : int
        Most corrections.
    damping : float
        Share of a correction that is made.

    Returns
    -------
    cells : Circuit
        The best one; the one that was given if no correction helps.
    errors : list of float
        Mean NRMSE over populations: before, and after each round that was tried.
    """
    found = beside(rates, cells, movies)
    best, errors = cells, [found.mean_nrmse()]
    for _ in range(rounds):
        lines = {p.name: at_scale(found.line(p.name), best, p.name) for p in standing(rates)}
        tried = corrected(best, lines, damping)
        found = beside(rates, tried, movies)
        errors.append(found.mean_nrmse())
        if errors[-1] >= min(errors[:-1]):
            break
        best = tried
    return best, errors


def beside(rates: Circuit, cells: Circuit, movies: Sequence[Movie], tau_ms: float = TAU_MS) -> Regression:
    """Compare what cells tell with what rate units do, after a synapse.

    Parameters
    ----------
    rates, cells : Circuit
    movies : sequence of Movie
        Each begins at rest; frames of settling are not counted.
    tau_ms : float
        Decay of the synapse.

    Returns
    -------
    Regression
    """
    found = Regression()
    for movie in movies:
        before: dict[str, FloatArray] = {}
        for t, (meant, told) in enumerate(zip(watch(rates, movie), watch(cells, movie), strict=True)):
            for name in (p.name for p in standing(rates)):
                x, y = (passed(a[name], before, f"{kind}/{name}", tau_ms) for kind, a in (("told", told), ("meant", meant)))
                if t >= settling_frames(rates.network):
                    found.add(name, x, y, scale_of(cells, name))
    return found
