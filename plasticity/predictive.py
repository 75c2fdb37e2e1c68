"""The forecast's rule: prediction-error cells teach the synapses of their own site's prediction cell."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._delta import normalised
from snn._model import Positive
from snn.local import Expr, Rule, Trace, Update, signal


class ErrorGated(Rule):
    """Error-gated normalised delta rule, once a frame, from spikes only.

    At the end of a frame, with ``e = quantum_mV (excess - deficit)`` the forecast error that the error cells of the
    site have told in spikes, and ``x`` the frame mean of the presynaptic trace as it arrives at the synapse:

        w <- (1 - decay) w + modulator sign eta e x / (c + sum over the cell's synapses of x^2)

    ``excess`` counts spikes of the error cells that say "this prediction cell should fire more", ``deficit`` of those
    that say less. ``sign`` is the synapse's transmitter, so excitatory and inhibitory routes move in opposite
    directions; the engine clips at 0. The denominator is heterosynaptic normalisation: a cell with much input learns
    no faster than one with little.

    Parameters
    ----------
    eta : float
        Share of the error that one frame's update would remove on its own input, at a modulator of 1.
    quantum_mV : float
        Mean error, over what is counted of a frame, that one error spike stands for.
    c : float
        Floor of the normaliser, in squared trace units.
    decay : float
        Share of the weight lost per frame.
    tau_pre_ms : float
        Decay of the presynaptic trace; that of the receptor it lands on.
    late : bool
        Whether only the second half of a frame teaches, when the forecast has settled (the outcome phase).

    References
    ----------
    Delta rule: Rao & Ballard (1999), https://doi.org/10.1038/4580; Whittington & Bogacz (2017),
    https://doi.org/10.1162/NECO_a_00949. Normalisation: Nagumo & Noda (1967),
    https://doi.org/10.1109/TAC.1967.1098599.

    Notes
    -----
    *Departures.* The published rules use graded errors and one signed weight; here errors are spikes of two rectified
    populations and each sign has a synapse of its own.
    """

    kind: Literal["error_gated"] = "error_gated"
    eta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    quantum_mV: Positive = 0.64
    c: Positive = 4.0
    decay: Annotated[float, Field(ge=0, lt=1)] = 1e-5
    tau_pre_ms: Positive = 20.0
    late: bool = True

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of the presynaptic trace; excess and deficit spikes of the frame."""
        return (
            Trace("x", "pre", tau_ms=self.tau_pre_ms, frame="mean", late=self.late),
            Trace("excess", "signal", frame="sum", late=self.late),
            Trace("deficit", "signal", frame="sum", late=self.late),
        )

    def share(self) -> Expr | float:
        """Part of the error for which this cell answers: all of it."""
        return 1.0

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        error = self.quantum_mV * (signal("excess") - signal("deficit"))
        return (normalised(self.eta, error, self.share(), self.c, self.decay),)


class GatedDelta(ErrorGated):
    """The same rule for one of several gated branches: it learns in proportion to how much of the time it is heard.

        w <- (1 - decay) w + share modulator sign eta e x / (c + sum over the cell's synapses of x^2)
        share = heard / (silence + rivals)

    with ``e`` the error of the branch alone, ``heard`` the spikes of the selector of this branch in the frame and
    ``rivals`` those of all selectors of the site. A branch that is never heard keeps its weights but for the decay.

    Parameters
    ----------
    eta, quantum_mV, c, decay, tau_pre_ms, late
        As in `ErrorGated`.
    silence : float
        Spikes of all selectors below which nothing is learned much.

    References
    ----------
    Mixtures of local experts: Jacobs, Jordan, Nowlan & Hinton (1991), https://doi.org/10.1162/neco.1991.3.1.79; gating of
    transitions: Jiang & Rao (2024), https://doi.org/10.1371/journal.pcbi.1011801. The rest as in `ErrorGated`.

    Notes
    -----
    *Departures.* The share is the one with which the branch was heard, chosen by the errors of one frame ago, not the one
    that the errors of this frame would give.
    """

    kind: Literal["gated_delta"] = "gated_delta"  # type: ignore[assignment]
    silence: Positive = 0.5

    def traces(self) -> tuple[Trace, ...]:
        """As `ErrorGated`, and the spikes of the site's selectors."""
        return (
            *super().traces(),
            Trace("heard", "signal", frame="sum", late=self.late),
            Trace("rivals", "signal", frame="sum", late=self.late),
        )

    def share(self) -> Expr | float:
        """Part of the error for which this branch answers."""
        return signal("heard") / (self.silence + signal("rivals"))
