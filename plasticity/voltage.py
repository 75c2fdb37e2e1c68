"""Voltage-based plasticity: what arrivals meet in the potential of the cell, now and a moment ago."""

from __future__ import annotations

from typing import Literal

from snn._model import Finite, NonNegative, Positive
from snn.local import MODULATOR, Expr, Rule, STEP_ms, Trace, Update, W, maximum, post, pre, voltage


class VoltageSTDP(Rule):
    """Depression by arrivals at a cell that was depolarised, potentiation where a strong depolarisation follows arrivals.

    With ``V`` the potential of the target, ``low`` and ``high`` its low-passes as they were ``lag`` ago, ``[.]`` what is above 0, and
    ``x`` the low-pass of arrivals, which each raise it by ``1 / tau_x``:

        at the arrival of a spike      w <- w - modulator unit_mV a_ltd [low - theta_low] (mean / usual)^2
        in every step of ``dt``        w <- w + modulator unit_mV a_ltp dt x [V - theta_high] [high - theta_low]

    ``mean`` is a low-pass of ``V`` over a long time, by which depression holds a cell at its usual depolarisation; without
    ``usual_mV`` the factor is 1. The rule sees the potential alone, so the cell must have the shape of a spike: an `AdEx` whose peak
    is held. Of a spike of any other cell it sees the reset alone.

    Parameters
    ----------
    a_ltd : float
        Share of ``unit_mV`` by which an arrival depresses for each mV.
    a_ltp : float
        Share of ``unit_mV`` by which an arrival potentiates for each mV squared, while ``x`` decays.
    theta_low_mV, theta_high_mV : float
        Thresholds, from rest.
    tau_low_ms, tau_high_ms, tau_x_ms, tau_mean_ms : float
        Time constants of the low-passes.
    lag_ms : float
        By how much ``low`` and ``high`` are late, so that a spike does not meet its own peak in them; a whole number of steps.
    usual_mV : float, optional
        Depolarisation at which depression is ``a_ltd``.
    unit_mV : float
        Weight that counts as 1.

    References
    ----------
    Clopath, Büsing, Vasilaki & Gerstner (2010), https://doi.org/10.1038/nn.2479. Thresholds, amplitudes and the first three time
    constants are those of visual cortex in slices, as NEST 3.10, ``clopath_synapse`` and ``aeif_psc_delta_clopath``, has them for
    defaults; voltages count from the rest there, -70.6 mV. Its mean is over 1 s, and ``usual_mV`` squared is 60 mV squared.

    Notes
    -----
    *Departures.* The lag is in none of the paper's equations; it is in the code that its authors published, and in NEST
    (``delay_u_bars``). ``mean`` counts from rest, in NEST from 0 mV.
    """

    kind: Literal["voltage_stdp"] = "voltage_stdp"
    a_ltd: NonNegative = 14e-5
    a_ltp: NonNegative = 8e-5
    theta_low_mV: Finite = 0.0
    theta_high_mV: Finite = 25.3
    tau_low_ms: Positive = 10.0
    tau_high_ms: Positive = 7.0
    tau_x_ms: Positive = 15.0
    tau_mean_ms: Positive = 1000.0
    lag_ms: NonNegative = 5.0
    usual_mV: Positive | None = None
    unit_mV: Positive = 1.0

    def traces(self) -> tuple[Trace, ...]:
        """A trace of arrivals, and two or three low-passes of the potential."""
        mean = (Trace("mean", "post", tau_ms=self.tau_mean_ms, follows="potential"),) if self.usual_mV else ()
        return (
            Trace("x", "pre", tau_ms=self.tau_x_ms),
            Trace("low", "post", tau_ms=self.tau_low_ms, follows="potential", lag_ms=self.lag_ms),
            Trace("high", "post", tau_ms=self.tau_high_ms, follows="potential", lag_ms=self.lag_ms),
            *mean,
        )

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation in every step."""
        loss: Expr = MODULATOR * self.unit_mV * self.a_ltd * maximum(post("low") - self.theta_low_mV, 0.0)
        if self.usual_mV:
            loss = loss * post("mean") * post("mean") * (1.0 / self.usual_mV**2)
        strong, before = maximum(voltage() - self.theta_high_mV, 0.0), maximum(post("high") - self.theta_low_mV, 0.0)
        gain = MODULATOR * (self.unit_mV * self.a_ltp / self.tau_x_ms) * STEP_ms * pre("x") * strong * before
        return (Update("pre_spike", W - loss), Update("step", W + gain))
