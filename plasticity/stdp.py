"""Spike-timing-dependent plasticity: pairs, and triplets of spikes."""

from __future__ import annotations

from typing import Literal

from plasticity._pairs import PairRule
from snn._model import NonNegative, Positive
from snn.local import Rule, Trace, Update, W, post, pre


class PairSTDP(PairRule):
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

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target."""
        return (
            Update("pre_spike", W - self.a_minus_mV * post("y")),
            Update("post_spike", W + self.a_plus_mV * pre("x")),
        )


class TripletSTDP(Rule):
    """Triplet STDP with all-to-all pairing and hard bounds: pairs, and what other spikes did shortly before.

    With the fast and slow traces ``r1`` (``tau_plus_ms``), ``r2`` (``tau_x_ms``) of arrivals and ``o1``
    (``tau_minus_ms``), ``o2`` (``tau_y_ms``) of the target's spikes, each without the spike that acts:

        at the arrival of a spike      w <- w - o1 (a2_minus_mV + a3_minus_mV r2)
        at a spike of the target       w <- w + r1 (a2_plus_mV  + a3_plus_mV  o2)

    The defaults are the full all-to-all model fitted to visual cortex (the paper's table 3), as NEST's
    ``stdp_triplet_synapse`` has them: with them nearly all potentiation needs a second spike of the target, so that pairs
    depress at low rates and potentiate at high ones.

    Parameters
    ----------
    a2_plus_mV, a3_plus_mV, a2_minus_mV, a3_minus_mV : float
        Steps of pairs and triplets for traces of 1. The paper's are shares of the weight; the defaults are those shares
        of a weight of 1 mV.
    tau_plus_ms, tau_minus_ms : float
        Decay of the fast traces.
    tau_x_ms, tau_y_ms : float
        Decay of the slow traces of arrivals and of the target's spikes.

    References
    ----------
    Pfister & Gerstner (2006), https://doi.org/10.1523/JNEUROSCI.1425-06.2006; constants as in NEST,
    ``models/stdp_triplet_synapse.h``, and in NESTML's ``stdp_triplet_synapse`` for ``tau_minus_ms`` and ``tau_y_ms``.

    Notes
    -----
    *Departures.* A spike that arrives in the very step in which the target fires counts as pre before post. Weights
    have hard bounds; the paper's have none. The table itself was read through NEST, whose source names it.
    """

    kind: Literal["triplet_stdp"] = "triplet_stdp"
    a2_plus_mV: NonNegative = 5e-10
    a3_plus_mV: NonNegative = 6.2e-3
    a2_minus_mV: NonNegative = 7e-3
    a3_minus_mV: NonNegative = 2.3e-4
    tau_plus_ms: Positive = 16.8
    tau_minus_ms: Positive = 33.7
    tau_x_ms: Positive = 101.0
    tau_y_ms: Positive = 125.0

    def traces(self) -> tuple[Trace, ...]:
        """A fast and a slow trace on each side."""
        return (
            Trace("r1", "pre", tau_ms=self.tau_plus_ms),
            Trace("r2", "pre", tau_ms=self.tau_x_ms),
            Trace("o1", "post", tau_ms=self.tau_minus_ms),
            Trace("o2", "post", tau_ms=self.tau_y_ms),
        )

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target."""
        return (
            Update("pre_spike", W - post("o1") * (self.a2_minus_mV + self.a3_minus_mV * pre("r2"))),
            Update("post_spike", W + pre("r1") * (self.a2_plus_mV + self.a3_plus_mV * post("o2"))),
        )
