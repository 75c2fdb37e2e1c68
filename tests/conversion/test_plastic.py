"""Synapses of a spiking circuit get weights of their own, and learn by a local rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.activity import simulation
from conversion.circuit import Circuit
from conversion.dale import route_dale
from conversion.neuron import integrate_and_fire
from conversion.plastic import own_weights, with_rule
from conversion.populate import populate
from conversion.unshare import spread_out, unshare
from plasticity.predictive import ErrorGated
from snn.constraints import unshared_copies
from snn.description import Projection, Signal, Tap
from snn.errors import ConversionError
from snn.recording import Record
from snn.stimuli.movie import Movie

Circuits = Callable[..., Circuit]
Shows = Callable[..., Movie]
TARGETS = ("second", "second_inh")
SIGNALS = (
    Signal(name="excess", taps=(Tap(population="first", pairs=((0, 0), (1, 1))),)),
    Signal(name="deficit", taps=(Tap(population="second_inh", pairs=((0, 1), (1, 0))),)),
)


def spiking(circuit: Circuit, copies: int = 4, fan_in: int | None = None, shared: bool = False) -> Circuit:
    return integrate_and_fire(populate(route_dale(circuit if shared else unshare(circuit)), copies, fan_in))


def spikes(circuit: Circuit, movie: Movie) -> dict[str, tuple[bytes, bytes]]:
    found = simulation(circuit).run(movie, record=Record(spikes=True)).spikes
    return {name: (s.steps.tobytes(), s.cells.tobytes()) for name, s in found.items()}


@pytest.mark.parametrize("fan_in", [None, 2, 1])
@pytest.mark.parametrize("shared", [False, True])
def test_weights_of_ones_own_change_no_spike(fan_in: int | None, shared: bool, handmade: Circuits, walk: Shows) -> None:
    """Oracle: the spikes of copies that share weights, all of them; the number of pairs of copies that meet."""
    circuit, movie = spiking(handmade(), fan_in=fan_in, shared=shared), walk(4, size=4)
    names = [p.name for p in circuit.network.populations]
    found = own_weights(circuit, names)
    before = spikes(circuit, movie)
    assert before == spikes(found, movie) and len(before["second_inh"][0]) > 400
    assert unshared_copies(circuit.network) and not unshared_copies(found.network)
    for one, two in zip(circuit.network.projections, found.network.projections, strict=True):
        n = np.count_nonzero(circuit.weights(one.name)) * 4 * (fan_in or 4)
        assert np.count_nonzero(found.weights(two.name)) == n, one.name
    assert (found.partners, found.per_unit_Hz.keys()) == (circuit.partners, circuit.per_unit_Hz.keys())


def test_factors_of_sites_stay(handmade: Circuits, walk: Shows) -> None:
    """Oracle: the spikes before; each source unit keeps its factor."""
    circuit, movie = spread_out(spiking(handmade(), shared=True), 0.3, seed=7), walk(3, size=4)
    assert any(k.startswith("factor/") for k in circuit.arrays)
    found = own_weights(circuit, ["whole"])
    assert {k for k in found.arrays if k.startswith("factor/")} == {k for k in circuit.arrays if k.startswith("factor/")}
    assert spikes(circuit, movie) == spikes(found, movie)


def plastic(circuit: Circuit, **more: float) -> Circuit:
    def rule_of(j: Projection) -> ErrorGated:
        return ErrorGated(quantum_mV=0.05, c=4.0, decay=0.0, tau_pre_ms=10.0)

    return with_rule(circuit, TARGETS, ("first", "first_inh"), rule_of, SIGNALS, **more)


def weights(circuit: Circuit, simulated: object) -> dict[str, NDArray[np.float64]]:
    state = simulated.state()  # type: ignore[attr-defined]
    return {j.name: state.weights(j.name) for j in circuit.network.projections}


def test_only_what_is_plastic_learns(handmade: Circuits, walk: Shows) -> None:
    """Oracle: bytes of all other weights; what learns stays 0 or more, and places where no synapse is stay 0."""
    before, movie = spiking(handmade(shared=False)), walk(5, size=4)
    circuit = plastic(before)
    assert spikes(before, movie) == spikes(circuit, movie)
    learns = {j.name for j in circuit.network.projections if j.rule is not None}
    assert learns == {j.name for j in circuit.network.projections if j.target in TARGETS and j.source in ("first", "first_inh")}
    assert len(learns) == 8
    simulated = simulation(circuit)
    first = weights(circuit, simulated)
    simulated.run(movie, learn=True)
    after = weights(circuit, simulated)
    for name, w in after.items():
        assert (w.tobytes() != first[name].tobytes()) == (name in learns), name
        assert (w >= 0).all() and np.isfinite(w).all()
        assert name not in learns or np.abs(w - first[name]).max() > 1e-5
    outside = first["first->second/slow"][0, :, :, 0]
    assert not outside.any() and not after["first->second/slow"][0, :, :, 0].any()
    quiet = simulation(circuit)
    quiet.run(movie)
    assert all(w.tobytes() == first[name].tobytes() for name, w in weights(circuit, quiet).items())


def test_weights_stay_within_their_bound(handmade: Circuits, walk: Shows) -> None:
    """Oracle: the bound, which some reach."""
    circuit = spiking(handmade(shared=False))
    most = max(float(circuit.weights(j.name).max()) for j in circuit.network.projections if j.target in TARGETS) * 1.01
    circuit = plastic(circuit, w_max_mV=most)
    simulated = simulation(circuit)
    for _ in range(10):
        simulated.run(walk(5, size=4), learn=True, modulator=20.0)
    found = [w for name, w in weights(circuit, simulated).items() if circuit.network.projection(name).rule is not None]
    assert max(float(w.max()) for w in found) == most and min(float(w.min()) for w in found) == 0.0


def test_what_cannot_learn_is_refused(handmade: Circuits) -> None:
    """Oracle: the sentences."""
    circuit = spiking(handmade(), shared=True)
    with pytest.raises(ConversionError, match=r"first->second/slow: has one kernel for all sites, which no local rule can change"):
        plastic(circuit)
    with pytest.raises(ConversionError, match=r"targets: there is no population 'secnd'; did you mean 'second'\?"):
        own_weights(circuit, ["secnd"])
    with pytest.raises(ConversionError, match=r"sources: none of them reaches \['second'\].*got \['firts'\]; did you mean 'first'\?"):
        with_rule(circuit, ["second"], ["firts"], lambda j: ErrorGated(), ())
