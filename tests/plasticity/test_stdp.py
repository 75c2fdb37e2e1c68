"""Pair STDP against an independent loop over spikes, coincidences and bounds included, on both engines."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from plasticity import PairSTDP
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.recording import Record
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant, Uniform

RULE = PairSTDP(a_plus_mV=0.3, a_minus_mV=0.2, tau_plus_ms=12.0, tau_minus_ms=12.0)
W_MAX_mV = 2.0
ENGINES = ("reference", "event")


def taught(rule: PairSTDP, *, n_pre: int = 3, n_post: int = 2, delay_ms: float = 2.0, frame_ms: float = 50.0) -> Network:
    """Plastic synapses too weak to fire anything; a teacher fires each target cell in the step after its own spike."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1e6, reset_by_mV=1e6, v_floor_mV=0.0)
    pulse = (Receptor(name="weak", tau_ms=1.0), Receptor(name="push", kinetics="pulse"))
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, n_pre), cell=SpikeSource()),
            Population(name="teacher", shape=(1, 1, n_post), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n_post), cell=cell, receptors=pulse),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="weak", topology=Dense(), weights=Uniform(low_mV=0.5, high_mV=1.5),
                delay_ms=delay_ms, rule=rule, w_max_mV=W_MAX_mV,
            ),
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=1.001e6), delay_ms=1.0
            ),
        ),
    )  # fmt: skip


def run(simulation: Simulation, pre: np.ndarray, post: np.ndarray, **more: bool) -> None:
    """Show rasters of arrivals' sources and of wished target spikes (which come one step later)."""
    frames = len(pre) // simulation.layout.frame_steps
    found = simulation.run(n_frames=frames, rasters={"in": pre, "teacher": post}, record=Record(spikes=True), **more).spikes["out"]
    wished = [(n + 1, k) for n, k in np.argwhere(post) if n + 1 < len(post)]
    assert set(zip(found.steps.tolist(), found.cells.tolist(), strict=True)) >= set(wished)


def by_hand(w: np.ndarray, pre: np.ndarray, post: np.ndarray, rule: PairSTDP, delay: int, bounds: set[float] | None = None) -> np.ndarray:
    """All pairs, from lists of times: no traces, no steps; the law's order: an arrival and a spike count as pre first."""
    arrival, fired = np.argwhere(pre) + np.array([delay - 1, 0]), np.argwhere(post) + np.array([1, 0])
    w, bounds = w.copy(), set() if bounds is None else bounds
    events = [(n, 0, i) for n, i in arrival.tolist()] + [(n, 1, k) for n, k in fired.tolist()]
    for n, kind, cell in sorted(e for e in events if e[0] < len(pre)):
        if kind == 0:
            for k in range(w.shape[1]):
                y = sum(math.exp((m - n) / rule.tau_minus_ms) for m, c in fired.tolist() if c == k and m < n)
                w[cell, k] = max(0.0, w[cell, k] - rule.a_minus_mV * y)
        else:
            for i in range(w.shape[0]):
                x = sum(math.exp((m - n) / rule.tau_plus_ms) for m, c in arrival.tolist() if c == i and m <= n)
                w[i, cell] = min(W_MAX_mV, w[i, cell] + rule.a_plus_mV * x)
        bounds |= {0.0, W_MAX_mV} & set(w.ravel().tolist())
    return w


