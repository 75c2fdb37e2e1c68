"""The public checker of rules, on the rules that exist and on broken ones."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest

import plasticity
from plasticity import (
    BCM,
    ApicalError,
    BranchBalance,
    BranchInput,
    Compose,
    CorrelationMeasuring,
    CreditGated,
    DendriticPrediction,
    EfficientBalance,
    EfficientInput,
    EProp,
    ErrorGated,
    GatedDelta,
    L1Norm,
    LatentPrediction,
    LateralEqualising,
    NearestSTDP,
    Oja,
    PairSTDP,
    PowerLawSTDP,
    RewardModulatedSTDP,
    SingleCellPrediction,
    Structural,
    SurpriseModulatedSTDP,
    SymmetricFeedback,
    SymmetricForecast,
    SynapticScaling,
    TargetRate,
    TripletSTDP,
    VogelsRate,
    VogelsSTDP,
    VoltageSTDP,
    WeightDependentSTDP,
)
from plasticity.testing import check_rule
from snn._model import Positive
from snn.engines import engine
from snn.local import Rule, Trace, Update, W, exp, post_sum, pre, signal
from snn.recording import Record
from snn.testing import random_rasters
from snn.testing.rules import every_topology

RULES = (
    ErrorGated(),
    ErrorGated(eta=1.0, quantum_mV=3.0, c=0.01, decay=0.3, tau_pre_ms=3.0),
    GatedDelta(quantum_mV=3.0, c=0.01, silence=0.2),
    PairSTDP(a_plus_mV=0.2, a_minus_mV=0.25),
    PairSTDP(a_plus_mV=1.5, a_minus_mV=0.5, tau_plus_ms=8.0, tau_minus_ms=30.0),
    CorrelationMeasuring(eta_mV=0.3, unit_mV=0.5, share=0.2),
    CreditGated(eta=2.0, quantum_mV=1.0, c=0.05),
    L1Norm(total_mV=2.5, share=0.3),
    LateralEqualising(eta=0.5, grain_mV=0.2, tau_up_ms=8.0),
    Oja(eta_mV=0.2, unit_mV=0.4),
    SymmetricFeedback(eta_mV=0.05, decay=0.02),
    SymmetricFeedback(eta_mV=0.05, decay=0.02, late=True, apart=True),
    SymmetricForecast(eta_mV=0.05, decay=0.02, late=True),
    TargetRate(eta_mV=0.2, target_Hz=20.0),
    TripletSTDP(),
    TripletSTDP(a2_plus_mV=0.1, a3_plus_mV=0.3, a2_minus_mV=0.2, a3_minus_mV=0.1),
    VogelsRate(eta_mV=0.05, target_Hz=30.0, tau_ms=40.0),
    VogelsSTDP(eta_mV=0.2, target_Hz=10.0),
    DendriticPrediction(eta_mV=5.0, attenuation=0.6, theta_mV=2.0, width_mV=1.0, tau_dend_ms=12.0, tau_syn_ms=4.0, tau_filter_ms=20.0),
    ApicalError(eta=0.8, c=0.01, decay=0.1),
    BCM(eta_mV=0.2, usual=0.5, share=0.2),
    BranchBalance(eta=0.02, decay=0.1, rest_mV=0.3),
    BranchInput(eta=0.02, unit_mV=0.4, decay=0.1, floor_mV=0.3, rest_mV=0.3),
    EProp(eta_mV=0.2, threshold_mV=0.8),
    EfficientBalance(eta=0.2, cost_mV=0.1),
    EfficientInput(eta=0.2),
    LatentPrediction(eta_mV=0.05, decay=0.01, share=0.2),
    *(NearestSTDP(a_plus_mV=0.3, a_minus_mV=0.2, scheme=scheme) for scheme in ("symmetric", "pre_centred", "restricted")),
    PowerLawSTDP(eta_mV=0.1, alpha=0.8),
    RewardModulatedSTDP(a_plus_mV=0.1, a_minus_mV=0.08, tau_c_ms=60.0),
    SingleCellPrediction(eta=0.1, scale_mV=2.0),
    Structural(rules=(PairSTDP(a_plus_mV=0.2, a_minus_mV=0.25),)),
    SurpriseModulatedSTDP(a_plus_mV=0.1, a_minus_mV=0.08, tau_c_ms=60.0),
    SynapticScaling(eta=0.1, target_Hz=20.0),
    VoltageSTDP(a_ltd=0.3, a_ltp=0.4, theta_high_mV=0.3, lag_ms=3.0),
    VoltageSTDP(a_ltd=0.3, a_ltp=0.4, theta_high_mV=0.3, lag_ms=0.0, usual_mV=0.2, tau_mean_ms=30.0),
    WeightDependentSTDP(eta_mV=0.2, mu_plus=0.4, mu_minus=0.6, scale_mV=2.0),
    Compose(rules=(ErrorGated(eta=0.5, c=0.01), ErrorGated(eta=0.2, quantum_mV=3.0, c=0.01))),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.kind)
def test_a_rule_is_local_and_runs_alike(rule: Rule) -> None:
    """Oracle: the reference engine, and the closed list of what a synapse sees."""
    assert check_rule(rule) == ("reference", "event")


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.kind)
def test_a_rule_runs_alike_in_brian(rule: Rule) -> None:
    """Oracle: Brian2: the same spikes and the same weights as the reference, over frames that learn."""
    network = every_topology(rule, names=("local", "dense", "one_to_one"))
    given = random_rasters(network, 4, share=0.1, seed=0)
    # Inhibition that comes in part of the steps only leaves cells spikes to learn from.
    given["inh"][np.arange(len(given["inh"])) % 4 > 0] = False
    assert engine("brian").unsupported(network) == ()
    found = []
    for name in ("reference", "brian"):
        simulation = engine(name).build(network, seed=3)
        recording = simulation.run(n_frames=4, rasters=given, learn=True, record=Record(spikes=True))
        spikes = sorted(zip(recording.spikes["out"].steps.tolist(), recording.spikes["out"].cells.tolist(), strict=True))
        found.append((spikes, simulation.state()))
    assert len(found[0][0]) > 5 and found[0][0] == found[1][0]
    for j in network.projections:
        a, b = (state.weights(j.name) for _, state in found)
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12, err_msg=j.name)


def test_every_rule_is_checked() -> None:
    """Oracle: the list of rules of the package."""
    assert {type(r) for r in RULES} == set(plasticity.RULES)


class Sound(Rule):
    """Acts at arrivals only."""

    kind: Literal["sound"] = "sound"
    rate_mV: Positive = 0.1

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=5.0),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("pre_spike", W * (1.0 - 0.05 * W) + self.rate_mV * pre("x")),)


class Undeclared(Sound):
    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + signal("error")),)


class OtherSide(Sound):
    def updates(self) -> tuple[Update, ...]:
        return (Update("post_spike", W + signal("x")),)


class Infinite(Sound):
    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + 1.0 / pre("x")),)


class Exploding(Sound):
    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W * exp(500.0 * pre("x"))),)


class Nested(Sound):
    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + post_sum(W * post_sum(W))),)


class Unchecked(Sound):
    rate_mV: float = 0.1


class Twice(Sound):
    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=5.0), Trace("x", "pre", tau_ms=6.0))


class Never(Sound):
    def updates(self) -> tuple[Update, ...]:
        return ()


def test_an_engine_that_refuses_is_left_out() -> None:
    """Oracle: the engine's own answer: brian does not learn shared weights."""
    assert check_rule(Sound(), ("reference", "brian")) == ("reference",)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Undeclared(), "reads the signal trace 'error', which is not declared"),
        (OtherSide(), "reads the signal trace 'x', which is not declared"),
        (Infinite(), "division|gives inf"),
        (Exploding(), "gives inf"),
        (Nested(), "post_sum within a post_sum"),
        (Unchecked(), "rate_mV=nan is not refused"),
        (Twice(), "declared twice"),
        (Never(), "has no update"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Rule) else "",
)
def test_broken_rules_fail(rule: Rule, words: str) -> None:
    """Oracle: the defect planted in each."""
    with pytest.raises((AssertionError, ZeroDivisionError), match=words):
        check_rule(rule)


@pytest.mark.parametrize("name", ["eta", "quantum_mV", "c", "decay", "tau_pre_ms"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1])
def test_constants_of_the_forecast_rule(name: str, value: float) -> None:
    """Oracle: the ranges in its docstring."""
    with pytest.raises(ValueError, match=name):
        ErrorGated(**{name: value})
