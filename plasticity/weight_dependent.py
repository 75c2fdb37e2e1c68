"""Spike-timing-dependent plasticity whose steps depend on the weight: soft bounds, and power laws."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plasticity._pairs import PairRule
from snn._model import NonNegative, Positive
from snn.local import MODULATOR, Update, W, post, power, pre

Exponent = Annotated[float, Field(ge=0, le=4, allow_inf_nan=False)]


class WeightDependentSTDP(PairRule):
    """Pair STDP whose steps shrink towards the bounds, all-to-all.

    With ``v = w / scale_mV``, ``x`` the trace of arrivals and ``y`` that of the target's spikes:

        at the arrival of a spike      w <- w - modulator eta_mV alpha v^mu_minus y
        at a spike of the target       w <- w + modulator eta_mV (1 - v)^mu_plus x

    ``mu`` of 0 is the additive rule, whose weights go to either bound; of 1 the multiplicative one, whose weights gather
    round one value; between, competition and stability trade off.

    Parameters
    ----------
    eta_mV : float
        Step of potentiation from a weight of 0, for a trace of 1.
    alpha : float
        Depression over potentiation.
    mu_plus, mu_minus : float
        Exponents of the dependence on the weight.
    scale_mV : float
        Weight at which potentiation ends; choose ``w_max_mV`` of the projection.
    tau_plus_ms, tau_minus_ms : float
        Decay of the two traces.

    References
    ----------
    Gütig, Aharonov, Rotter & Sompolinsky (2003), https://doi.org/10.1523/JNEUROSCI.23-09-03697.2003; the multiplicative
    case: van Rossum, Bi & Turrigiano (2000), https://doi.org/10.1523/JNEUROSCI.20-23-08812.2000. Defaults are those of
    NEST 3.10, ``stdp_synapse``.

    Notes
    -----
    *Departures.* A spike that arrives in the very step in which the target fires counts as pre before post.
    """

    kind: Literal["weight_dependent_stdp"] = "weight_dependent_stdp"
    eta_mV: NonNegative = 0.01
    alpha: NonNegative = 1.0
    mu_plus: Exponent = 1.0
    mu_minus: Exponent = 1.0
    scale_mV: Positive = 1.0

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target."""
        share, eta_mV = W * (1.0 / self.scale_mV), MODULATOR * self.eta_mV
        return (
            Update("pre_spike", W - eta_mV * self.alpha * power(share, self.mu_minus) * post("y")),
            Update("post_spike", W + eta_mV * power(1.0 - share, self.mu_plus) * pre("x")),
        )


class PowerLawSTDP(PairRule):
    """Pair STDP with a power law for growth and proportional loss, all-to-all: weights settle into a broad heap.

    With ``v = w / unit_mV``, ``x`` the trace of arrivals and ``y`` that of the target's spikes:

        at the arrival of a spike      w <- w - modulator eta_mV alpha v y
        at a spike of the target       w <- w + modulator eta_mV v^mu x

    Growth is unbounded but by ``w_max_mV``, and slower than in proportion; a weight of 0 stays 0.

    Parameters
    ----------
    eta_mV : float
        Step of potentiation of a weight of ``unit_mV`` for a trace of 1.
    alpha : float
        Depression over potentiation at that weight.
    mu : float
        Exponent of growth.
    unit_mV : float
        Weight that counts as 1.
    tau_plus_ms, tau_minus_ms : float
        Decay of the two traces.

    References
    ----------
    Morrison, Aertsen & Diesmann (2007), https://doi.org/10.1162/neco.2007.19.6.1437. The exponents and the ratio are the
    paper's, as NEST 3.10, ``stdp_pl_synapse_hom``, has them (``mu`` 0.4, ``tau_plus`` 20 ms).

    Notes
    -----
    *Departures.* A spike that arrives in the very step in which the target fires counts as pre before post.
    """

    kind: Literal["power_law_stdp"] = "power_law_stdp"
    eta_mV: NonNegative = 0.01
    alpha: NonNegative = 1.0
    mu: Exponent = 0.4
    unit_mV: Positive = 1.0

    def updates(self) -> tuple[Update, ...]:
        """Depression at arrivals, potentiation at spikes of the target."""
        share, eta_mV = W * (1.0 / self.unit_mV), MODULATOR * self.eta_mV
        return (
            Update("pre_spike", W - eta_mV * self.alpha * share * post("y")),
            Update("post_spike", W + eta_mV * power(share, self.mu) * pre("x")),
        )
