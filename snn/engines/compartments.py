"""One exact step of two coupled compartments: the closed form for the linear equations of `TwoCompartment`.

With ``x = (V, D)`` and ``dx/dt = A x + b exp(-t/tau)`` a step is ``x <- exp(A dt) x + integral of exp(A (dt - s)) b
exp(-s/tau) ds``. Both are functions of the 2x2 matrix A, and any function of it is ``f(p) + f[p, q] (A - p)`` with p, q its
eigenvalues, which are real, and ``f[p, q]`` a divided difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn.cells import TwoCompartment
from snn.synapses import Receptor

NEAR = 0.5
"""Points of a divided difference that lie within this are near: there its series is exact, and differences are not."""


@dataclass(frozen=True)
class DendriteLaw:
    """Numbers with which one step of a dendrite, and what it does to the soma, is computed.

    Attributes
    ----------
    to_soma : float
        Factor of D in the new V.
    from_soma, d, drive, adaptation : float
        Factors of V, of D, of the external current and of the adaptation of the soma in the new D.
    receptor_gain : tuple of float
        Per receptor, its factor in the new D; a pulse has ``d`` or ``from_soma``.
    """

    to_soma: float
    from_soma: float
    d: float
    drive: float
    adaptation: float
    receptor_gain: tuple[float, ...]


@dataclass(frozen=True)
class SomaLaw:
    """The same for the soma.

    Attributes
    ----------
    v, drive, adaptation : float
        Factors of V, of the external current and of the adaptation in the new V.
    receptor_gain : tuple of float
        Per receptor, its factor in the new V.
    """

    v: float
    drive: float
    adaptation: float
    receptor_gain: tuple[float, ...]


def divided_difference(points: Sequence[float]) -> float:
    """Compute the divided difference of the exponential function at some points, some of which may be equal.

    Parameters
    ----------
    points : sequence of float

    Returns
    -------
    float
        ``exp(x)`` for one point; ``(exp(x) - exp(y)) / (x - y)`` for two, and so on.
    """
    x = sorted(points)
    n = len(x) - 1
    if x[-1] - x[0] > NEAR:
        return (divided_difference(x[1:]) - divided_difference(x[:-1])) / (x[-1] - x[0])
    middle = math.fsum(x) / len(x)
    # Sum over k of h_k(x - middle) / (k + n)!, with h_k the complete symmetric polynomials.
    h = np.zeros(16)
    h[0] = 1.0
    for point in x:
        for k in range(1, len(h)):
            h[k] += (point - middle) * h[k - 1]
    return math.exp(middle) * math.fsum(float(h[k]) / math.factorial(k + n) for k in range(len(h)))


def two_compartments(cell: TwoCompartment, receptors: Sequence[Receptor], dt_ms: float) -> tuple[SomaLaw, DendriteLaw]:
    """Compute the numbers of a step.

    Parameters
    ----------
    cell : TwoCompartment
    receptors : sequence of Receptor
    dt_ms : float
        Step.

    Returns
    -------
    (SomaLaw, DendriteLaw)
    """
    soma, dendrite = 1.0 + cell.coupling + cell.nudge, 1.0 + cell.back_coupling
    # All times in steps.
    mem, dend = dt_ms / cell.tau_mem_ms, dt_ms / cell.tau_dend_ms
    a = np.array([[-soma * mem, cell.coupling * mem], [cell.back_coupling * dend, -dendrite * dend]])
    half = 0.5 * (a[0, 0] - a[1, 1])
    root, mean = math.sqrt(half * half + a[0, 1] * a[1, 0]), 0.5 * (a[0, 0] + a[1, 1])
    p, q = mean + root, mean - root

    def moved(*rates: float) -> NDArray[np.float64]:
        """Matrix of a step: without a rate, of what is there; with one, of a current that decays at it (0: that stays)."""
        first: NDArray[np.float64] = divided_difference((p, *rates)) * np.eye(2)
        rest: NDArray[np.float64] = divided_difference((p, q, *rates)) * (a - p * np.eye(2))
        return np.asarray(first + rest, dtype=np.float64)

    def effect(r: Receptor) -> NDArray[np.float64]:
        place = 1 if r.compartment == "dendrite" else 0
        if r.kinetics == "pulse":
            return np.asarray(step[:, place], dtype=np.float64)
        rate = -dt_ms / r.tau_ms if r.tau_ms is not None else 0.0
        column: NDArray[np.float64] = moved(rate)[:, place] * (dend if place else mem)
        return column

    step, drive = moved(), moved(0.0)[:, 0] * mem
    adaptation = moved(-dt_ms / cell.tau_adaptation_ms)[:, 0] * mem if cell.tau_adaptation_ms else drive
    effects = [effect(r) for r in receptors]
    return (
        SomaLaw(float(step[0, 0]), float(drive[0]), float(adaptation[0]), tuple(float(e[0]) for e in effects)),
        DendriteLaw(
            float(step[0, 1]),
            float(step[1, 0]),
            float(step[1, 1]),
            float(drive[1]),
            float(adaptation[1]),
            tuple(float(e[1]) for e in effects),
        ),
    )
