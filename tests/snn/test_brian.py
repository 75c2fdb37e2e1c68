"""The brian engine. The oracle is the reference engine, of which it shares no formula: every spike and every weight."""

from __future__ import annotations

import sys
from typing import Literal

import numpy as np
import pytest

from plasticity.predictive import ErrorGated
from plasticity.stdp import PairSTDP
from snn.cells import IF, LIF, AdaptiveLIF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.engines import engine
from snn.errors import EngineError
from snn.local import MODULATOR, SIGN, Rule, Trace, Update, W, exp, post, post_sum, pre, signal
from snn.prednet import PredNetSpec, prednet
from snn.recording import Record, Recording
from snn.state import State
from snn.stimuli import Movie
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, OneToOne, SharedKernel
from snn.weights import Constant, Normal, Uniform

STDP = PairSTDP(a_plus_mV=0.3, a_minus_mV=0.25, tau_plus_ms=10.0, tau_minus_ms=14.0)


class Everything(Rule):
    """A rule that uses every word of the plasticity port."""

    kind: Literal["everything"] = "everything"

    def traces(self) -> tuple[Trace, ...]:
        return (
            Trace("x", "pre", tau_ms=7.0),
            Trace("n pre", "pre", frame="mean", late=True),
            Trace("y", "post", tau_ms=9.0, frame="mean"),
            Trace("z", "post", tau_ms=6.0),
            Trace("heard", "signal", tau_ms=8.0),
            Trace("told", "signal", tau_ms=5.0, frame="sum", late=True),
            Trace("e", "signal", frame="sum"),
        )

    def updates(self) -> tuple[Update, ...]:
        return (
            Update("pre_spike", W + 0.02 * SIGN * MODULATOR * post_sum(W * pre("x")) - 0.1 * post("y")),
            Update("pre_spike", W * exp(-0.01 * pre("x"))),
            Update("post_spike", W + 0.05 * (pre("x") - 3.0 * post("z") + signal("heard")) / (1.0 + post_sum(1.0 + 0.0 * W))),
            Update("frame_end", W + 0.1 * (pre("n pre") - 0.02) + 0.01 * signal("told") / (1.0 + post_sum(W * W))),
            Update("frame_end", 0.99 * W + 0.01 * signal("e") * post("y") - 0.001 * post_sum(W)),
        )


def projection(source: str, target: str, receptor: str, topology: object, weights: object, delay_ms: float, **more: object) -> Projection:
    return Projection(source=source, target=target, receptor=receptor, topology=topology, weights=weights, delay_ms=delay_ms, **more)  # type: ignore[arg-type]


def pair() -> Network:
    """Two sources on refractory LIF cells with a hard reset; pair STDP; delays of 1, 3 and 12 steps."""
    exc, push = Receptor(name="exc", tau_ms=4.0), Receptor(name="push", kinetics="pulse")
    cell = LIF(tau_mem_ms=11.0, v_threshold_mV=5.0, v_reset_mV=-1.0, t_ref_ms=3.0, threshold_jitter_mV=0.7, v_floor_mV=-3.0)
    strong, even = Constant(value_mV=5.3), Uniform(low_mV=0.5, high_mV=4.0)
    return Network(
        frame_ms=10.0,
        populations=(
            Population(name="in.a", shape=(2, 2, 3), cell=SpikeSource()),
            Population(name="in.b", shape=(2, 2, 2), cell=SpikeSource(), sign="inhibitory"),
            Population(name="out", shape=(2, 2, 2), cell=cell, receptors=(exc, push)),
        ),
        projections=(
            projection("in.a", "out", "exc", Dense(), even, 3.0, rule=STDP, w_max_mV=5.0),
            projection("in.a", "out", "push", OneToOne(pairs=((0, 0), (1, 1))), strong, 1.0, rule=STDP, w_max_mV=6.0),
            projection("in.b", "out", "exc", Dense(), even, 12.0, rule=STDP, w_max_mV=4.0),
        ),
    )


