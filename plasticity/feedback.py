"""Feedback that comes to mirror the forecast: two rules that never see each other's weights."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn._model import NonNegative, Positive
from snn.description import Network, Projection
from snn.errors import DescriptionError, sentence
from snn.local import MODULATOR, SIGN, Expr, Rule, Trace, Update, W, post, pre, signal
from snn.state import State
from snn.topology import IntArray, OneToOne, edges

Decay = Annotated[float, Field(ge=0, lt=1)]


def _limited(e: Expr, half: float | None) -> Expr:
    return e if half is None else e / (1.0 + e / half)


class SymmetricForecast(Rule):
    """Forward half of a pair of synapses that grow alike: from a representation to a prediction.

    At the end of a frame, with ``x`` the frame mean of the trace of arrivals, and ``e`` the spikes of the frame that ask
    for more of what the synapse does (``excess`` for an excitatory one, ``deficit`` for an inhibitory one):

        w <- (1 - decay) w + modulator eta_mV e x

    and with ``half``, ``e / (1 + e / half)`` in place of ``e``.
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
    half : float, optional
        Error spikes of a frame of which half are counted: many errors then teach less than in proportion, and a busy cell can
        bear a greater step. Left out, all count.

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
    be chosen small enough for the busiest cell, or large errors limited by ``half``, which both halves can do alike.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"half"})

    kind: Literal["symmetric_forecast"] = "symmetric_forecast"
    eta_mV: NonNegative = 0.01
    decay: Decay = 1e-3
    tau_ms: Positive = 20.0
    late: bool = False
    half: Positive | None = None

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
        return (Update("frame_end", W * (1.0 - self.decay) + MODULATOR * self.eta_mV * _limited(e, self.half) * pre("x")),)


class SymmetricFeedback(Rule):
    """Backward half of the pair: from an error cell to the representation that was forecast from.

    At the end of a frame, with ``e`` the arrivals of the frame, and ``x`` the frame mean of the trace of the target's own
    spikes, one frame ago, when what it sent made the forecast that ``e`` judges:

        w <- (1 - decay) w + modulator eta_mV e x

    Parameters
    ----------
    eta_mV, decay, tau_ms, late, half
        As in `SymmetricForecast`, and the same as there.
    apart : bool
        Whether the target stands beside the cell that was forecast from, and integrates feedback for it: ``x`` is then of the
        spikes of that cell, which reach the target as the signal ``mirrored``.

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

    later_fields: ClassVar[frozenset[str]] = frozenset({"apart", "half"})

    kind: Literal["symmetric_feedback"] = "symmetric_feedback"
    eta_mV: NonNegative = 0.01
    decay: Decay = 1e-3
    tau_ms: Positive = 20.0
    late: bool = False
    half: Positive | None = None
    apart: bool = False

    def traces(self) -> tuple[Trace, ...]:
        """Arrivals of the frame; frame mean of the target's trace, one frame ago."""
        side: Literal["signal", "post"] = "signal" if self.apart else "post"
        of = "mirrored" if self.apart else ""
        return (
            Trace("e", "pre", frame="sum", late=self.late),
            Trace("x", side, tau_ms=self.tau_ms, frame="mean", late=self.late, ago=1, of=of),
        )

    def updates(self) -> tuple[Update, ...]:
        """One update at the end of each frame."""
        x = signal("x") if self.apart else post("x")
        return (Update("frame_end", W * (1.0 - self.decay) + MODULATOR * self.eta_mV * _limited(pre("e"), self.half) * x),)


