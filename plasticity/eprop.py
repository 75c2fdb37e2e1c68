"""Eligibility propagation: what a synapse did for its cell, times what the cell is told that it did wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snn._model import Finite, NonNegative, Positive
from snn.local import MODULATOR, SIGN, Expr, Rule, State, STEP_ms, THIS_STEP_ms, Trace, Update, W, exp, maximum, own, pre, signal, voltage


class EProp(Rule):
    """Gradient descent through time, of what is local of it: an eligibility for each synapse, and a learning signal.

    In every step, with ``z`` the trace of the arrivals before, which decays as the membrane does, ``V`` the potential and ``L``
    the learning signal, spikes of ``excess`` less those of ``deficit``:

        psi = gamma max(0, 1 - |V - threshold| / width),    e = psi z,    E the low-pass of e with tau_out
        w <- w + modulator sign eta_mV quantum L E

    ``psi`` says how much more the cell would have fired for a little more potential, ``e`` what the synapse had to do with it,
    and ``E`` for how long that matters to who reads the cell.

    Parameters
    ----------
    eta_mV : float
        Step for an eligibility and a learning signal of 1.
    quantum : float
        Error that one spike of a teaching cell stands for.
    gamma : float
        Height of the pseudo-derivative.
    threshold_mV, width_mV : float
        Where it is greatest, and the distance at which it is 0; both the threshold of the cell, in the paper.
    tau_mem_ms : float
        Decay of the trace of arrivals; choose that of the cell.
    tau_out_ms : float
        Decay of who reads the cell.

    References
    ----------
    Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass (2020), https://doi.org/10.1038/s41467-020-17236-y,
    equations 22 to 24. ``gamma`` is NEST 3.10's, ``eprop_iaf``, and the paper's.

    Notes
    -----
    *Departures.* The learning signal is spikes of two populations that reach the target (`Signal`); weights change when it
    comes, not at the end of a trial. There is no term for an adapting threshold. The low-pass has a gain of 1.
    """

    kind: Literal["eprop"] = "eprop"
    eta_mV: NonNegative = 0.01
    quantum: Positive = 1.0
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.3
    threshold_mV: Finite = 1.0
    width_mV: Positive = 1.0
    tau_mem_ms: Positive = 20.0
    tau_out_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """Trace of arrivals and those of the step, which the potential has not yet heard of; spikes of the teaching cells."""
        told = (Trace(name, "signal", tau_ms=THIS_STEP_ms) for name in ("excess", "deficit"))
        return (Trace("z", "pre", tau_ms=self.tau_mem_ms), Trace("now", "pre", tau_ms=THIS_STEP_ms), *told)

    def states(self) -> tuple[State, ...]:
        """The eligibility."""
        return (State("eligibility", tau_ms=self.tau_out_ms),)

    def updates(self) -> tuple[Update, ...]:
        """One update in every step."""
        apart = voltage() - self.threshold_mV
        psi: Expr = self.gamma * maximum(1.0 - maximum(apart, 0.0 - apart) * (1.0 / self.width_mV), 0.0)
        fresh = 1.0 - exp(-1.0 / self.tau_out_ms * STEP_ms)
        eligible = own("eligibility") + fresh * psi * (pre("z") - pre("now"))
        told = self.quantum * (signal("excess") - signal("deficit"))
        return (Update("step", W + MODULATOR * SIGN * self.eta_mV * told * eligible, {"eligibility": eligible}),)
