"""Spike-timing-dependent plasticity, pair form."""

from __future__ import annotations

from typing import Literal

from snn._model import NonNegative, Positive
from snn.local import Rule, Trace, Update, W, post, pre


class PairSTDP(Rule):
    """Additive pair STDP with all-to-all pairing and hard bounds.

    ``w <- w + a_plus_mV x`` at a spike of the target cell, ``w <- w - a_minus_mV y`` at the arrival of a spike, with
    ``x`` the trace of arrivals and ``y`` the trace of the target's spikes; the engine clips to ``[0, w_max_mV]``.

    Parameters
    ----------
    a_plus_mV, a_minus_mV : float
        Steps of potentiation and depression for a trace of 1.
    tau_plus_ms, tau_minus_ms : float
        Decay of the two traces.

    References
    ----------
    Song, Miller & Abbott (2000), https://doi.org/10.1038/78829.

    Notes
    -----
    *Departures.* A spike that arrives in the very step in which the target fires counts as pre before post.
    """

    kind: Literal["pair_stdp"] = "pair_stdp"
    a_plus_mV: NonNegative
    a_minus_mV: NonNegative
    tau_plus_ms: Positive = 20.0
    tau_minus_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """One trace on each side."""
        return (Trace("x", "pre", tau_ms=self.tau_plus_ms), Trace("y", "post", tau_ms=self.tau_minus_ms))

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target."""
        return (
            Update("pre_spike", W - self.a_minus_mV * post("y")),
            Update("post_spike", W + self.a_plus_mV * pre("x")),
        )
