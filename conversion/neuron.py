"""Rate units become spiking cells whose population answers a current as the unit did.

*Integrate-and-fire*: ``tau dV/dt = I`` with a soft reset makes spikes at exactly ``I / tau``. Copies differ in how far from
threshold they rest, evenly over one spike, so that they do not fire together and the rounding of their sum falls as
1/copies; inhibition that outweighs excitation brings each back to its own rest.

*Leaky integrate-and-fire*: the answer to a current is curved. Constant currents, different for each copy, are chosen so that
the mean over the copies is straight: non-negative least squares for how many copies get which (`linearised`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from conversion.circuit import DT_MS, Answer, Circuit, FloatArray, r_max_of, rebuilt
from conversion.populate import stagger
from snn.cells import IF, LIF, RateUnit
from snn.description import Population
from snn.errors import ConversionError, sentence
from snn.state import Array

HEADROOM = 1.5
"""Activity up to which leaky cells are linearised, in units of the scale."""
FAST, LEAD = 0.5, 0.15
"""Share of the fastest rate up to which a cell is used, for above it steps are too coarse. By how much leaky cells are early, over
their membrane constant: at 10 ms, spikes came 3 to 6 ms early without, and 4 to 8 ms late with twice as much."""
Copies = Callable[[int], FloatArray]


def integrate_and_fire(circuit: Circuit, *, tau_rest_ms: float | None = 2.0, phases: Copies = stagger, floor: bool = True) -> Circuit:
    """Put integrate-and-fire cells in the place of rate units.

    Parameters
    ----------
    circuit : Circuit
        Of rate units that `rate_cell` made.
    tau_rest_ms : float, optional
        Return to rest while the current is not above 0; None for cells that remember how much they were inhibited.
    phases : callable
        From the number of copies to how far above the reset each rests, in spikes, within (0, 1).
    floor : bool
        Whether V stays within one spike below rest.

    Returns
    -------
    Circuit
        Of spiking cells, whose mean rates are those of the units.

    Raises
    ------
    ConversionError
        If a population does not consist of such rate units.
    """
    arrays: dict[str, Array] = dict(circuit.arrays)
    populations = []
    for p in circuit.network.populations:
        _refuse_other(p)
        cell = IF(
            tau_mem_ms=1000.0 / r_max_of(p),
            v_threshold_mV=1.0,
            reset_by_mV=1.0,
            v_floor_mV=-1.0 if floor else None,
            tau_rest_ms=tau_rest_ms,
        )
        populations.append(p.model_copy(update={"cell": cell}))
        # V counts from rest, so a cell that rests nearer to threshold has a lower one.
        arrays[f"threshold/{p.name}"] = np.tile(1.0 - phases(p.copies), p.units.n)
    listed = [(j, circuit.weights(j.name)) for j in circuit.network.projections]
    return rebuilt(circuit, populations, listed, {k: a for k, a in arrays.items() if not k.startswith("weights/")})


def leaky_integrate_and_fire(circuit: Circuit, *, tau_mem_ms: float = 10.0, t_ref_ms: float = 0.0, identical: bool = False) -> Circuit:
    """Put leaky integrate-and-fire cells in the place of rate units.

    Leaky cells answer a change of their current early, by about `LEAD` of their membrane constant, so their axons get as
    much longer.

    Parameters
    ----------
    circuit : Circuit
        Of rate units that `rate_cell` made.
    tau_mem_ms : float
        Membrane constant.
    t_ref_ms : float
        Refractory time.
    identical : bool
        Whether all copies get the mean of the constant currents.

    Returns
    -------
    Circuit
        Of spiking cells; all populations are biased.

    Raises
    ------
    ConversionError
        If a population does not consist of such rate units, or its rate cannot be reached.
    """
    cell = LIF(tau_mem_ms=tau_mem_ms, v_threshold_mV=1.0, v_reset_mV=0.0, t_ref_ms=t_ref_ms, v_floor_mV=0.0)

    def fit(copies: int, r_max_Hz: float) -> Answer:
        found = linearised(cell, copies, r_max_Hz)
        return replace(found, bias_mV=np.full(copies, found.bias_mV.mean())) if identical else found

    return _driven(circuit, cell, fit, lead_ms=float(round(LEAD * tau_mem_ms)))


def at_rheobase(circuit: Circuit, *, gain: float, tau_mem_ms: float = 10.0, t_ref_ms: float = 2.0) -> Circuit:
    """Put leaky cells that rest at their threshold in the place of rate units, with one gain for all: no answer is made straight.

    Parameters
    ----------
    circuit : Circuit
        Of rate units that `rate_cell` made.
    gain : float
        Current for an activity at the scale, in units of the threshold.
    tau_mem_ms, t_ref_ms : float

    Returns
    -------
    Circuit
        Of identical copies, as in Kim, Li & Sejnowski (2019), https://doi.org/10.1073/pnas.1905926116.

    Raises
    ------
    ConversionError
        If a population does not consist of such rate units.

    Notes
    -----
    *Departures*: one exponential synapse, no noise on the membrane, steps of 1 ms.
    """
    cell = LIF(tau_mem_ms=tau_mem_ms, v_threshold_mV=1.0, v_reset_mV=0.0, t_ref_ms=t_ref_ms)
    return _driven(circuit, cell, lambda copies, r_max_Hz: Answer(r_max_Hz, gain, np.ones(copies)))


def _driven(circuit: Circuit, cell: LIF, fit: Callable[[int, float], Answer], lead_ms: float = 0.0) -> Circuit:
    """Put cells in the place of units, with a gain and constant currents."""
    arrays: dict[str, Array] = {}
    populations = []
    answers: dict[str, Answer] = {}
    fits: dict[tuple[int, float], Answer] = {}
    for p in circuit.network.populations:
        _refuse_other(p)
        key = p.copies, r_max_of(p)
        fits[key] = answers[p.name] = own = fits.get(key) or fit(*key)
        populations.append(p.model_copy(update={"cell": cell, "biased": True, "drive_gain": p.drive_gain * own.gain_mV}))
        arrays[f"bias/{p.name}"] = circuit.bias(p.name) * own.gain_mV + np.tile(own.bias_mV, p.units.n)
    longer = [j.model_copy(update={"delay_ms": j.delay_ms + lead_ms}) for j in circuit.network.projections]
    listed = [(j, circuit.weights(j.name) * answers[j.target].gain_mV) for j in longer]
    return replace(rebuilt(circuit, populations, listed, arrays), answers=answers)


def answer(cell: LIF, current_mV: FloatArray, dt_ms: float = DT_MS) -> FloatArray:
    """Rate of a leaky cell with a hard reset to 0 under a constant current, at whole steps.

    ``T = t_ref + tau ln(J / (J - threshold))`` rounded up to the step, as an engine does it.

    Parameters
    ----------
    cell : LIF
    current_mV : ndarray
        Of any shape.
    dt_ms : float

    Returns
    -------
    ndarray, shape as ``current_mV``
        In Hz.

    References
    ----------
    Brunel & van Rossum (2007), https://doi.org/10.1007/s00422-007-0190-0.
    """
    over = np.maximum(current_mV, cell.v_threshold_mV * (1 + 1e-12))
    steps = np.ceil(cell.tau_mem_ms / dt_ms * -np.log1p(-cell.v_threshold_mV / over) - 1e-9)
    held = max(round(cell.t_ref_ms / dt_ms) - 1, 0)
    rate: FloatArray = np.where(current_mV > cell.v_threshold_mV, 1000.0 / (dt_ms * (np.maximum(steps, 1) + held)), 0.0)
    return rate


def linearised(cell: LIF, copies: int, r_max_Hz: float, bins: int = 61) -> Answer:
    """Choose constant currents of the copies, and a gain, that make their mean rate proportional to activity.

    Minimises ``sum_d w (sum_k p_k f(g d + u_k) - r_max d)^2`` with ``p >= 0``, for activities d up to `HEADROOM`, over g.

    Parameters
    ----------
    cell : LIF
    copies : int
    r_max_Hz : float
    bins : int
        Constant currents tried.

    Returns
    -------
    Answer

    Raises
    ------
    ConversionError
        If the cell cannot fire that fast.
    """
    from scipy.optimize import nnls

    fastest = 1000.0 / max(DT_MS, cell.t_ref_ms)
    if r_max_Hz * HEADROOM > FAST * fastest:
        allowed = f"<= {FAST * fastest / HEADROOM:g}"
        raise ConversionError(
            sentence("r_max_Hz", f"is too fast for cells refractory for {cell.t_ref_ms} ms", got=r_max_Hz, allowed=allowed)
        )
    d = np.concatenate([np.linspace(-0.3, 0.0, 16), np.linspace(0.0, HEADROOM, 151)[1:]])
    goal = r_max_Hz * np.maximum(d, 0.0)
    u = np.linspace(-0.5, 1.0, bins) * cell.v_threshold_mV
    best: tuple[float, float, FloatArray] | None = None
    for gain in np.linspace(0.3, 2.5, 45) * cell.v_threshold_mV * r_max_Hz * cell.tau_mem_ms / 1000.0:
        rates = smooth(cell, gain * d[:, None] + u[None, :], 0.02 * gain)
        # The shares add up to 1: a row that outweighs the others.
        table = np.vstack([rates, np.full((1, bins), 1e3 * r_max_Hz)])
        share, left = nnls(table, np.append(goal, 1e3 * r_max_Hz))
        if best is None or left < best[0]:
            best = left, gain, share
    assert best is not None
    _, gain, share = best
    edges = np.concatenate([[0.0], np.cumsum(share) / share.sum()])
    bias = np.interp(stagger(copies), (edges[1:] + edges[:-1]) / 2, u)
    return Answer(r_max_Hz, float(gain), bias)


def smooth(cell: LIF, current_mV: FloatArray, noise_mV: float) -> FloatArray:
    """Rate under a current that fluctuates a little, as synaptic currents do: rounding to steps then averages out.

    Parameters
    ----------
    cell : LIF
    current_mV : ndarray
        Of any shape.
    noise_mV : float
        Standard deviation.

    Returns
    -------
    ndarray, shape as ``current_mV``
        In Hz.
    """
    from scipy.special import roots_hermitenorm

    points, weights = roots_hermitenorm(7)
    rates = [answer(cell, current_mV + noise_mV * x) for x in points]
    mean: FloatArray = np.tensordot(weights / weights.sum(), np.stack(rates), axes=1)
    return mean


def _refuse_other(p: Population) -> None:
    cell = p.cell
    if (
        not isinstance(cell, RateUnit)
        or cell.leaky
        or cell.v_threshold_mV
        or abs(cell.gain_Hz_per_mV * cell.reset_by_mV * DT_MS - 1000.0) > 1e-6
    ):
        cure = "begin with what conversion.trace makes"
        raise ConversionError(sentence(f"{p.name}.cell", "is no rectified unit without memory", got=p.cell.kind, cure=cure))


Neuron = Literal["if", "lif"]
