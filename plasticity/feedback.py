"""Feedback that comes to mirror the forecast: two rules that never see each other's weights."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from snn._model import NonNegative, Positive
from snn.description import Network
from snn.errors import DescriptionError, sentence
from snn.local import MODULATOR, SIGN, Rule, Trace, Update, W, post, pre, signal
from snn.state import State

Decay = Annotated[float, Field(ge=0, lt=1)]


class SymmetricForecast(Rule):
    """Forward half of a pair of synapses that grow alike: from a representation to a prediction.

    At the end of a frame, with ``x`` the frame mean of the trace of arrivals, and ``e`` the spikes of the frame that ask
    for more of what the synapse does (``excess`` for an excitatory one, ``deficit`` for an inhibitory one):

        w <- (1 - decay) w + modulator eta_mV e x

    `SymmetricFeedback` does the same to the synapse that leads back. Since both add the same number and both forget at the
    same pace, their difference falls as ``(1 - decay)^frames``, whatever they began with: feedback becomes the transpose
    of the forecast, and no weight is ever copied.

    Parameters
    ----------
    eta_mV : float
        Step for one error spike on a trace of 1, at a modulator of 1.
    decay : float
        Share of the weight lost per frame.
    tau_ms : float
        Decay of the trace of arrivals.
    late : bool
        Whether only the second half of a frame teaches.

    References
    ----------
    Kolen & Pollack (1994), https://doi.org/10.1109/ICNN.1994.374486; Akrout, Wilson, Humphreys, Lillicrap & Tweed (2019),
    https://doi.org/10.48550/arXiv.1904.05391.

    Notes
    -----
    *Departures.* The paper's error is signed and so are its weights. Here an error is two populations of spikes and a
    synapse sees the one that asks it to grow; what the other asks for is learned by the synapse of the other sign, and by
    decay. The difference of an excitatory and an inhibitory synapse then follows the paper's equation, and no weight is
    ever pushed against 0, where the two halves would part. The step has no normaliser: `ErrorGated` divides by the power
    of all inputs to the prediction cell, which the synapse of the way back, on another cell, cannot see; so `eta_mV` must
    be chosen small enough for the busiest cell.
    """

    kind: Literal["symmetric_forecast"] = "symmetric_forecast"
    eta_mV: NonNegative = 0.01
    decay: Decay = 1e-3
    tau_ms: Positive = 20.0
    late: bool = False

    def traces(self) -> tuple[Trace, ...]:
        """Frame mean of arrivals; excess and deficit spikes of the frame."""
        return (
            Trace("x", "pre", tau_ms=self.tau_ms, frame="mean", late=self.late),
            Trace("excess", "signal", frame="sum", late=self.late),
            Trace("deficit", "signal", frame="sum", late=self.late),
        )

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        e = 0.5 * (1.0 + SIGN) * signal("excess") + 0.5 * (1.0 - SIGN) * signal("deficit")
        return (Update("frame_end", W * (1.0 - self.decay) + MODULATOR * self.eta_mV * e * pre("x")),)


class SymmetricFeedback(Rule):
    """Backward half of the pair: from an error cell to the representation that was forecast from.

    At the end of a frame, with ``e`` the arrivals of the frame, and ``x`` the frame mean of the trace of the target's own
    spikes, one frame ago, when what it sent made the forecast that ``e`` judges:

        w <- (1 - decay) w + modulator eta_mV e x

    Parameters
    ----------
    eta_mV, decay, tau_ms, late
        As in `SymmetricForecast`, and the same as there.

    References
    ----------
    Kolen & Pollack (1994), https://doi.org/10.1109/ICNN.1994.374486; Akrout, Wilson, Humphreys, Lillicrap & Tweed (2019),
    https://doi.org/10.48550/arXiv.1904.05391.

    Notes
    -----
    *Departures.* As in `SymmetricForecast`. The two halves see exactly the same numbers where error spikes arrive in the
    step in which they are sent (``delay_ms`` of one step) and forecasts after a frame and a step. A forecast that takes a
    frame, which is one step less, sees spikes at the border of two frames in another frame than its partner does; the
    halves then stay apart by the little that these few spikes teach.
    """

    kind: Literal["symmetric_feedback"] = "symmetric_feedback"
    eta_mV: NonNegative = 0.01
    decay: Decay = 1e-3
    tau_ms: Positive = 20.0
    late: bool = False

    def traces(self) -> tuple[Trace, ...]:
        """Arrivals of the frame; frame mean of the target's trace, one frame ago."""
        return (
            Trace("e", "pre", frame="sum", late=self.late),
            Trace("x", "post", tau_ms=self.tau_ms, frame="mean", late=self.late, ago=1),
        )

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        return (Update("frame_end", W * (1.0 - self.decay) + MODULATOR * self.eta_mV * pre("e") * post("x")),)


def alignment_deg(network: Network, state: State, forward: str, backward: str) -> float:
    """Angle between a projection's weights and the transpose of those of another one that leads back.

    Synapses are matched by place: that from cell ``i`` to cell ``j`` with that from the partner of ``j`` to cell ``i``,
    where the populations of ``j`` and of its partner have the same shape (a prediction and its error cells). Synapses
    without a counterpart do not count.

    Parameters
    ----------
    network : Network
    state : State
    forward, backward : str
        Names of the two projections.

    Returns
    -------
    float
        In degrees: 0 for a feedback in proportion to the forecast's transpose, about 90 for unrelated weights of
        either sign; NaN where either is all 0.

    Raises
    ------
    DescriptionError
        If the two do not lead there and back, or share no synapse.
    """
    there, back = network.projection(forward), network.projection(backward)
    sizes = [network.population(name).n for name in (there.source, back.target, there.target, back.source)]
    if there.source != back.target or sizes[2] != sizes[3]:
        raise DescriptionError(
            sentence(
                f"alignment of {forward!r} and {backward!r}",
                "the second does not lead from as many cells as the first reaches to where it comes from",
                got=f"{back.source!r} ({sizes[3]} cells) to {back.target!r}",
                allowed=f"{sizes[2]} cells to {there.source!r}",
            )
        )
    a, b = network.edges(there), network.edges(back)
    _, i, j = np.intersect1d(a.pre * sizes[2] + a.post, b.post * sizes[2] + b.pre, assume_unique=True, return_indices=True)
    if not len(i):
        raise DescriptionError(sentence(f"alignment of {forward!r} and {backward!r}", "they have no synapse in common"))
    u, v = state.weights(forward).ravel()[a.weight[i]], state.weights(backward).ravel()[b.weight[j]]
    with np.errstate(invalid="ignore"):
        cosine = np.dot(u, v) / np.sqrt(np.dot(u, u) * np.dot(v, v))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
