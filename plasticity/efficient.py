"""Efficient balanced networks: potentials that come to be coding errors, by two rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Rule, Trace, Update, W, post, pre, voltage


class EfficientInput(Rule):
    """Input weights come to be the mean input of the moments at which the cell spikes.

    At a spike of the target, with ``x`` the trace of arrivals:

        w <- w + modulator eta (gain_mV x - w)

    Parameters
    ----------
    eta : float
        Share of the distance that one spike covers.
    gain_mV : float
        Weight that a trace of 1 asks for.
    tau_ms : float
        Decay of the trace.

    References
    ----------
    Brendel, Bourdoukan, Vertechi, Machens & Denève (2020), https://doi.org/10.1371/journal.pcbi.1007692, their equation for
    the feed-forward weights. The competition that makes fields differ is `EfficientBalance`.

    Notes
    -----
    *Departures.* The input is spikes of cells of one sign; where a signal takes both signs it needs two.
    """

    kind: Literal["efficient_input"] = "efficient_input"
    eta: Annotated[float, Field(ge=0, le=1)] = 1e-3
    gain_mV: Positive = 1.0
    tau_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """A trace of arrivals."""
        return (Trace("x", "pre", tau_ms=self.tau_ms),)

    def updates(self) -> tuple[Update, ...]:
        """One update at spikes of the target."""
        return (Update("post_spike", W + MODULATOR * self.eta * (self.gain_mV * pre("x") - W)),)


class EfficientBalance(Rule):
    """Recurrent inhibition comes to take from each cell just what a spike of another has told already.

    At the arrival of a spike, with ``V`` the potential of the target and ``r`` the trace of its spikes:

        w <- w + modulator eta (beta (V + cost_mV r) - w)

    so that the weight rests at ``beta`` times the mean potential that its spikes meet, which they then undo: excitation
    and inhibition are balanced at every spike, and the potential is the part of the input that nobody has told. It is
    for inhibitory sources.

    Parameters
    ----------
    eta : float
        Share of the distance that one arrival covers.
    beta : float
        Weight for a potential of 1 mV; 2 undoes a potential of half a weight, as for the spike that a cell itself sends.
    cost_mV : float
        Cost of activity, which spreads it among cells.
    tau_ms : float
        Decay of the trace.

    References
    ----------
    Brendel, Bourdoukan, Vertechi, Machens & Denève (2020), https://doi.org/10.1371/journal.pcbi.1007692, their equation for
    the recurrent weights; Boerlin, Machens & Denève (2013), https://doi.org/10.1371/journal.pcbi.1003258.

    Notes
    -----
    *Departures.* Inhibition is a step or more behind the spike that it answers, so ``V`` is the potential at which it finds its
    target. The reset of a cell, the paper's diagonal, is fixed. Weights are magnitudes: where two cells would excite each
    other the weight stays 0.
    """

    kind: Literal["efficient_balance"] = "efficient_balance"
    eta: Annotated[float, Field(ge=0, le=1)] = 1e-3
    beta: Positive = 2.0
    cost_mV: NonNegative = 0.0
    tau_ms: Positive = 20.0

    def traces(self) -> tuple[Trace, ...]:
        """A trace of the target's spikes."""
        return (Trace("r", "post", tau_ms=self.tau_ms),)

    def updates(self) -> tuple[Update, ...]:
        """One update at arrivals."""
        return (Update("pre_spike", W + MODULATOR * self.eta * (self.beta * (voltage() + self.cost_mV * post("r")) - W)),)
