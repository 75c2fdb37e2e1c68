"""The sliding threshold of Bienenstock, Cooper and Munro."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._running import followed
from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Const, Rule, State, Trace, Update, W, maximum, own, post, pre


class BCM(Rule):
    """Hebbian growth above a rate of the target, depression below it, and a threshold that follows the target's own activity.

    At the end of a frame, with ``x`` and ``y`` the frame means of the traces of arrivals and of the target's spikes and
    ``<y^2>`` its running mean over the frames before:

        w <- w + modulator eta_mV x y (y - theta),    theta = <y^2> / usual

    A cell comes to answer one of the patterns that it sees, and none of the others; for patterns that are linearly
    independent, of which each comes with the probability p, it rests where it answers one with ``usual / p``.

    Parameters
    ----------
    eta_mV : float
        Step for traces of 1.
    usual : float
        Trace of the target at which the threshold equals it.
    tau_ms : float
        Decay of both traces.
    share : float
        Share of the latest frame in the running mean, which forgets as ``(1 - share)^frames`` and is corrected for its
        beginning at 0. It must follow faster than weights move.

    References
    ----------
    Bienenstock, Cooper & Munro (1982), https://doi.org/10.1523/JNEUROSCI.02-01-00032.1982; the threshold as the mean square:
    Intrator & Cooper (1992), https://doi.org/10.1016/S0893-6080(05)80003-6.

    Notes
    -----
    *Departures.* Frame means of spike traces take the place of rates, which are never negative, and weights are magnitudes.
    Each synapse keeps the threshold of its cell for itself. There are no constants of the paper to take: it is qualitative.
    """

    kind: Literal["bcm"] = "bcm"
    eta_mV: NonNegative = 0.01
    usual: Positive = 1.0
    tau_ms: Positive = 20.0
    share: Annotated[float, Field(gt=0, le=1)] = 0.01

    def traces(self) -> tuple[Trace, ...]:
        """Frame means on both sides."""
        return (Trace("x", "pre", tau_ms=self.tau_ms, frame="mean"), Trace("y", "post", tau_ms=self.tau_ms, frame="mean"))

    def states(self) -> tuple[State, ...]:
        """Running mean of the target's square, and the weight that the frames so far have in it."""
        return (State("square"), State("seen"))

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        y = post("y")
        theta = own("square") / maximum(own("seen"), self.share) / self.usual
        kept = followed({"square": y * y, "seen": Const(1.0)}, self.share)
        return (Update("frame_end", W + MODULATOR * self.eta_mV * pre("x") * y * (y - theta), kept),)
