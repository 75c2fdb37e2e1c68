"""Three factors: what spike timing asks for waits in the synapse until something says that it was worth it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from plasticity._pairs import PairRule
from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Expr, State, Trace, Update, W, own, post, pre, signal


class _Eligible(PairRule):
    """Pairs of spikes that change an eligibility, and the end of a frame that changes the weight."""

    a_plus_mV: NonNegative = 0.01
    a_minus_mV: NonNegative = 0.015
    tau_c_ms: Positive = 1000.0

    def states(self) -> tuple[State, ...]:
        """The eligibility."""
        return (State("c", tau_ms=self.tau_c_ms),)

    @abstractmethod
    def third(self) -> Expr:
        """Give the third factor."""

    def updates(self) -> tuple[Update, ...]:
        """Pairs change the eligibility, the end of a frame the weight."""
        return (
            Update("pre_spike", own={"c": own("c") - self.a_minus_mV * post("y")}),
            Update("post_spike", own={"c": own("c") + self.a_plus_mV * pre("x")}),
            Update("frame_end", W + self.third() * own("c")),
        )


class RewardModulatedSTDP(_Eligible):
    """What pairs of spikes ask for is remembered by the synapse, and done when reward comes.

    With ``x`` the trace of arrivals, ``y`` that of the target's spikes and ``c`` the synapse's eligibility, which decays:

        at a spike of the target       c <- c + a_plus_mV x
        at the arrival of a spike      c <- c - a_minus_mV y
        at the end of a frame          w <- w + modulator c

    The modulator is reward, or reward less what was expected, of the frame.

    Parameters
    ----------
    a_plus_mV, a_minus_mV : float
        Steps of the eligibility for traces of 1.
    tau_plus_ms, tau_minus_ms : float
        Decay of the traces.
    tau_c_ms : float
        Decay of the eligibility: for how long reward may be late.

    References
    ----------
    Izhikevich (2007), https://doi.org/10.1093/cercor/bhl152, with his time constant of 1 s; Frémaux & Gerstner (2016),
    https://doi.org/10.3389/fncir.2015.00085. Other defaults are of NEST 3.10, ``stdp_dopamine_synapse``.

    Notes
    -----
    *Departures.* Reward acts once a frame, as one number for all synapses; the paper's dopamine decays over 200 ms.
    A spike that arrives in the very step in which the target fires counts as pre before post.
    """

    kind: Literal["reward_modulated_stdp"] = "reward_modulated_stdp"

    def third(self) -> Expr:
        """Reward of the frame."""
        return MODULATOR


class SurpriseModulatedSTDP(_Eligible):
    """What pairs of spikes ask for is remembered by the synapse, and done as far as its site is surprised.

    As `RewardModulatedSTDP`, with spikes of the site's error cells in the place of reward. At the end of a frame, with ``S`` their
    number over ``usual``:

        w <- w + modulator S / (1 + S) c

    so that a site that foretells what comes keeps what it knows.

    Parameters
    ----------
    usual : float
        Error spikes of a frame with which half of what was asked for is done.
    a_plus_mV, a_minus_mV, tau_plus_ms, tau_minus_ms, tau_c_ms
        As in `RewardModulatedSTDP`.

    References
    ----------
    Liakoni, Modirshanechi, Gerstner & Brea (2021), https://doi.org/10.1162/neco_a_01352, for the form of the factor; Frémaux &
    Gerstner (2016), https://doi.org/10.3389/fncir.2015.00085, for surprise as a third factor.

    Notes
    -----
    *Departures.* Surprise is the number of error spikes at the site of the target (`Signal`); the paper's is a Bayes factor.
    """

    kind: Literal["surprise_modulated_stdp"] = "surprise_modulated_stdp"
    usual: Positive = 1.0

    def traces(self) -> tuple[Trace, ...]:
        """Those of `RewardModulatedSTDP`, and the error spikes of the frame."""
        return (*super().traces(), Trace("surprise", "signal", frame="sum"))

    def third(self) -> Expr:
        """Surprise of the frame, between 0 and 1."""
        surprise = signal("surprise")
        return MODULATOR * surprise / (self.usual + surprise)
