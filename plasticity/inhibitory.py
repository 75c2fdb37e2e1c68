"""Inhibitory plasticity: synapses that grow until they balance excitation and hold their target at a rate."""

from __future__ import annotations

from typing import Literal

from snn._model import NonNegative, Positive
from snn.local import Rule, Trace, Update, W, post, pre


class VogelsSTDP(Rule):
    """Symmetric inhibitory STDP that holds the target cell at a rate.

    With ``x`` the trace of arrivals and ``y`` that of the target's spikes, both with ``tau_ms``:

        at the arrival of a spike      w <- w + eta_mV (y - alpha),   alpha = 2 target_Hz tau_ms
        at a spike of the target       w <- w + eta_mV x

    For uncorrelated trains the mean change is ``2 tau eta rate_pre (rate_post - target)``: on inhibitory synapses it
    stops where the target cell fires at ``target_Hz``. Where excitation comes in channels that inhibition shares, each
    inhibitory synapse grows as far as its own channel is excited (detailed balance).

    Parameters
    ----------
    eta_mV : float
        Step for a trace of 1.
    target_Hz : float
        Rate of the target cell at which the weights rest; the paper's rho_0.
    tau_ms : float
        Decay of both traces.

    References
    ----------
    Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011), https://doi.org/10.1126/science.1211095; target rate and decay as
    in Brian2's example ``Vogels_et_al_2011``, whose step is 0.01 nS.

    Notes
    -----
    A synapse that is strong alone keeps its cell from firing just after it, and these missing pairs let the cell settle
    above the target; a hundred weak ones come within a few per cent. Inhibition that shares its drive with excitation meets
    more pairs than unrelated trains would, and lets the cell settle below.

    *Departures.* Weights are currents, not conductances, so that balance is a subtraction. A spike that arrives in the
    very step in which the target fires counts as pre before post.
    """

    kind: Literal["vogels_stdp"] = "vogels_stdp"
    eta_mV: NonNegative = 0.01
    target_Hz: Positive = 3.0
    tau_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """One trace on each side."""
        return (Trace("x", "pre", tau_ms=self.tau_ms), Trace("y", "post", tau_ms=self.tau_ms))

    def updates(self) -> tuple[Update, ...]:
        """Growth with pairs in either order, a constant loss at each arrival."""
        alpha = 2.0 * self.target_Hz * self.tau_ms / 1000.0
        return (
            Update("pre_spike", W + self.eta_mV * (post("y") - alpha)),
            Update("post_spike", W + self.eta_mV * pre("x")),
        )


class VogelsRate(Rule):
    """The same rule in rates, once a frame, for inhibition that outlasts its spikes.

    At the end of a frame, with ``x`` the frame mean of the trace of arrivals and ``n`` the spikes of the target cell in it:

        w <- w + eta_mV x (n - target_Hz frame_ms)

    This is the mean of `VogelsSTDP` over unrelated trains, with twice its ``eta_mV``. They differ where spikes come once and
    their effect stays, as change spikes on an integrating receptor do: there the loss of `VogelsSTDP`, which comes at arrivals
    only, is over before the cell can show whether it is balanced; here it lasts as long as the trace.

    Parameters
    ----------
    eta_mV : float
        Step for a trace of 1 and a spike of the target cell.
    target_Hz : float
        Rate of the target cell at which the weights rest.
    tau_ms : float
        Decay of the trace; of the order of the time for which a synapse acts.
    frame_ms : float
        Length of a frame.

    References
    ----------
    Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011), https://doi.org/10.1126/science.1211095; in rates, from inhibition to
    prediction-error cells, Hertäg & Sprekeler (2020), https://doi.org/10.7554/eLife.57541.

    Notes
    -----
    *Departures.* The rate of the source is a trace of some hundred milliseconds, since the source tells changes and the synapse
    keeps them; that of the target is counted over a frame.
    """

    kind: Literal["vogels_rate"] = "vogels_rate"
    eta_mV: NonNegative = 1e-4
    target_Hz: Positive = 2.0
    tau_ms: Positive = 1000.0
    frame_ms: Positive = 50.0

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of the trace of arrivals, and the target's spikes of the frame."""
        return (Trace("x", "pre", tau_ms=self.tau_ms, frame="mean"), Trace("n", "post", frame="sum"))

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        expected = self.target_Hz * self.frame_ms / 1000.0
        return (Update("frame_end", W + self.eta_mV * pre("x") * (post("n") - expected)),)
