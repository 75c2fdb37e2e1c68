"""Spike-timing-dependent plasticity in which only some pairs of spikes count: nearest neighbours."""

from __future__ import annotations

from typing import Literal

from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Const, Rule, State, Update, W, own


class NearestSTDP(Rule):
    """Additive pair STDP of neighbouring spikes, with hard bounds.

    ``w <- w + modulator a_plus_mV x`` at a spike of the target cell, ``w <- w - modulator a_minus_mV y`` at the arrival of
    a spike. The synapse keeps ``x`` and ``y`` for itself, which decay; what sets them is the scheme:

    ===============  ======================================  ======================================
    scheme           an arrival                              a spike of the target
    ===============  ======================================  ======================================
    ``symmetric``    x <- 1                                  y <- 1
    ``pre_centred``  x <- x + 1                              y <- 1, x <- 0
    ``restricted``   x <- 1, y <- 0                          y <- 1, x <- 0
    ===============  ======================================  ======================================

    ``symmetric``: each spike pairs with the last one of the other side. ``pre_centred``: each arrival pairs with the last
    spike of the target and with the next. ``restricted``: the same, of immediate neighbours alone.

    Parameters
    ----------
    a_plus_mV, a_minus_mV : float
        Steps of potentiation and depression for spikes at the same time.
    tau_plus_ms, tau_minus_ms : float
        Decay with the time between them.
    scheme : {'symmetric', 'pre_centred', 'restricted'}
        Which pairs count.

    References
    ----------
    Morrison, Diesmann & Gerstner (2008), https://doi.org/10.1007/s00422-008-0233-1, figure 7; the schemes are those of
    NEST 3.10, ``stdp_nn_symm_synapse``, ``stdp_nn_pre_centered_synapse`` and ``stdp_nn_restr_synapse``.

    Notes
    -----
    *Departures.* A spike that arrives in the very step in which the target fires counts as pre before post.
    """

    kind: Literal["nearest_stdp"] = "nearest_stdp"
    a_plus_mV: NonNegative
    a_minus_mV: NonNegative
    tau_plus_ms: Positive = 20.0
    tau_minus_ms: Positive = 20.0
    scheme: Literal["symmetric", "pre_centred", "restricted"] = "symmetric"

    def traces(self) -> tuple[()]:
        """It reads none: which pairs count is told of each synapse."""
        return ()

    def states(self) -> tuple[State, ...]:
        """What the synapse remembers of arrivals and of spikes of its target."""
        return (State("x", tau_ms=self.tau_plus_ms), State("y", tau_ms=self.tau_minus_ms))

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target, and what either leaves behind."""
        one, none = Const(1.0), Const(0.0)
        arrival = {"x": own("x") + 1.0 if self.scheme == "pre_centred" else one}
        spike = {"y": one}
        if self.scheme == "restricted":
            arrival["y"] = none
        if self.scheme != "symmetric":
            spike["x"] = none
        return (
            Update("pre_spike", W - MODULATOR * self.a_minus_mV * own("y"), own=arrival),
            Update("post_spike", W + MODULATOR * self.a_plus_mV * own("x"), own=spike),
        )
