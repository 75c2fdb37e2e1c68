"""Latent predictive learning: a cell that changes little from frame to frame, and yet does not stay the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._running import followed
from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Const, Rule, State, Trace, Update, W, maximum, own, post, pre


class LatentPrediction(Rule):
    """Learning to foretell one's own activity: what it was a frame ago, less what it usually is.

    At the end of a frame, with ``x`` and ``z`` the frame means of the traces of arrivals and of the target's spikes, ``z'``
    that of the frame before, ``<z>`` and ``var`` running mean and variance of ``z``:

        w <- w + modulator eta_mV x z / (z + silence) (z' - z + variance (z - <z>) / (var + xi)) - modulator eta decay w

    The first term makes the cell answer as it did a frame ago, the second keeps it from answering always the same; ``z / (z
    + silence)`` is the slope of its rectification, as `CreditGated` has it. What differs between cells must come from
    elsewhere, such as inhibition between them.

    Parameters
    ----------
    eta_mV : float
        Step for traces of 1.
    variance : float
        Weight of the second term, in squared traces: the variance at which both terms weigh the same.
    xi : float
        Floor of the variance.
    silence : float
        Trace of the target at which half of a step is taken.
    decay : float
        Share of a weight that is lost in a frame.
    tau_ms : float
        Decay of both traces.
    share : float
        Share of the latest frame in the running mean and variance, which forget as ``(1 - share)^frames`` and are
        corrected for their beginning at 0.

    References
    ----------
    Halvagal & Zenke (2023), https://doi.org/10.1038/s41593-023-01460-y, their rate form, equation 5.

    Notes
    -----
    *Departures.* Spike traces of a frame take the place of rates and a frame that of their interval. There is no term that
    decorrelates cells, which would need weights of other cells. Weights are magnitudes.
    """

    kind: Literal["latent_prediction"] = "latent_prediction"
    eta_mV: NonNegative = 0.01
    variance: NonNegative = 1.0
    xi: Positive = 1e-3
    silence: Positive = 0.02
    decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    tau_ms: Positive = 20.0
    share: Annotated[float, Field(gt=0, le=1)] = 0.01

    def traces(self) -> tuple[Trace, ...]:
        """Frame means on both sides, and the target's of one frame ago."""
        both = Trace("x", "pre", tau_ms=self.tau_ms, frame="mean"), Trace("z", "post", tau_ms=self.tau_ms, frame="mean")
        return (*both, Trace("z_ago", "post", tau_ms=self.tau_ms, frame="mean", ago=1))

    def states(self) -> tuple[State, ...]:
        """Running mean and variance of the target, and the weight that the frames so far have in them."""
        return (State("mean"), State("variance"), State("seen"))

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        z, seen = post("z"), maximum(own("seen"), self.share)
        apart = z - own("mean") / seen
        told = post("z_ago") - z + self.variance * apart / (own("variance") / seen + self.xi)
        step = MODULATOR * (self.eta_mV * pre("x") * z / (z + self.silence) * told - self.decay * W)
        latest = {"mean": z, "variance": apart * apart, "seen": Const(1.0)}
        return (Update("frame_end", W + step, followed(latest, self.share)),)
