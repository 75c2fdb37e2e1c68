"""Gated branches: gates on a single cell, fields that pool, and the circuit's competition.

Oracles: closed forms of a cell that holds its current, and plain loops over recorded spikes.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from plasticity import ErrorGated, GatedDelta
from snn.cells import IF, LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet
from snn.recording import Record
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import random_walk
from snn.topology import Edges, Grid, LocalField, OneToOne, edges, existing, out_degree, problem, weight_shape
from snn.weights import Constant

STEPS = 40


def voltage_after(gate_mV: float, shunt_mV: float, receptor: Receptor, name: str = "event") -> float:
    """Voltage of a cell at whose branch a current of 1 mV arrives with what opens and divides it, all in step 0."""
    source = Population(name="in", shape=(1, 1, 1), cell=SpikeSource())
    inhibitory = Population(name="inh", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory")
    receptors = (receptor, Receptor(name="gate", kinetics="gate", tau_ms=10.0), Receptor(name="shunt", kinetics="gate", tau_ms=5.0))
    cell = Population(name="out", shape=(1, 1, 1), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1e6), receptors=receptors)
    wires = [("in", receptor.name, 1.0), ("in", "gate", gate_mV), ("inh", "shunt", shunt_mV)]
    network = Network(
        populations=(source, inhibitory, cell),
        projections=tuple(
            Projection(source=a, target="out", receptor=r, topology=OneToOne(), weights=Constant(value_mV=w), delay_ms=1.0)
            for a, r, w in wires
        ),
        frame_ms=float(STEPS),
    )
    first = np.zeros((STEPS, 1), dtype=bool)
    first[0] = True
    simulation = engine(name).build(network)
    simulation.run(n_frames=1, rasters={"in": first, "inh": first})
    return float(simulation.state().arrays["v/out"][0])


@pytest.mark.parametrize("name", ["reference", "event"])
@pytest.mark.parametrize(("gate", "shunt"), [(None, None), ("gate", None), (None, "shunt"), ("gate", "shunt")])
def test_a_gate_opens_and_a_shunt_divides(gate: str | None, shunt: str | None, name: str) -> None:
    """Oracle: the sum over steps of the current times its factor, with the closed form of each exponential."""
    receptor = Receptor(name="branch", kinetics="integrating", gate=gate, shunt=shunt)
    told = voltage_after(0.8, 3.0, receptor, name)
    expected = 0.0
    for n in range(STEPS - 1):
        opened = 0.8 * math.exp(-n / 10.0) if gate else 1.0
        divided = 1.0 + 3.0 * math.exp(-n / 5.0) if shunt else 1.0
        expected += min(1.0, opened / divided)
    assert told == pytest.approx(expected, rel=1e-12)


def test_a_gate_opens_no_further_than_wide() -> None:
    """Oracle: a gate of 50 acts as 1 until it has decayed to it."""
    told = voltage_after(50.0, 0.0, Receptor(name="branch", kinetics="integrating", gate="gate"))
    assert told == pytest.approx(sum(min(1.0, 50.0 * math.exp(-n / 10.0)) for n in range(STEPS - 1)), rel=1e-12)


@pytest.mark.parametrize(
    ("receptors", "words"),
    [
        ((Receptor(name="a", tau_ms=3.0, gate="b"),), "no receptor of kind 'gate'"),
        ((Receptor(name="a", tau_ms=3.0, shunt="b"), Receptor(name="b", tau_ms=3.0)), "no receptor of kind 'gate'"),
    ],
)
def test_a_gate_must_be_there(receptors: tuple[Receptor, ...], words: str) -> None:
    """Oracle: the message."""
    with pytest.raises(ValidationError, match=words):
        Population(name="p", shape=(1, 1, 1), cell=LIF(tau_mem_ms=5.0, v_threshold_mV=1.0), receptors=receptors)


def test_what_cannot_be_gated_is_refused() -> None:
    """Oracle: the message."""
    with pytest.raises(ValidationError, match="scale a current"):
        Receptor(name="a", kinetics="pulse", gate="b")
    with pytest.raises(ValidationError, match="tau_ms is needed for 'exponential' and 'gate'"):
        Receptor(name="a", kinetics="gate")
    with pytest.raises(ValidationError, match="leave out pools"):
        Population(
            name="p",
            shape=(1, 1, 1),
            cell=LIF(tau_mem_ms=5.0, v_threshold_mV=1.0),
            receptors=(Receptor(name="g", kinetics="gate", tau_ms=2.0),),
            copies=2,
            pools=1,
        )
    with pytest.raises(ValidationError, match="bias_mV needs biased=True"):
        Population(name="p", shape=(1, 1, 1), cell=LIF(tau_mem_ms=5.0, v_threshold_mV=1.0), bias_mV=1.0)


@pytest.mark.parametrize(("pre", "post"), [(Grid(4, 6, 3), Grid(4, 6, 3)), (Grid(4, 4, 2), Grid(2, 2, 2)), (Grid(2, 2, 2), Grid(4, 4, 2))])
def test_a_depthwise_field_is_the_diagonal_of_a_full_one(pre: Grid, post: Grid) -> None:
    """Oracle: the full field, of which those synapses are kept whose features are the same."""
    size = 2 if post.rows > pre.rows else 3 if post.rows == pre.rows else 1
    deep, full = LocalField(size=size, depthwise=True), LocalField(size=size)
    found, every = edges(deep, pre, post), edges(full, pre, post)
    same = every.pre % pre.features == every.post % post.features

    def listed(e: Edges) -> list[tuple[int, int]]:
        return sorted(zip(e.pre.tolist(), e.post.tolist(), strict=True))

    assert listed(found) == listed(Edges(every.pre[same], every.post[same], every.weight[same]))
    assert len(set(found.weight.tolist())) == len(found.weight), "two synapses share a weight"
    assert weight_shape(deep, pre, post)[-1] == 1
    assert np.array_equal(np.flatnonzero(existing(deep, pre, post)), np.sort(found.weight))
    assert np.array_equal(out_degree(deep, pre, post), np.bincount(found.pre, minlength=pre.n))


def test_a_depthwise_field_needs_equal_features() -> None:
    """Oracle: the reason given."""
    assert "as many cells" in str(problem(LocalField(size=3, depthwise=True), Grid(4, 4, 2), Grid(4, 4, 3)))


GATED = PredNetSpec(rows=8, cols=8, branches=3, initial_forecast_mV=0.3)


def test_one_branch_is_the_circuit_without_gates() -> None:
    """Oracle: no population of the competition exists, and the description is that of the plain circuit."""
    plain = prednet(PredNetSpec(rows=8, cols=8))
    assert plain == prednet(PredNetSpec(rows=8, cols=8, branches=1))
    assert not [p.name for p in plain.populations if "branch" in p.name or "selector" in p.name]


def test_where_nothing_moves_copying_is_heard() -> None:
    """Oracle: on a still picture the branches, of random weights, err and copying does not: its selector wins, all gates shut."""
    picture = np.random.default_rng(3).random((1, 8, 8)).repeat(14, axis=0)
    recording = engine("event").build(prednet(GATED), seed=2).run(Movie(picture, 50.0))
    shares = recording.counts["level0.selector"][8:].sum(axis=(0, 1, 2))
    assert shares[-1] > 0.9 * shares.sum(), shares
    forecast = recording.readouts["level0.forecast"][10:, ..., 0]
    assert np.abs(forecast - picture[10:]).max() < 1 / 32, "the forecast is not the last frame"


def test_a_selector_loses_with_its_branch() -> None:
    """Oracle: the share of a branch falls when its weights are replaced by noise four times as strong."""
    network = prednet(GATED)
    movie = random_walk(16, 8, 8, seed=1)

    def share(state_of: float) -> float:
        state = engine("event").build(network, seed=2).state()
        for j in network.projections:
            if "dendrite" in j.receptor:
                state.arrays[f"weights/{j.name}"][..., 0:2] *= state_of
        recording = engine("event").build(network, state=state).run(movie)
        shares = recording.counts["level0.selector"][4:].sum(axis=(0, 1, 2))
        return float(shares[0] / shares.sum())

    assert share(4.0) < 0.5 * share(0.2)


@pytest.mark.parametrize("change", [{"rows": 7}, {"cols": 9}])
def test_branches_need_even_sizes(change: dict[str, int]) -> None:
    """Oracle: the message."""
    with pytest.raises(DescriptionError, match="even number of rows"):
        prednet(GATED.model_copy(update=change))


@pytest.mark.parametrize("name", ["reference", "event"])
def test_a_branch_learns_in_proportion_to_how_much_it_is_heard(name: str) -> None:
    """Oracle: GatedDelta's change is ErrorGated's times heard / (silence + rivals), from recorded spikes of the selectors."""
    settings = {"eta": 0.3, "quantum_mV": 0.5, "c": 0.5, "decay": 0.0, "late": False}
    gated, plain = (prednet(GATED, rule) for rule in (GatedDelta(silence=0.5, **settings), ErrorGated(**settings)))
    movie, route = random_walk(5, 8, 8, seed=4), "level0.representation->level0.branch/dendrite_exc"
    changes = []
    for network in (gated, plain):
        simulation = engine(name).build(network, seed=1)
        simulation.run(movie.part(0, 4), learn=False)
        before = simulation.state().weights(route).copy()
        recording = simulation.run(movie.part(4, 5), learn=True, record=Record(spikes=True))
        changes.append((simulation.state().weights(route) - before, before, recording))
    (mine, before, recording), (full, _, _) = changes
    # Signals reach a synapse in the step in which they are sent.
    spikes = recording.counts["level0.selector"][0]
    share = spikes[..., :3] / (0.5 + spikes.sum(axis=-1, keepdims=True))
    inside = (before > 0) & (before + full > 0)
    checked = 0
    for r in range(8):
        for c in range(8):
            for a in range(5):
                for b in range(5):
                    y, x = r + a - 2, c + b - 2
                    if not (0 <= y < 8 and 0 <= x < 8):
                        continue
                    expected = full[r, c, :, a, b, :] * np.repeat(share[y, x], 2)
                    good = inside[r, c, :, a, b, :] & (np.abs(full[r, c, :, a, b, :]) > 0)
                    assert np.allclose(mine[r, c, :, a, b, :][good], expected[good], rtol=1e-9, atol=1e-15)
                    checked += int(good.sum())
    assert checked > 1000
