"""The rule of a layer that learns from the errors of what it serves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._delta import normalised
from snn._model import Positive
from snn.local import Rule, Trace, Update, post, signal


class CreditGated(Rule):
    """Three-factor rule: what arrived one frame ago, whether the cell then fired, and the credit that it is given now.

    At the end of a frame, with ``d = quantum_mV (excess - deficit)`` what the credit cells beside the target tell in the
    frame, ``x`` the frame mean of the presynaptic trace as it arrived and ``y`` that of the target's own spikes, both one
    frame ago, when the forecast was made that is judged now:

        w <- w + modulator sign eta d x / (c + sum over the cell's synapses of x^2) y / (y + silence)

    ``y / (y + silence)`` is the slope of the cell's rectification, as a synapse can see it: a cell that was silent would not
    have fired more for a little more input, and learns nothing. With credit cells that receive errors through the
    transposed forecast weights this is gradient descent on the squared forecast error, normalised.

    Parameters
    ----------
    eta : float
        Step at a modulator of 1.
    quantum_mV : float
        Credit that one spike of a credit cell stands for.
    c : float
        Floor of the normaliser, in squared trace units.
    silence : float
        Trace of the target at which half of the credit is taken.
    tau_ms : float
        Decay of the traces.
    late : bool
        Whether only the second half of a frame teaches.

    References
    ----------
    Back-propagation: Rumelhart, Hinton & Williams (1986), https://doi.org/10.1038/323533a0; with a learned way back:
    Akrout, Wilson, Humphreys, Lillicrap & Tweed (2019), https://doi.org/10.48550/arXiv.1904.05391. Three factors: Frémaux &
    Gerstner (2016), https://doi.org/10.3389/fncir.2015.00085. Errors on the apical side of a cell: Sacramento, Costa, Bengio
    & Senn (2018), https://doi.org/10.48550/arXiv.1810.11393.

    Notes
    -----
    *Departures.* Credit is spikes of two populations. It does not drive the cell that it teaches. Presynaptic traces of one
    frame ago stand for an eligibility.
    """

    kind: Literal["credit_gated"] = "credit_gated"
    eta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5
    quantum_mV: Positive = 0.2
    c: Positive = 1.0
    silence: Positive = 0.02
    tau_ms: Positive = 20.0
    late: bool = True

    def traces(self) -> tuple[Trace, ...]:
        """Frame means of source and target, one frame ago; credit spikes of the frame."""
        return (
            Trace("x", "pre", tau_ms=self.tau_ms, frame="mean", late=self.late, ago=1),
            Trace("y", "post", tau_ms=self.tau_ms, frame="mean", late=self.late, ago=1),
            Trace("excess", "signal", frame="sum", late=self.late),
            Trace("deficit", "signal", frame="sum", late=self.late),
        )

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        y, credit = post("y"), self.quantum_mV * (signal("excess") - signal("deficit"))
        return (normalised(self.eta, credit, y / (y + self.silence), self.c, 0.0),)
