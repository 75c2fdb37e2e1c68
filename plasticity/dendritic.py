"""Dendritic prediction: a dendrite learns to foretell what its soma does."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from snn._model import Finite, NonNegative, Positive
from snn.cells import TwoCompartment
from snn.local import MODULATOR, SIGN, Expr, Rule, State, STEP_ms, Trace, Update, W, exp, minimum, own, pre, voltage
from snn.synapses import Receptor


class DendriticPrediction(Rule):
    """Learning by the dendritic prediction of somatic spiking.

    With ``V* = attenuation D`` what the soma would come to if nothing but its dendrite moved it, ``S`` its spikes and
    ``PSP = dD/dw`` the effect of this synapse on the dendrite at this moment:

        PI = (S - phi(V*)) h(V*) PSP,    phi(U) = rate_max / (1 + k exp((theta - U) / width)),    h = width phi' / phi
        tau_filter dDelta/dt = PI - Delta,    dw/dt = modulator eta Delta

    A spike that the dendrite did not foretell strengthens the synapses that were active, a silence that it did not
    foretell weakens them; where the soma does what the dendrite says nothing changes on average. ``PSP`` is the
    difference of two exponentials, decaying as the dendrite and as the receptor do, each begun by an arrival at the
    synapse. It is exact for a dendrite that does not hear of its soma. The synapse keeps ``Delta tau_filter`` for itself.

    Parameters
    ----------
    eta_mV : float
        Change of the weight that a spike unforetold by a dendrite far below threshold makes where PSP is 1.
    attenuation : float
        Share of the dendrite's potential that the soma reaches by itself; ``TwoCompartment.attenuation``.
    theta_mV : float
        Potential of the soma at which its rate is ``1 / (1 + k)`` of the highest.
    rate_max_Hz, k, width_mV : float
        As in `Escape`.
    tau_dend_ms, tau_syn_ms : float
        Time constants of the dendrite and of the receptor; they differ.
    tau_filter_ms : float
        Time constant of the low-pass filter of the weight change.

    References
    ----------
    Urbanczik & Senn (2014), https://doi.org/10.1016/j.neuron.2013.11.030. Defaults of ``phi``, ``tau_filter_ms`` and the
    time constants are those of NEST 3.10, ``urbanczik_synapse`` and ``pp_cond_exp_mc_urbanczik``, which counts voltage
    from -70 mV.

    Notes
    -----
    *Departures.* Steps are whole: ``S - phi`` is the number of spikes of a step, less ``phi dt``. The weight at the end
    of a step has in it what the filter lets through until the end of the next. ``h`` has the width as factor, so that it
    lies between 0 and 1. Weights have bounds and a sign, which belongs to the source.
    """

    kind: Literal["dendritic_prediction"] = "dendritic_prediction"
    eta_mV: NonNegative
    attenuation: Annotated[float, Field(gt=0, le=1)]
    theta_mV: Finite = 15.0
    rate_max_Hz: Positive = 150.0
    k: Positive = 0.5
    width_mV: Positive = 3.0
    tau_dend_ms: Positive = 10.0
    tau_syn_ms: Positive = 3.0
    tau_filter_ms: Positive = 100.0

    @model_validator(mode="after")
    def _two_times(self) -> Self:
        if abs(self.tau_dend_ms - self.tau_syn_ms) < 1e-3 * self.tau_dend_ms:
            raise ValueError(
                f"tau_dend_ms and tau_syn_ms must differ by a thousandth at least, or PSP is no difference of two traces; "
                f"got {self.tau_dend_ms} and {self.tau_syn_ms}"
            )
        return self

    @classmethod
    def of(cls, cell: TwoCompartment, receptor: Receptor, *, eta_mV: float, tau_filter_ms: float = 100.0) -> DendriticPrediction:
        """Make the rule that belongs to a cell and to a receptor on its dendrite.

        Parameters
        ----------
        cell : TwoCompartment
            With `Escape`.
        receptor : Receptor
            An exponential one.
        eta_mV, tau_filter_ms : float
            As in the class.

        Returns
        -------
        DendriticPrediction

        Raises
        ------
        ValueError
            If the cell has no escape rate, or the receptor has no time constant or lies on the soma.
        """
        if cell.escape is None or receptor.tau_ms is None or receptor.compartment != "dendrite":
            raise ValueError(
                f"DendriticPrediction.of: needs a cell with escape and an exponential receptor on its dendrite; "
                f"got escape={cell.escape!r}, kinetics={receptor.kinetics!r}, compartment={receptor.compartment!r}"
            )
        e = cell.escape
        return cls(
            eta_mV=eta_mV, attenuation=cell.attenuation, theta_mV=cell.v_threshold_mV, rate_max_Hz=e.rate_max_Hz, k=e.k,
            width_mV=e.width_mV, tau_dend_ms=cell.tau_dend_ms, tau_syn_ms=receptor.tau_ms, tau_filter_ms=tau_filter_ms,
        )  # fmt: skip

    def traces(self) -> tuple[Trace, ...]:
        """Two traces of the arrivals, whose difference is the potential that they leave in the dendrite."""
        return (Trace("slow", "pre", tau_ms=self.tau_dend_ms), Trace("fast", "pre", tau_ms=self.tau_syn_ms))

    def states(self) -> tuple[State, ...]:
        """Weight change that the filter has not let through yet."""
        return (State("held", tau_ms=self.tau_filter_ms),)

    def updates(self) -> tuple[Update, ...]:
        """What a spike of the soma adds, and what the rate that was foretold takes, at every step."""
        # Capped, for numbers to stay finite: beyond, phi is 0 to the last digit.
        odds = self.k * exp(minimum((self.theta_mV - self.attenuation * voltage("dendrite")) / self.width_mV, 300.0))
        psp = self.tau_syn_ms / (self.tau_dend_ms - self.tau_syn_ms) * (pre("slow") - pre("fast"))
        seen: Expr = SIGN * psp * odds / (1.0 + odds)
        foretold = self.rate_max_Hz / 1000.0 * STEP_ms / (1.0 + odds)
        held = own("held") - foretold * seen
        let_through = 1.0 - exp(-1.0 / self.tau_filter_ms * STEP_ms)
        return (
            Update("post_spike", own={"held": own("held") + seen}),
            Update("step", weight=W + MODULATOR * self.eta_mV * let_through * held, own={"held": held}),
        )