def zoo() -> Network:
    """Every cell, receptor, topology and sign, equal and nearly equal time constants, every word of a rule."""
    slow, same = Receptor(name="slow", tau_ms=9.0), Receptor(name="same_post", tau_ms=6.0)
    near, stay = Receptor(name="v", tau_ms=6.0000001), Receptor(name="2 stay", kinetics="integrating")
    push = Receptor(name="push", kinetics="pulse")
    spread = Uniform(low_mV=0.2, high_mV=1.5)
    signals = (
        Signal(name="heard", taps=(Tap(population="if"),)),
        Signal(name="told", taps=(Tap(population="leak"), Tap(population="change"))),
        Signal(name="e", taps=(Tap(population="src", pairs=((1, 0),)),)),
    )
    j = 0.3
    integrate = IF(tau_mem_ms=3.0, v_threshold_mV=2.0, reset_by_mV=2.0, threshold_jitter_mV=j, v_floor_mV=-1.0)
    leak = LIF(tau_mem_ms=6.0, v_threshold_mV=1.7, t_ref_ms=2.0, threshold_jitter_mV=j)
    slowing = {"adaptation_mV": 0.8, "tau_adaptation_ms": 15.0}
    change = AdaptiveLIF(tau_mem_ms=6.0, v_threshold_mV=1.5, reset_by_mV=1.5, threshold_jitter_mV=j, **slowing)
    twice = LIF(tau_mem_ms=6.0, v_threshold_mV=1.0, reset_by_mV=1.0, threshold_jitter_mV=j)
    weak_stdp = PairSTDP(a_plus_mV=0.1, a_minus_mV=0.1)
    return Network(
        frame_ms=12.0,
        populations=(
            Population(name="src", shape=(4, 4, 2), cell=SpikeSource()),
            Population(name="noise", shape=(4, 4, 1), cell=SpikeSource(), sign="mixed"),
            Population(name="if", shape=(4, 4, 1), cell=integrate, receptors=(slow, stay, push), sign="inhibitory"),
            Population(name="leak", shape=(4, 4, 1), cell=leak, receptors=(same, near, push)),
            Population(name="change", shape=(4, 4, 1), cell=change, receptors=(same, slow)),
            Population(name="half", shape=(2, 2, 1), cell=twice, receptors=(same,), copies=2),
        ),
        projections=(
            projection("src", "if", "slow", LocalField(size=3), spread, 2.0, rule=Everything(), signals=signals, w_max_mV=1.8),
            projection("src", "if", "2 stay", OneToOne(pairs=((0, 0),)), Constant(value_mV=0.05), 1.0),
            projection("noise", "if", "push", SharedKernel(size=3), Normal(mean_mV=0.2, scale_mV=0.5), 4.0),
            projection("src", "leak", "same_post", LocalField(size=3, pre_features=(0, 1)), spread, 5.0, rule=STDP),
            projection("noise", "leak", "v", OneToOne(), Normal(mean_mV=1.0, scale_mV=1.0), 1.0, rule=STDP, w_max_mV=2.0),
            projection("if", "leak", "push", OneToOne(), spread, 1.0, rule=Everything(), signals=signals, w_max_mV=1.0),
            projection("leak", "change", "same_post", LocalField(size=3), spread, 14.0),
            projection("if", "change", "slow", SharedKernel(size=1), Constant(value_mV=0.3), 2.0),
            projection("change", "half", "same_post", LocalField(size=1), spread, 1.0, rule=weak_stdp, w_max_mV=2.0),
            projection("half", "half", "same_post", Dense(), Constant(value_mV=0.2), 3.0),
            projection("half", "leak", "push", LocalField(size=2), Constant(value_mV=0.1), 2.0),
        ),
    )


def circuit() -> tuple[Network, Movie]:
    frames = 0.5 + 0.06 * np.cumsum(np.random.default_rng(0).normal(size=(4, 6, 6)), axis=0)
    return prednet(PredNetSpec(rows=6, cols=6), ErrorGated()), Movie(np.clip(frames, 0, 1))


def rasters(network: Network, n_frames: int, rate: float = 0.12, seed: int = 3) -> dict[str, np.ndarray]:
    """Bernoulli spikes; a quarter of the steps are coincidences of all cells of a source."""
    rng, steps = np.random.default_rng(seed), n_frames * round(network.frame_ms)
    found = {}
    for p in network.populations:
        if p.cell.kind == "source":
            together = rng.random((steps, 1)) < rate / 4
            found[p.name] = (rng.random((steps, p.n)) < rate) | together
    return found


def assert_same_spikes(a: Recording, b: Recording) -> None:
    for name, spikes in a.spikes.items():
        assert np.array_equal(spikes.steps, b.spikes[name].steps), name
        assert np.array_equal(spikes.cells, b.spikes[name].cells), name
        assert np.array_equal(a.counts[name], b.counts[name])
    for name, readout in a.readouts.items():
        assert np.allclose(readout, b.readouts[name], rtol=1e-12, atol=1e-12)


def assert_same_state(a: State, b: State) -> None:
    assert a.step == b.step
    assert set(a.arrays) == set(b.arrays)
    for key, array in a.arrays.items():
        assert (array.dtype, array.shape) == (b.arrays[key].dtype, b.arrays[key].shape), key
        np.testing.assert_allclose(b.arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=key)


def test_the_circuit_learns_alike(capfd: pytest.CaptureFixture[str]) -> None:
    """Oracle: the reference engine over four frames, with learning; nothing is printed."""
    network, movie = circuit()
    found = {}
    for name in ("reference", "brian"):
        simulation = engine(name).build(network, seed=1)
        found[name] = simulation.run(movie, learn=True, record=Record(spikes=True)), simulation.state()
    assert sum(len(s.steps) for s in found["reference"][0].spikes.values()) > 1000
    assert found["reference"][1].weights("level0.representation->level0.prediction/dendrite_exc").max() > 0
    assert_same_spikes(found["reference"][0], found["brian"][0])
    assert_same_state(found["reference"][1], found["brian"][1])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("make", [pair, zoo])
