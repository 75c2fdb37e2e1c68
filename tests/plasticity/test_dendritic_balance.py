"""Dendritic balance: both equations step by step, the manifold on which they keep weights, and one branch in balance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import BranchBalance, BranchInput
from plasticity.testing import forced
from snn.cells import LIF, RateUnit, SpikeSource
from snn.description import Network, Population, Projection, Sign, Signal, Tap
from snn.engines import engine
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

ENGINES = ("reference", "event", pytest.param("brian", marks=pytest.mark.slow))
STEPS, TAU_MEM_ms, TAU_SYN_ms = 300, 7.0, 10.0
NEVER = LIF(tau_mem_ms=TAU_MEM_ms, v_threshold_mV=1e6)


def potentials(effects: np.ndarray, step_ms: float) -> float:
    """Potential after the last step by a sum over arrivals ``effects`` (n_steps,) in mV, the last of which has not been heard."""
    n = len(effects)
    past = step_ms * np.arange(n - 1, 0, -1.0)
    share = TAU_SYN_ms / (TAU_SYN_ms - TAU_MEM_ms) * (np.exp(-past / TAU_SYN_ms) - np.exp(-past / TAU_MEM_ms))
    return math.fsum(share * effects[:-1])


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize(("sign", "step_ms"), [("excitatory", 1.0), ("excitatory", 0.5), ("inhibitory", 1.0)])
def test_input(engine_name: str, sign: Sign, step_ms: float) -> None:
    """Oracle: the equation in a loop over steps; traces and potentials are sums over lists of times."""
    rng = stream(0, "branch")
    pre, told = rng.random((STEPS, 1)) < 0.2, rng.random((STEPS, 1)) < 0.1
    rule = BranchInput(eta=0.02, unit_mV=0.4, decay=0.1, floor_mV=0.3, rest_mV=-0.2, tau_ms=6.0)
    found = forced(
        rule, pre, np.zeros_like(told), 0.25, told={"cell": told}, cell=NEVER, tau_syn_ms=TAU_SYN_ms, sign=sign, modulator=0.5,
        step_ms=step_ms, engine_name=engine_name,
    )  # fmt: skip
    s = 1.0 if sign == "excitatory" else -1.0
    w, effects, seen = 0.25, np.zeros(STEPS), [0.25]
    for n in range(STEPS):
        effects[n] = s * w * pre[n, 0]
        u = potentials(effects[: n + 1], step_ms) + 0.2
        z = math.fsum(math.exp((t - n) * step_ms / 6.0) for t in np.flatnonzero(told[: n + 1, 0]))
        w = max(w + 0.5 * 0.02 * step_ms * (s * 0.4 * z * u / max(0.3, w) - 0.1 * w), 0.0)
        seen.append(w)
    assert min(seen) < 0.3 or sign == "inhibitory"
    assert abs(w - 0.25) > 0.02
    assert found[0, 0] == pytest.approx(w, rel=1e-9)


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize(("sign", "step_ms"), [("excitatory", 1.0), ("inhibitory", 0.5), ("inhibitory", 1.0)])
def test_balance(engine_name: str, sign: Sign, step_ms: float) -> None:
    """Oracle: as above, of two sources, the second of which takes no part in the first one's trace."""
    rng = stream(1, "branch")
    pre = rng.random((STEPS, 2)) < np.array([0.2, 0.05])
    rule = BranchBalance(eta=0.02, decay=0.1, rest_mV=-3.0, tau_ms=6.0)
    found = forced(
        rule, pre, np.zeros((STEPS, 1), bool), 0.4, cell=NEVER, tau_syn_ms=TAU_SYN_ms, sign=sign, modulator=0.5, step_ms=step_ms,
        engine_name=engine_name,
    )  # fmt: skip
    s = 1.0 if sign == "excitatory" else -1.0
    w, effects = np.full(2, 0.4), np.zeros(STEPS)
    for n in range(STEPS):
        effects[n] = s * float(w @ pre[n])
        u = potentials(effects[: n + 1], step_ms) + 3.0
        z = np.array([math.fsum(math.exp((t - n) * step_ms / 6.0) for t in np.flatnonzero(pre[: n + 1, i])) for i in range(2)])
        w = np.maximum(w + 0.5 * 0.02 * step_ms * (-s * z * u - 0.1 * w), 0.0)
    assert np.abs(w - 0.4).max() > 0.1
    np.testing.assert_allclose(found[:, 0], w, rtol=1e-9)


def one_branch(eta: float, rest_mV: float = 20.0) -> Network:
    """An input and the spikes of a cell, which are given, on one graded branch."""
    rules = BranchInput(eta=eta, rest_mV=rest_mV), BranchBalance(eta=2 * eta, rest_mV=rest_mV)
    one = {"target": "branch", "topology": OneToOne(), "delay_ms": 1.0, "w_max_mV": 1e3}
    return Network(
        frame_ms=100.0,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="cell", shape=(1, 1, 1), cell=SpikeSource(), sign="inhibitory"),
            Population(
                name="branch", shape=(1, 1, 1), cell=RateUnit(tau_mem_ms=1.0, gain_Hz_per_mV=1000.0), biased=True, bias_mV=rest_mV,
                receptors=(Receptor(name="exc", tau_ms=10.0), Receptor(name="inh", tau_ms=10.0)),
            ),
        ),
        projections=(
            Projection(
                source="in", receptor="exc", weights=Constant(value_mV=0.3), rule=rules[0],
                signals=(Signal(name="cell", taps=(Tap(population="cell"),)),), **one,
            ),
            Projection(source="cell", receptor="inh", weights=Constant(value_mV=0.9), rule=rules[1], **one),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_a_cell_balances_its_own_branch_by_the_square_of_its_weight(engine_name: str) -> None:
    """Oracle: ``d(F^2) = 2 F dF`` is ``dW`` where the rates are 1 to 2, so ``W = F^2 / unit`` stays, but for traces a step apart.

    And what stays of the potential is small: the two rest where a spike of the cell takes away what came with it.
    """
    network = one_branch(2e-4)
    simulation = engine(engine_name).build(network, dt_ms=1.0)
    fed, held = (j.name for j in network.projections)
    rng, seen = stream(2, "branch"), []
    for _ in range(20 if engine_name == "reference" else 200):
        told = rng.random((1000, 1)) < 0.06
        simulation.run(n_frames=10, rasters={"in": rng.random((1000, 1)) < 0.5, "cell": told}, learn=True)
        w, inhibition = (simulation.state().weights(name).item() for name in (fed, held))
        seen.append((w, inhibition * 0.1 / w**2))
    fields, ratios = np.array(seen).T
    assert np.abs(fields - 0.3).max() > 0.05, "nothing was learned"
    assert np.abs(ratios - 1.0).max() < 0.03
