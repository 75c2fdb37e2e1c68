"""Prediction in a single cell: the equation step by step, and a cell that comes to fire at the first of two inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import SingleCellPrediction
from plasticity.testing import forced, taught
from snn.cells import LIF
from snn.engines import engine
from snn.recording import Record
from snn.seeding import stream

CELL = LIF(tau_mem_ms=10.0, v_threshold_mV=1e6)


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_the_equation(engine_name: str) -> None:
    """Oracle: the paper's equations in a loop over steps, the membrane integrated by itself; p by the loop's own recursion."""
    rng = stream(0, "single cell")
    pre, post = rng.random((200, 4)) < 0.15, rng.random((200, 1)) < 0.05
    post[0] = False
    rule = SingleCellPrediction(eta=0.02, unit_mV=2.0, scale_mV=30.0, tau_mem_ms=10.0, tau_syn_ms=3.0)
    found = forced(rule, pre, post, 5.0, cell=CELL, tau_syn_ms=3.0, w_max_mV=50.0, modulator=0.5, engine_name=engine_name)
    decay, fall, w = math.exp(-0.1), math.exp(-1.0 / 3.0), np.full(4, 5.0)
    kick = 3.0 / (3.0 - 10.0) * (fall - decay)
    v, current, x, p = 0.0, 0.0, np.zeros(4), np.zeros(4)
    for n in range(200):
        v, p = decay * v + kick * current, decay * p + kick * x
        v = 0.0 if post[n, 0] else v
        current, x = fall * current + float(w @ pre[n]), fall * x + pre[n]
        u = w / 30.0
        e = x - v / 2.0 * u
        w = np.clip(w + 0.5 * 0.02 * w * (v / 2.0 * e + 30.0 / 2.0 * p * float(e @ u)), 0.0, 50.0)
    np.testing.assert_allclose(found[:, 0], w, rtol=1e-9)
    assert np.abs(w - 5.0).max() > 0.5


@pytest.mark.parametrize("step_ms", [0.5, 1.0])
def test_the_spike_moves_before_the_second_input(step_ms: float) -> None:
    """Oracle: the paper's figure 1: of two inputs 4 ms apart the first grows, the second shrinks, and the spike comes between them."""
    cell = LIF(tau_mem_ms=10.0, v_threshold_mV=2.0)
    network = taught(SingleCellPrediction(), 2, 1, cell=cell, tau_syn_ms=2.0, frame_ms=100.0, step_ms=step_ms, w_max_mV=100.0)
    network = network.override("in->out/weak.weights.value_mV", 10.0)
    simulation = engine("event").build(network, dt_ms=step_ms)
    pre = np.zeros((round(100 / step_ms), 2), bool)
    pre[round(10 / step_ms), 0] = pre[round(14 / step_ms), 1] = True
    given = {"in": pre, "teacher": np.zeros((len(pre), 1), bool)}
    first = []
    for _ in range(300):
        steps = simulation.run(n_frames=1, rasters=given, record=Record(spikes=True), learn=True).spikes["out"].steps
        first.append(float(steps[0]) * step_ms)
    w = simulation.state().weights("in->out/weak").ravel()
    assert first[0] > 14.0 and max(first[100:]) < 14.0
    assert w[0] > 1.7 * 10.0 and w[1] < 0.7 * 10.0


def test_equal_time_constants_are_refused() -> None:
    """Oracle: the range in its docstring."""
    with pytest.raises(ValueError, match="must differ"):
        SingleCellPrediction(tau_mem_ms=5.0, tau_syn_ms=5.0)
