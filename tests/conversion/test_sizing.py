"""What a conversion takes, said before and counted after."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from conversion.circuit import Circuit
from conversion.dale import ROUTES, Route, route_dale
from conversion.neuron import integrate_and_fire
from conversion.populate import populate
from conversion.rate_spec import Timing
from conversion.scaling import scale
from conversion.sizing import copies_for, expected_nrmse, memory_of, size_for, size_of
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from conversion.unshare import unshare
from snn.engines import engine
from snn.errors import ConversionError

Makes = Callable[..., TimedPredNet]
Circuits = Callable[..., Circuit]


@pytest.mark.parametrize(("copies", "fan_in"), [(1, None), (4, None), (4, 2)])
def test_size_of_a_circuit(copies: int, fan_in: int | None, handmade: Circuits) -> None:
    """Oracle: the built network: cells, every synapse listed, numbers kept, spikes times synapses."""
    circuit = integrate_and_fire(populate(route_dale(scale(handmade(), ones(handmade()), 80.0)), copies, fan_in))
    network, found = circuit.network, size_of(circuit, mean_activity=0.25)
    synapses = {j.name: len(network.edges(j).pre) for j in network.projections}
    assert found.copies == copies and found.cells == sum(p.n for p in network.populations) == network.n_neurons
    assert found.synapses == sum(synapses.values())
    assert found.stored_weights == sum(a.size for k, a in circuit.state().arrays.items() if k.startswith("weights/"))
    assert found.synaptic_operations_per_frame == pytest.approx(found.synapses * 0.25 * 80.0 * 0.05)
    assert found.memory_bytes == memory_of(network)


def ones(circuit: Circuit) -> dict[str, np.ndarray]:
    return {p.name: np.ones(p.shape[2]) for p in circuit.network.populations}


def test_synapses_by_hand(tiny: Makes) -> None:
    """Oracle: pairs of units within reach, counted for one projection, times the copies that meet."""
    circuit = integrate_and_fire(populate(trace(tiny()), 4, 2))
    j = circuit.network.projection("level1.representation->level0.representation/tau20")
    pairs = 0
    for r, c, y, x in product(range(4), range(4), range(8), range(8)):
        # A kernel of 3 on the fine grid, whose every two rows and columns are one site below: 4 of them are reached.
        pairs += 2 * r - 1 <= y <= 2 * r + 2 and 2 * c - 1 <= x <= 2 * c + 2
    assert len(circuit.network.edges(j).pre) == circuit.network.out_degree(j).sum() == pairs * 2 * 3 * 4 * 2


@pytest.mark.parametrize("copies", [4, 16])
@pytest.mark.parametrize("share", [True, False])
def test_memory(copies: int, share: bool, tiny: Makes) -> None:
    """Oracle: the bytes of the event engine's arrays, to 10 %."""
    circuit = trace(tiny())
    circuit = integrate_and_fire(populate(route_dale(circuit if share else unshare(circuit)), copies))
    built = engine("event").build(circuit.network, state=circuit.state())
    held = sum(a.nbytes for a in built.backend.built.arrays)  # type: ignore[attr-defined]
    assert memory_of(circuit.network) == pytest.approx(held, rel=0.1)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("share", [True, False])
def test_size_from_the_description_alone(route: Route, share: bool, tiny: Makes) -> None:
    """Oracle: the size of the circuit that is then built, whose weights are others."""
    model = tiny()
    found = size_for(model.spec, copies=3, r_max_Hz=50.0, route=route, share=share)
    circuit = trace(model)
    circuit = scale(circuit, ones(circuit), 50.0)
    built = integrate_and_fire(populate(route_dale(circuit if share else unshare(circuit), route), 3))
    assert found == size_of(built)


def test_copies_and_precision_are_inverse() -> None:
    """Oracle: the law itself: with so many copies the error is small enough, with one fewer it is not."""
    for r_max, tau, nrmse in product((50.0, 100.0, 200.0), (5.0, 20.0), (0.11, 0.2, 0.4)):
        n = copies_for(nrmse, r_max, tau)
        assert expected_nrmse(n, r_max, tau) <= nrmse
        assert n == 1 or expected_nrmse(n - 1, r_max, tau) > nrmse
    assert expected_nrmse(16, 100.0) == pytest.approx(np.hypot(1.08 / 32.0, 0.06))


def test_size_for_a_precision(tiny: Makes) -> None:
    """Oracle: the number of copies that the law asks for."""
    spec = tiny().spec
    found = size_for(spec, nrmse=0.2, r_max_Hz=100.0)
    assert found.copies == copies_for(0.2, 100.0, 20.0) and found == size_for(spec, copies=found.copies)
    slow = tiny(timing=Timing(tau_syn_ms=5.0)).spec
    assert size_for(slow, nrmse=0.2).copies == copies_for(0.2, 100.0, 5.0) > found.copies


def test_what_cannot_be_is_refused(tiny: Makes) -> None:
    """Oracle: the sentences."""
    spec = tiny().spec
    with pytest.raises(
        ConversionError, match=r"nrmse: cannot be reached by copies; got 0.05; allowed: above 0.06 at 100 Hz; raise r_max_Hz"
    ):
        copies_for(0.05, 100.0)
    for wrong in ({}, {"nrmse": 0.2, "copies": 4}):
        with pytest.raises(ConversionError, match="size_for: needs either nrmse or copies"):
            size_for(spec, **wrong)
    with pytest.raises(ConversionError, match=r"model\.timing: is missing: it runs frame by frame"):
        size_for(spec.model_copy(update={"timing": None}), copies=4)
    with pytest.raises(ConversionError, match="copies: is no number of copies; got 0"):
        size_for(spec, copies=0)
    with pytest.raises(ConversionError, match="nrmse: cannot be reached"):
        copies_for(float("nan"), 100.0)
