"""Every rule on a million random updates: bounds and Dale's law hold, and what a synapse does not see does not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plasticity
from plasticity import Compose, DendriticPrediction, L1Norm, NearestSTDP, PairSTDP, Structural, TripletSTDP, VoltageSTDP
from snn.cells import SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.local import PostSum, Rule, evaluate
from snn.seeding import stream
from snn.state import State
from snn.testing import random_rasters
from snn.testing.rules import cell_for
from snn.topology import Dense
from snn.weights import Uniform

W_MAX_mV, N = 2.0, 1_000_000
NEEDED: dict[type[Rule], dict[str, Any]] = {
    DendriticPrediction: {
        "eta_mV": 5.0,
        "attenuation": 2.0 / 3.0,
        "theta_mV": 0.8,
        "width_mV": 1.0,
        "tau_dend_ms": 12.0,
        "tau_syn_ms": 4.0,
    },
    NearestSTDP: {"a_plus_mV": 0.2, "a_minus_mV": 0.3},
    Structural: {"rules": (PairSTDP(a_plus_mV=0.2, a_minus_mV=0.3),)},
    PairSTDP: {"a_plus_mV": 0.2, "a_minus_mV": 0.3},
    VoltageSTDP: {"a_ltd": 0.3, "a_ltp": 0.4, "theta_high_mV": 0.3, "lag_ms": 3.0, "usual_mV": 0.2},
    Compose: {"rules": (TripletSTDP(), L1Norm(total_mV=2.0, share=0.1))},
}
RULES: tuple[Rule, ...] = tuple(r(**NEEDED.get(r, {})) for r in plasticity.RULES)


def bounded(new: Any) -> Any:
    """What engines do with a new weight (``snn/engines/conventions.md``)."""
    return np.clip(new, 0.0, W_MAX_mV)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.kind)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.01, 1.0, 100.0]))
def test_bounds_and_dale(rule: Rule, seed: int, scale: float) -> None:
    """Oracle: the range; a weight is a magnitude, so that a sign of its own would be a value below 0."""
    rng = stream(seed, "safety", rule.kind)
    values: dict[Any, Any] = {}

    def value_of(x: Any) -> Any:
        if x not in values:
            if isinstance(x, PostSum):
                values[x] = evaluate(x.a, value_of) * rng.integers(1, 50, N)
            elif x.scope == "w":
                values[x] = rng.choice([0.0, W_MAX_mV, 1.0], N) * rng.choice([1.0, rng.random()], N)
            elif x.scope == "sign":
                values[x] = rng.choice([-1.0, 1.0], N)
            elif x.scope in ("voltage", "own"):
                values[x] = rng.normal(0.0, 10.0 * scale, N)
            else:
                values[x] = rng.choice([0.0, 1.0], N) * rng.exponential(scale, N)
        return values[x]

    for u in rule.updates():
        if u.weight is not None:
            new = bounded(evaluate(u.weight, value_of))
            assert int((~((new >= 0.0) & (new <= W_MAX_mV))).sum()) == 0, u.when


def pair(rule: Rule) -> Network:
    """Two cells that learn side by side from two sources each."""
    cell, receptor = cell_for(rule, v_threshold_mV=0.8)
    asked = list(dict.fromkeys(t.carried for t in rule.traces() if t.side == "signal"))
    ends = (Population(name=name, shape=(1, 1, 2), cell=SpikeSource()) for name in ("in", *asked))
    return Network(
        frame_ms=20.0,
        populations=(*ends, Population(name="out", shape=(1, 1, 2), cell=cell, receptors=(receptor,))),
        projections=(
            Projection(
                source="in", target="out", receptor="fast", topology=Dense(), weights=Uniform(low_mV=0.8, high_mV=1.8), delay_ms=1.0,
                rule=rule, signals=tuple(Signal(name=a, taps=(Tap(population=a),)) for a in asked), w_max_mV=W_MAX_mV,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.kind)
def test_what_a_synapse_does_not_see_does_not_matter(rule: Rule) -> None:
    """Oracle: the same run without NaN: weights of the other cell are the same to the byte.

    NaN is put into everything that belongs to cell 1 alone: its weights, its membranes and its receptors.
    """
    network = pair(rule)
    found = []
    for spoilt in (False, True):
        born = engine("reference").build(network, seed=4).state()
        arrays = {k: np.array(a) for k, a in born.arrays.items()}
        if spoilt:
            for key in ("weights/in->out/fast", "v/out", "dendrite/out", "g/out/fast"):
                if key in arrays:
                    arrays[key][..., 1] = np.nan
        simulation = engine("reference").build(network, state=State(arrays, born.step, born.seed, born.dt_ms, born.digest))
        simulation.run(n_frames=5, rasters=random_rasters(network, 5, share=0.2, seed=1), learn=True)
        found.append(simulation.state())
    clean, spoilt_state = (s.weights("in->out/fast") for s in found)
    assert np.array_equal(clean[:, 0], spoilt_state[:, 0]) and np.isfinite(clean).all()
    assert not np.isfinite(spoilt_state[:, 1]).any()
    born_weights = engine("reference").build(network, seed=4).state().weights("in->out/fast")
    assert not np.array_equal(clean[:, 0], born_weights[:, 0]), "the rule did nothing"