def rasters(n_steps: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(seed, "stdp")
    return rng.random((n_steps, 3)) < share, rng.random((n_steps, 2)) < share


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("delay", [1, 2, 5])
def test_hand_placed_pairs(name: str, delay: int) -> None:
    """Oracle: two exponentials; the pair in one step is pre before post, and potentiates by the whole step."""
    for gap in (-7, -1, 0, 1, 7):
        pre, post = np.zeros((50, 3), bool), np.zeros((50, 2), bool)
        pre[20, 0] = True
        post[20 + delay - 1 + gap - 1, 1] = True
        simulation = engine(name).build(taught(RULE, delay_ms=float(delay)), seed=1)
        before = simulation.state().weights("in->out/weak")
        run(simulation, pre, post, learn=True)
        change = simulation.state().weights("in->out/weak") - before
        expected = 0.3 * math.exp(-gap / 12.0) if gap >= 0 else -0.2 * math.exp(gap / 12.0)
        assert change[0, 1] == pytest.approx(expected, rel=1e-9)
        change[0, 1] = 0.0
        assert np.abs(change).max() == 0.0


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("share", "frame_ms"), [(0.03, 50.0), (0.2, 50.0), (0.2, 400.0)])
def test_random_trains(name: str, share: float, frame_ms: float) -> None:
    """Oracle: the loop over pairs above: coincidences, both bounds, and more than 128 steps between looks."""
    pre, post = rasters(400, share)
    simulation = engine(name).build(taught(RULE, frame_ms=frame_ms), seed=1)
    before = simulation.state().weights("in->out/weak")
    run(simulation, pre, post, learn=True)
    after = simulation.state().weights("in->out/weak")
    bounds: set[float] = set()
    np.testing.assert_allclose(after, by_hand(before, pre, post, RULE, 2, bounds), rtol=1e-9, atol=1e-12)
    assert share < 0.1 or bounds == {0.0, W_MAX_mV}


def test_looking_at_the_state_changes_nothing() -> None:
    """Oracle: the same run on the reference; states are dumped at odd steps, learning goes on and off."""
    network = taught(RULE, frame_ms=7.0)
    pre, post = rasters(7 * 60, 0.15)
    simulations = [engine(name).build(network, seed=1) for name in ENGINES]
    for first, stop in pairwise([0, 1, 2, 5, 13, 30, 47, 48, 60]):
        for simulation in simulations:
            part = slice(7 * first, 7 * stop)
            run(simulation, pre[part], post[part], learn=first != 13)
        a, b = (s.state() for s in simulations)
        for key, array in a.arrays.items():
            np.testing.assert_allclose(b.arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=f"{key} after frame {stop}")


@pytest.mark.parametrize("name", ["reference", "event"])
def test_nothing_learns_while_rules_are_off(name: str) -> None:
    """Oracle: weights before, to the byte, over more than two epochs of 128 steps."""
    pre, post = rasters(400, 0.2)
    simulation = engine(name).build(taught(RULE), seed=1)
    before = simulation.state().weights("in->out/weak")
    run(simulation, pre, post, learn=False)
    assert np.array_equal(simulation.state().weights("in->out/weak"), before)


@pytest.mark.parametrize("tau_plus_ms", [1.0, 3.0, 5.0])
def test_short_traces_are_learned_too(tau_plus_ms: float) -> None:
    """Oracle: the loop over pairs; 128 steps are many time constants."""
    rule = RULE.model_copy(update={"tau_plus_ms": tau_plus_ms})
    pre, post = rasters(400, 0.1)
    for name in ENGINES:
        simulation = engine(name).build(taught(rule), seed=1)
        before = simulation.state().weights("in->out/weak")
        run(simulation, pre, post, learn=True)
        after = simulation.state().weights("in->out/weak")
        np.testing.assert_allclose(after, by_hand(before, pre, post, rule, 2), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("w_max_mV", [0.75, 1.0])
def test_weights_born_above_their_bound(w_max_mV: float) -> None:
    """Oracle: the reference: a weight is clipped when it is updated, not before, and not while rules are off."""
    network = taught(RULE).override("in->out/weak.w_max_mV", w_max_mV)
    pre, post = rasters(100, 0.05)
    for learn in (False, True):
        found = []
        for name in ENGINES:
            simulation = engine(name).build(network, seed=1)
            run(simulation, pre, post, learn=learn)
            found.append(simulation.state())
        for key, array in found[0].arrays.items():
            np.testing.assert_allclose(found[1].arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=f"{key}, learn={learn}")
