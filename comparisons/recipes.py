"""Named recipes of ``learn``: which circuit, which rules, and how fast it learns. The numbers are in docs/learning.md."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

from comparisons.movies import PHOTOGRAPHS, Source
from plasticity import (
    ApicalError,
    Compose,
    CreditGated,
    EProp,
    ErrorGated,
    GatedDelta,
    L1Norm,
    PairSTDP,
    SymmetricFeedback,
    SymmetricForecast,
    VogelsRate,
    VogelsSTDP,
)
from plasticity.training import Plan
from snn._model import Described
from snn.encoding import Retina
from snn.local import Rule
from snn.prednet import HiddenRules
from snn.prednet_spec import CoarseSteps, Gating, HiddenLayer, PredNetSpec
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie

RecipeName = Literal["plain", "gated", "hierarchical", "stdp_only", "hidden", "dendritic", "eprop"]


class Recipe(Described):
    """A circuit and how it learns, whatever its size.

    Parameters
    ----------
    spec : PredNetSpec
        Its constants; size, levels and times come from the job.
    teaching : {'error', 'stdp', 'dendrite', 'eprop'}
        Whether the forecast learns from error cells; from spike timing alone, pair STDP of excitatory synapses and Vogels' rule of
        inhibitory ones, which have no teacher; or from errors in the dendrites of its own cells. With 'eprop' error cells teach it, and
        a learned representation by an eligibility of each synapse.
    plan : Plan
        Passes and learning rates where the job gives none.
    rearing : Plan or None
        Learning rates of the drifting photographs on which it is reared, where it is reared at all.
    levels : int
        Levels where the job gives none.
    normaliser_c : float
        Floor of the rule's normaliser.
    balance_share : float
        Step of the rule that balances error cells, in units of the weight that balances.
    balance_Hz : float
        Rate of an error cell at which that rule rests.
    input_power : float
        Sum of squared traces for which the forecast's rate is set where it has no normaliser, as with a learned
        representation; large errors are limited there in its place.
    input_eta : float
        Learning rate of a learned representation.
    """

    spec: PredNetSpec
    teaching: Literal["error", "stdp", "dendrite", "eprop"] = "error"
    plan: Plan = Plan()
    rearing: Plan = Plan(passes=1, eta_start=0.8, eta_end=0.1)
    levels: int = 1
    normaliser_c: float = 4.0
    balance_share: float = 1e-4
    balance_Hz: float = 2.0
    input_power: float = 200.0
    input_eta: float = 0.1

    def rules(self, spec: PredNetSpec) -> tuple[Rule, Rule]:
        """Rules of the excitatory and of the inhibitory forecast synapses.

        Parameters
        ----------
        spec : PredNetSpec
            With sizes and times filled in.

        Returns
        -------
        (Rule, Rule)
        """
        if self.teaching == "stdp":
            step = 0.002 * spec.error_quantum_mV
            return PairSTDP(a_plus_mV=step, a_minus_mV=1.05 * step), VogelsSTDP(eta_mV=step, target_Hz=10.0)
        if self.teaching == "dendrite":
            apical = ApicalError(eta=1.0, c=self.normaliser_c, tau_pre_ms=spec.tau_forecast_ms)
            return apical, apical
        if spec.hidden:
            growth = SymmetricForecast(**self._growth(spec))
            return growth, growth
        rule = GatedDelta(**self._constants(spec)) if spec.branches > 1 else ErrorGated(**self._constants(spec))
        return rule, rule

    def balance_rule(self, spec: PredNetSpec, share: float = 1.0) -> Rule:
        """Rule of the inhibition of error cells.

        Parameters
        ----------
        spec : PredNetSpec
        share : float
            How fast it is, of its speed in calibration.

        Returns
        -------
        Rule
        """
        step_mV = share * self.balance_share * spec.target_step * spec.retina.luminance_mV
        return VogelsRate(eta_mV=step_mV, target_Hz=self.balance_Hz, frame_ms=spec.frame_ms)

    def hidden_rules(self, spec: PredNetSpec) -> HiddenRules | None:
        """Rules of a learned representation.

        Parameters
        ----------
        spec : PredNetSpec
            With sizes and times filled in.

        Returns
        -------
        HiddenRules or None
            None where there is none.
        """
        if not spec.hidden:
            return None
        layer, growth = spec.hidden_layer, self._growth(spec)
        credit: Rule = CreditGated(eta=self.input_eta, quantum_mV=layer.credit_mV, tau_ms=spec.tau_forecast_ms)
        if self.teaching == "eprop":
            # What a cell did in a frame is judged in the next: its eligibility lasts for both.
            credit = EProp(eta_mV=self.input_eta, quantum=layer.credit_mV, tau_out_ms=2 * spec.frame_ms)
        half = growth | {"eta_mV": 0.5 * growth["eta_mV"]}
        return HiddenRules(
            inputs=Compose(rules=(credit, L1Norm(total_mV=layer.field_mV))),
            feedback=SymmetricFeedback(apart=True, **growth),
            pooled_feedback=SymmetricFeedback(apart=True, **half),
        )

    def plan_with(self, **asked: Any) -> Plan:
        """Give the plan, with what the user asked for in its place.

        Parameters
        ----------
        **asked
            Fields of `Plan`; None leaves the recipe's.

        Returns
        -------
        Plan
        """
        return Plan(**(self.plan.model_dump() | {k: v for k, v in asked.items() if v is not None}))

    def upper_rule(self, spec: PredNetSpec) -> Rule | None:
        """Rule of the levels above 0, which have no gates.

        Parameters
        ----------
        spec : PredNetSpec
            With sizes and times filled in.

        Returns
        -------
        Rule or None
            None where they learn by the rules of level 0.
        """
        return ErrorGated(**self._constants(spec)) if self.teaching != "stdp" and (spec.branches > 1 or spec.hidden) else None

    def _constants(self, spec: PredNetSpec) -> dict[str, Any]:
        quantum, tau = spec.error_quantum_mV, spec.tau_forecast_ms
        return {"eta": 1.0, "quantum_mV": quantum, "c": self.normaliser_c, "tau_pre_ms": tau}

    def _growth(self, spec: PredNetSpec) -> dict[str, Any]:
        return {
            "eta_mV": spec.error_quantum_mV / self.input_power,
            "decay": 1e-5,
            "tau_ms": spec.tau_forecast_ms,
            "late": True,
            "half": 5.0,
        }


def reared_on(source: Source, n_movies: int) -> Source:
    """Describe the drifts on which a network is reared: all directions, slow to fast, at the size of its own movies.

    Parameters
    ----------
    source : Source
        What it learns from afterwards.
    n_movies : int

    Returns
    -------
    Source
    """
    return Source(
        frames=PHOTOGRAPHS,
        size=source.size,
        n_movies=n_movies,
        n_frames=30,
        speed_min_px=0.25,
        speed_max_px=2.5,
        frame_ms=source.frame_ms,
    )


def still_photographs(source: Source, n_movies: int, seed: int) -> tuple[Movie, ...]:
    """Cut the scenes on which error cells are calibrated: parts of learning photographs that do not move.

    Parameters
    ----------
    source : Source
        What it learns from afterwards; gives the size and the time of a frame.
    n_movies : int
    seed : int

    Returns
    -------
    tuple of Movie
        Of `STILL_FRAMES` frames each.
    """
    still = (0.0, 0.0)
    return drifting_movies(photographs(False), n_movies, STILL_FRAMES, source.size, speed_px=still, seed=seed, frame_ms=source.frame_ms)


STILL_FRAMES = 10
PLAIN = PredNetSpec(rows=8, cols=8)
GATED = PredNetSpec(
    rows=8,
    cols=8,
    branches=9,
    gating=Gating(sharpness_mV=16.0, pooled_spikes=1, tau_gate_ms=50.0),
    retina=Retina(contrast_gain=0.85, transient_gain=0.45),
    target_step=1 / 64,
    coarse=CoarseSteps(steps=4),
    tau_change_ms=3.0,
    forecast_step=1 / 64,
    branch_step=1 / 32,
    error_threshold_ms=1.0,
    tau_forecast_ms=10.0,
    initial_forecast_mV=0.3,
)
HIDDEN = PredNetSpec(rows=8, cols=8, hidden=8, hidden_layer=HiddenLayer(), initial_forecast_mV=0.003)
RECIPES = MappingProxyType(
    {
        "plain": Recipe(spec=PLAIN),
        "gated": Recipe(spec=GATED, plan=Plan(passes=3, eta_start=0.2, eta_end=0.02)),
        "hierarchical": Recipe(spec=GATED, plan=Plan(passes=3, eta_start=0.2, eta_end=0.02), levels=2),
        "stdp_only": Recipe(spec=PLAIN.model_copy(update={"initial_forecast_mV": 0.1}), teaching="stdp"),
        "hidden": Recipe(spec=HIDDEN, plan=Plan(passes=1, eta_start=0.8, eta_end=0.02)),
        "dendritic": Recipe(spec=PLAIN.model_copy(update={"apical_ms": 10.0}), teaching="dendrite"),
        "eprop": Recipe(spec=HIDDEN, plan=Plan(passes=1, eta_start=0.8, eta_end=0.02), teaching="eprop", input_eta=0.5),
    }
)
"""By the name that ``learn --recipe`` takes."""