def test_all_events_and_kinetics_agree(make: object) -> None:
    """Oracle: the reference engine; learning goes on, off and on, with another broadcast signal."""
    network = make()  # type: ignore[operator]
    simulations = [engine(name).build(network, seed=4) for name in ("reference", "brian")]
    before = simulations[0].state()
    for k, (learn, modulator) in enumerate(((True, 1.0), (False, 1.0), (True, -0.5))):
        given = rasters(network, 4, seed=k)
        one, other = (s.run(n_frames=4, rasters=given, learn=learn, modulator=modulator, record=Record(spikes=True)) for s in simulations)
        assert all(len(one.spikes[p.name].steps) > 10 for p in network.populations)
        assert_same_spikes(one, other)
        assert_same_state(simulations[0].state(), simulations[1].state())
    for j in network.projections:
        changed = np.abs(simulations[0].state().weights(j.name) - before.weights(j.name)).max()
        assert (changed > 1e-3) == (j.rule is not None), j.name


def test_a_state_moves_there_and_back() -> None:
    """Oracle: the reference engine, uninterrupted; spikes are in flight, and cells refractory, as it moves."""
    network = pair()
    given = rasters(network, 6)
    # All fire in the last step before each move, and lose a pulse in the second step after it.
    given["in.a"][[18, 20, 38, 40]] = True
    whole = engine("reference").build(network, seed=2)
    expected = whole.run(n_frames=6, rasters=given, learn=True, record=Record(spikes=True))
    state, parts = None, []
    for k, name in enumerate(("reference", "brian", "reference")):
        simulation = engine(name).build(network, seed=2, state=state)
        part = {key: r[20 * k : 20 * (k + 1)] for key, r in given.items()}
        parts.append(simulation.run(n_frames=2, rasters=part, learn=True, record=Record(spikes=True)))
        state = simulation.state()
    assert state is not None
    assert_same_state(whole.state(), state)
    for name, spikes in expected.spikes.items():
        assert np.array_equal(spikes.steps, np.concatenate([p.spikes[name].steps + 20 * k for k, p in enumerate(parts)]))
        assert np.array_equal(spikes.cells, np.concatenate([p.spikes[name].cells for p in parts]))


def test_a_restart_empties_the_queues() -> None:
    """Oracle: the reference engine after the same restart."""
    network = pair()
    found = []
    for name in ("reference", "brian"):
        simulation = engine(name).build(network, seed=2)
        simulation.run(n_frames=2, rasters=rasters(network, 2), learn=True)
        simulation.restart()
        recording = simulation.run(n_frames=2, rasters=rasters(network, 2, seed=8), learn=True, record=Record(spikes=True))
        found.append((recording, simulation.state()))
    assert_same_spikes(found[0][0], found[1][0])
    assert_same_state(found[0][1], found[1][1])


def test_rate_units_are_refused_in_words() -> None:
    """Oracle: the reason that the conventions give."""
    network = prednet(PredNetSpec(rows=6, cols=6)).override(
        "level0.representation.cell", {"kind": "rate", "tau_mem_ms": 1.0, "gain_Hz_per_mV": 10.0}
    )
    (reason,) = engine("brian").unsupported(network)
    assert reason == "level0.representation: Brian2 delivers spikes, not graded values with a delay"
    with pytest.raises(EngineError, match="Brian2 delivers spikes, not graded values with a delay"):
        engine("brian").build(network)
    with pytest.raises(EngineError, match="there is no such target"):
        engine("brian", target="numpi")


def test_a_gate_on_a_current_that_decays_is_refused() -> None:
    """Oracle: the receptor's own name in the reason; the event engine has none."""
    receptors = (Receptor(name="dendrite", tau_ms=5.0, gate="opened"), Receptor(name="opened", kinetics="gate", tau_ms=5.0))
    network = Network(
        name="gated",
        populations=(Population(name="cell", shape=(1, 1, 1), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1.0), receptors=receptors),),
    )
    (reason,) = engine("brian").unsupported(network)
    assert "cell, receptor 'dendrite'" in reason
    assert engine("event").unsupported(network) == ()
    with pytest.raises(EngineError, match="a gate on a current that decays"):
        engine("brian").build(network)


def test_the_equations_can_be_read() -> None:
    """Oracle: the names in the description, and the membrane equation of the cell's docstring."""
    network = pair()
    hook = sys.excepthook
    simulation = engine("brian").build(network)
    text = simulation.backend.equations()  # type: ignore[attr-defined]
    assert all(f"population {p.name}:" in text for p in network.populations)
    assert all(f"projection {j.name}:" in text for j in network.projections)
    assert "dv/dt = (g_exc + I - v)/tau_mem : 1" in text
    assert "post_spike: w = clip((w + (0.3 * trace_0_x_pre)), 0, 5.0)" in text
    assert sys.excepthook is hook


def test_brian_is_left_as_it_was() -> None:
    """Oracle: Brian2's own preferences before and after; its magic network stays empty of our parts."""
    import brian2

    before = brian2.prefs["codegen.target"], brian2.prefs["core.network.default_schedule"], brian2.defaultclock.dt
    simulation = engine("brian").build(pair())
    simulation.run(n_frames=1)
    assert before == (brian2.prefs["codegen.target"], brian2.prefs["core.network.default_schedule"], brian2.defaultclock.dt)
