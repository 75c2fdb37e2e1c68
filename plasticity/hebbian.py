"""Hebbian rules over frame means: the first principal component, and synapses that measure correlations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._running import followed
from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Const, Rule, State, Trace, Update, W, maximum, own, post, pre


class Oja(Rule):
    """Hebbian growth that a decay with the square of the output keeps bounded.

    At the end of a frame, with ``x`` and ``y`` the frame means of the traces of arrivals and of the target's spikes:

        w <- w + modulator eta_mV y (x - y w / unit_mV)

    For a cell with ``y = k w . x`` the weights turn to the first principal component of ``<x x^T>`` and their length to
    ``sqrt(unit_mV / k)``; for any cell they rest where ``w / unit_mV = <y x> / <y^2>``, the linear estimate of the input
    from the cell's output.

    Parameters
    ----------
    eta_mV : float
        Step for traces of 1.
    unit_mV : float
        Weight that counts as 1 in the decay.
    tau_ms : float
        Decay of both traces.

    References
    ----------
    Oja (1982), https://doi.org/10.1007/BF00275687.

    Notes
    -----
    *Departures.* Frame means of spike traces take the place of graded values. They are never negative, so that the
    component found is that of ``<x x^T>`` about zero, not about the mean; it has no negative entries (Perron), and
    weights with Dale's law find the same as ``mixed`` ones.
    """

    kind: Literal["oja"] = "oja"
    eta_mV: NonNegative = 0.01
    unit_mV: Positive = 1.0
    tau_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """Frame means on both sides."""
        return (Trace("x", "pre", tau_ms=self.tau_ms, frame="mean"), Trace("y", "post", tau_ms=self.tau_ms, frame="mean"))

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        return (Update("frame_end", W + MODULATOR * self.eta_mV * post("y") * (pre("x") - post("y") * W * (1.0 / self.unit_mV))),)


class CorrelationMeasuring(Rule):
    """A weight that comes to say how much more often two cells fire together than chance would have it.

    At the end of a frame, with ``x`` and ``y`` the frame means of the traces of arrivals and of the target's spikes and
    ``<x>``, ``<y>`` their running means over the frames before:

        w <- w + modulator eta_mV (x y - <x> <y> (1 + w / unit_mV))

    It rests at ``w / unit_mV = <x y> / (<x> <y>) - 1``: 0 for independent cells, whatever their rates. Between
    excitatory and inhibitory cells, in both directions, it makes inhibition decorrelate the excitatory cells.

    Parameters
    ----------
    eta_mV : float
        Step for traces of 1.
    unit_mV : float
        Weight that stands for cells that fire together twice as often as chance.
    tau_ms : float
        Decay of the traces.
    share : float
        Share of the latest frame in the running means, which forget as ``(1 - share)^frames`` and are corrected for their
        beginning at 0. They go on at a modulator of 0, so that a network can take them before it learns.

    References
    ----------
    King, Zylberberg & DeWeese (2013), https://doi.org/10.1523/JNEUROSCI.4188-12.2013; checked against the authors' own
    code, https://github.com/paulking/ei_net, ``NetModel_UpdateFast.m``, which keeps and corrects its means so too.

    Notes
    -----
    *Departures.* The product is one of frame means, which the authors' code has as "mean rate learning"; the paper's is
    taken in every step. Weights change after each frame, not after a hundred. Each synapse keeps the means of both its
    cells for itself.
    """

    kind: Literal["correlation_measuring"] = "correlation_measuring"
    eta_mV: NonNegative = 0.01
    unit_mV: Positive = 1.0
    tau_ms: Positive = 20.0
    share: Annotated[float, Field(gt=0, le=1)] = 1e-3

    def traces(self) -> tuple[Trace, ...]:
        """Frame means on both sides."""
        return (Trace("x", "pre", tau_ms=self.tau_ms, frame="mean"), Trace("y", "post", tau_ms=self.tau_ms, frame="mean"))

    def states(self) -> tuple[State, ...]:
        """Running means of both sides, and the weight that the frames so far have in them."""
        return (State("x_mean"), State("y_mean"), State("seen"))

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        seen = maximum(own("seen"), self.share)
        chance = own("x_mean") * own("y_mean") / (seen * seen)
        step = pre("x") * post("y") - chance * (1.0 + W * (1.0 / self.unit_mV))
        means = {"x_mean": pre("x"), "y_mean": post("y"), "seen": Const(1.0)}
        return (Update("frame_end", W + MODULATOR * self.eta_mV * step, followed(means, self.share)),)
