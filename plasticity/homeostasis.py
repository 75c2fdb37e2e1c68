"""Homeostasis: rules that hold a cell's total input or its rate where it should be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snn._model import NonNegative, Positive
from snn.local import Rule, Trace, Update, W, maximum, post, post_sum

TINY_mV = 1e-12


class L1Norm(Rule):
    """The weights onto a cell are drawn to a fixed sum, all by the same factor.

    At the end of a frame:

        w <- w ((1 - share) + share total_mV / sum over the cell's synapses of w)

    so that the sum approaches ``total_mV`` as ``(1 - share)^frames`` and ratios of weights stay. ``share`` = 1 is the hard
    normalisation that is usual after each picture.

    Parameters
    ----------
    total_mV : float
        Sum of the weights of this projection onto one cell.
    share : float
        Share of the distance that one frame covers.

    References
    ----------
    Diehl & Cook (2015), https://doi.org/10.3389/fncom.2015.00099, normalise so; biology's counterpart is heterosynaptic
    competition for a limited resource: Turrigiano (2008), https://doi.org/10.1016/j.cell.2008.10.008.

    Notes
    -----
    *Departures.* A cell all of whose weights are 0 keeps them. It is meant for weights of one sign; for a ``mixed``
    source, whose sum may vanish, use another rule. Weights at ``w_max_mV`` are clipped, and the sum then stays short.
    """

    kind: Literal["l1_norm"] = "l1_norm"
    total_mV: Positive = 1.0
    share: Annotated[float, Field(gt=0, le=1)] = 1.0

    def traces(self) -> tuple[Trace, ...]:
        """It reads none."""
        return ()

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        return (Update("frame_end", W * ((1.0 - self.share) + self.share * self.total_mV / (post_sum(W) + TINY_mV))),)


class SynapticScaling(Rule):
    """All weights onto a cell grow or shrink by one factor, slowly, until it fires at its rate.

    At the end of a frame, with ``y`` the frame mean of the trace of the target's spikes:

        w <- w (1 + eta (target_Hz tau_ms - y))

    so that ratios of weights stay, and what other rules have learned with them.

    Parameters
    ----------
    eta : float
        Share of the weight for a trace that is 1 below its goal.
    target_Hz : float
        Rate at which the weights rest.
    tau_ms : float
        Decay of the trace.

    References
    ----------
    Turrigiano, Leslie, Desai, Rutherford & Nelson (1998), https://doi.org/10.1038/36103; the form is that of van Rossum, Bi &
    Turrigiano (2000), https://doi.org/10.1523/JNEUROSCI.20-23-08812.2000.

    Notes
    -----
    *Departures.* Without the second, integrating term of van Rossum et al. A factor below 0 counts as 0. Biology's pace is
    that of hours to days; ``eta`` says the pace here. It does not depend on the modulator.
    """

    kind: Literal["synaptic_scaling"] = "synaptic_scaling"
    eta: NonNegative = 1e-3
    target_Hz: Positive = 5.0
    tau_ms: Positive = 1000.0

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of the target's trace."""
        return (Trace("y", "post", tau_ms=self.tau_ms, frame="mean"),)

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        factor = maximum(1.0 + self.eta * (self.target_Hz * self.tau_ms / 1000.0 - post("y")), 0.0)
        return (Update("frame_end", W * factor),)


class TargetRate(Rule):
    """A cell's threshold as the weight of a tonic inhibitory synapse, which moves until the cell fires at its rate.

    At the end of a frame, with ``y`` the frame mean of the trace of the target's spikes:

        w <- w + eta_mV (y - target_Hz tau_ms)

    On synapses from a steadily firing inhibitory source this is integral control of the threshold: it rests only where
    the mean rate is ``target_Hz``, whatever drives the cell. An adaptation that decays (``AdaptiveLIF``) is proportional
    control: with ``a = adaptation tau rate`` in the long run, more drive leaves a higher rate.

    Parameters
    ----------
    eta_mV : float
        Step for a trace of 1.
    target_Hz : float
        Rate at which the weights rest.
    tau_ms : float
        Decay of the trace. A trace that is read in steps of ``dt`` is larger by ``dt / (2 tau_ms)`` than ``rate tau_ms``,
        so that the rate settles that share too low: a long one is more exact.

    References
    ----------
    Földiák (1990), https://doi.org/10.1007/BF02331346; used for thresholds by King, Zylberberg & DeWeese (2013),
    https://doi.org/10.1523/JNEUROSCI.4188-12.2013. Adaptive thresholds that only rise and decay: Diehl & Cook (2015),
    https://doi.org/10.3389/fncom.2015.00099.

    Notes
    -----
    *Departures.* The threshold is a synaptic weight, so that it cannot fall below that of the cell itself. It does not
    depend on the modulator: homeostasis goes on at its own pace when learning is annealed.
    """

    kind: Literal["target_rate"] = "target_rate"
    eta_mV: NonNegative = 0.02
    target_Hz: Positive = 3.0
    tau_ms: Positive = 100.0

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of the target's trace."""
        return (Trace("y", "post", tau_ms=self.tau_ms, frame="mean"),)

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        return (Update("frame_end", W + self.eta_mV * (post("y") - self.target_Hz * self.tau_ms / 1000.0)),)