def alignment_deg(network: Network, state: State, forward: str, backward: str) -> float:
    """Angle between a projection's weights and the transpose of those of another one that leads back.

    Synapses are matched by place: that from cell ``i`` to cell ``j`` with that from the partner of ``j`` to the partner of
    ``i``. The partner of ``i`` is itself, or the cell of the same place in a population of the same shape that stands apart
    (credit cells). The partner of ``j`` is the error cell of the same place in a population of the same shape, or else the one
    that teaches ``j`` to do more of what the projection does (of the signal ``excess``, from inhibitory cells ``deficit``), or
    its partner of the other sign. Synapses without a counterpart do not count.

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
    return _angle(network, state, (forward, None), (backward, None))


def net_alignment_deg(network: Network, state: State, forward: tuple[str, str], backward: tuple[str, str]) -> float:
    """Angle as `alignment_deg`, between what excites less what inhibits, there and back.

    Routes that only grow share most of what they have; it cancels where they meet, and what is left is what they do.

    Parameters
    ----------
    network : Network
    state : State
    forward, backward : (str, str)
        Names of an excitatory projection and of the inhibitory one beside it, of the same geometry onto the same cells.

    Returns
    -------
    float
        In degrees: 90 for unrelated weights.

    Raises
    ------
    DescriptionError
        As `alignment_deg`, or if two that lie beside each other differ in their geometry.
    """
    for one, other in (forward, backward):
        if network.weight_shape(one) != network.weight_shape(other) or network.projection(one).target != network.projection(other).target:
            raise DescriptionError(sentence(f"alignment of {one!r} less {other!r}", "they do not lie beside each other"))
    return _angle(network, state, forward, backward)


def counterparts(network: Network, forward: str, backward: str) -> tuple[IntArray, IntArray] | None:
    """Match the synapses of a projection with those of another one that leads back, as `alignment_deg` says.

    Parameters
    ----------
    network : Network
    forward, backward : str
        Names of the two projections.

    Returns
    -------
    (ndarray of int, shape (n_matched,), ndarray of int, shape (n_matched,)) or None
        Places of the matched synapses in the two flattened weight arrays; None where the two do not lead there and back.
    """
    there, back = network.projection(forward), network.projection(backward)
    n = network.population(back.source).n
    partner = _partners(network, there, back)
    if partner is None or not (there.source == back.target or _beside(network, there, back)):
        return None
    a, b = network.edges(there), network.edges(back)
    known = np.flatnonzero(partner[a.post] >= 0)
    keys = a.pre[known] * n + partner[a.post[known]]
    _, i, j = np.intersect1d(keys, b.post * n + b.pre, assume_unique=True, return_indices=True)
    return a.weight[known[i]], b.weight[j]


def _beside(network: Network, there: Projection, back: Projection) -> bool:
    """Tell whether the targets of feedback stand beside the cells that were forecast from."""
    watched = {t.population for s in back.signals if s.name == "mirrored" for t in s.taps if t.pairs is None}
    return there.source in watched and network.population(there.source).shape == network.population(back.target).shape


def _partners(network: Network, there: Projection, back: Projection) -> IntArray | None:
    """Give the error cell that stands for each cell of the forecast, -1 where there is none."""
    forecast, errors = network.population(there.target), network.population(back.source)
    if forecast.n == errors.n:
        return np.arange(errors.n)
    wanted = "excess" if network.population(there.source).sign == "excitatory" else "deficit"
    for tap in (t for s in there.signals if s.name == wanted for t in s.taps):
        if tap.pairs is not None and back.source.removesuffix("_inh") == tap.population.removesuffix("_inh"):
            found = np.full(forecast.n, -1, dtype=np.int64)
            joined = edges(OneToOne(pairs=tap.pairs), errors.grid, forecast.grid)
            found[joined.post] = joined.pre
            return found
    return None


def _angle(network: Network, state: State, forward: tuple[str, str | None], backward: tuple[str, str | None]) -> float:
    there, back = network.projection(forward[0]), network.projection(backward[0])
    found = counterparts(network, there.name, back.name)
    if found is None:
        raise DescriptionError(
            sentence(
                f"alignment of {there.name!r} and {back.name!r}",
                "the second does not lead from as many cells as the first reaches to where it comes from",
                got=f"{back.source!r} ({network.population(back.source).n} cells) to {back.target!r}",
                allowed=f"{network.population(there.target).n} cells to {there.source!r}",
            )
        )
    if not len(found[0]):
        raise DescriptionError(sentence(f"alignment of {there.name!r} and {back.name!r}", "they have no synapse in common"))
    u, v = (_net(state, names)[at] for names, at in zip((forward, backward), found, strict=True))
    with np.errstate(invalid="ignore"):
        cosine = np.dot(u, v) / np.sqrt(np.dot(u, u) * np.dot(v, v))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _net(state: State, names: tuple[str, str | None]) -> NDArray[np.float64]:
    w = np.asarray(state.weights(names[0]), dtype=np.float64).ravel()
    return w if names[1] is None else w - np.asarray(state.weights(names[1]), dtype=np.float64).ravel()
