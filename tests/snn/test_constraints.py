"""Every constraint finds its violation on a network made to have it, and nothing on the circuit."""

from __future__ import annotations

import numpy as np
import pytest

from plasticity import ErrorGated
from snn.cells import LIF
from snn.constraints import CONSTRAINTS, graded_quantities, violations
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import State, initial_state
from snn.synapses import Receptor
from snn.testing import random_walk
from snn.topology import Dense, OneToOne, SharedKernel
from snn.weights import Constant

SPEC = PredNetSpec(rows=12, cols=12, levels=2, initial_forecast_mV=0.05)
FORECAST = "level0.representation->level0.prediction/dendrite_exc"


@pytest.mark.parametrize("levels", [1, 2])
def test_the_circuit_obeys_them_all(levels: int) -> None:
    """Oracle: none is lifted in its description; at birth and after learning."""
    network = prednet(SPEC.model_copy(update={"levels": levels}), ErrorGated())
    assert violations(network) == ()
    simulation = engine("event").build(network, seed=1)
    assert violations(network, simulation.state()) == ()
    simulation.run(random_walk(4, 12, 12), learn=True)
    assert violations(network, simulation.state()) == ()
    assert graded_quantities(network) == ()


@pytest.mark.parametrize(
    ("path", "value", "constraint", "where"),
    [
        ("level0.prediction.sign", "mixed", "dale", "level0.prediction"),
        (f"{FORECAST}.topology", SharedKernel(size=5), "unshared", FORECAST),
        (f"{FORECAST}.topology", Dense(), "local_field", FORECAST),
    ],
)
def test_what_an_edit_lifts_is_found(path: str, value: object, constraint: str, where: str) -> None:
    """Oracle: the edit."""
    found = violations(prednet(SPEC).override(path, value))
    assert [(v.constraint, v.where) for v in found] == [(constraint, where)]
    assert len(found[0].detail.split()) > 2


def test_rates_are_found() -> None:
    """Oracle: all populations."""
    rates = rate_network(prednet(SPEC))
    names = [p.name for p in rates.populations]
    assert [(v.constraint, v.where) for v in violations(rates)] == [("spikes", name) for name in names]
    assert graded_quantities(rates) == tuple(names)
    one = prednet(SPEC).override("level0.error_pos.cell", {"kind": "rate", "tau_mem_ms": 1.0, "gain_Hz_per_mV": 10.0})
    assert graded_quantities(one) == ("level0.error_pos",)


def test_a_network_without_inhibition_is_found() -> None:
    """Oracle: the construction."""
    cell, fast = LIF(tau_mem_ms=5.0, v_threshold_mV=1.0), Receptor(name="fast", tau_ms=3.0)
    exc = Population(name="exc", shape=(2, 2, 1), cell=cell, receptors=(fast,))
    inh = Population(name="inh", shape=(2, 2, 1), cell=cell, sign="inhibitory", receptors=(fast,))
    assert [(v.constraint, v.where) for v in violations(Network(populations=(exc,)))] == [("inhibition", "network")]
    assert [(v.constraint, v.where) for v in violations(Network(populations=(exc, inh)))] == [("inhibition", "inh")]
    one = Projection(source="inh", target="exc", receptor="fast", topology=OneToOne(), weights=Constant(value_mV=1.0), delay_ms=1.0)
    assert violations(Network(populations=(exc, inh), projections=(one,))) == ()


@pytest.mark.parametrize("wrong", [-1e-12, np.nan])
def test_a_weight_of_the_wrong_sign_is_found(wrong: float) -> None:
    """Oracle: the weight planted."""
    network = prednet(SPEC, ErrorGated())
    state = initial_state(network, dt_ms=1.0, seed=0)
    w = state.weights(FORECAST).copy()
    w[0, 0, 0, 2, 2, 0] = wrong
    found = violations(network, State({**state.arrays, f"weights/{FORECAST}": w}, 0, 0, 1.0))
    assert [(v.constraint, v.where, v.detail.split()[0]) for v in found] == [("dale", FORECAST, "1")]


def test_weights_that_changed_without_a_rule_are_found() -> None:
    """Oracle: the weight planted; where there is a rule it may change."""
    network = prednet(SPEC, ErrorGated())
    state = initial_state(network, dt_ms=1.0, seed=0)
    fixed = "level0.target->level0.prediction/persistent_exc"
    for name, expected in ((fixed, [("local_plasticity", fixed)]), (FORECAST, [])):
        w = state.weights(name) * 1.01
        found = violations(network, State({**state.arrays, f"weights/{name}": w}, 0, 0, 1.0))
        assert [(v.constraint, v.where) for v in found] == expected


def test_pooling_is_always_a_sum() -> None:
    """Oracle: the description knows no other; the constraint is listed all the same."""
    assert CONSTRAINTS["no_max_pooling"](prednet(SPEC), None) == ()
