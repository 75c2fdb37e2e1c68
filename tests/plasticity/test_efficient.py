"""Efficient balanced networks: the equations event by event, and the fields and the balance that they come to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import EfficientBalance, EfficientInput
from plasticity.testing import forced
from snn.cells import LIF
from snn.seeding import stream


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_input_weights(engine_name: str) -> None:
    """Oracle: the equation in a loop over spikes of the target; traces from lists of times."""
    rng = stream(0, "efficient")
    pre, post = rng.random((300, 3)) < 0.1, rng.random((300, 2)) < 0.08
    post[0] = False
    found = forced(EfficientInput(eta=0.2, gain_mV=0.7, tau_ms=11.0), pre, post, 1.0, modulator=0.5, engine_name=engine_name)
    for i in range(3):
        for k in range(2):
            w = 1.0
            for t in np.flatnonzero(post[:, k]):
                w += 0.5 * 0.2 * (0.7 * math.fsum(math.exp((a - t) / 11.0) for a in np.flatnonzero(pre[:, i]) if a <= t) - w)
            assert found[i, k] == pytest.approx(w, rel=1e-9)


def test_input_weights_are_the_mean_input_of_a_spike() -> None:
    """Oracle: the mean trace at the moments of the target's spikes, of sources that come before it or have nothing to do with it."""
    rng = stream(1, "efficient")
    post = rng.random((20_000, 1)) < 0.03
    post[:5] = False
    cause = np.roll(post[:, 0], -3) & (rng.random(20_000) < 0.8)
    pre = np.stack([cause, rng.random(20_000) < 0.03], axis=1)
    found = forced(EfficientInput(eta=0.01, gain_mV=2.0, tau_ms=10.0), pre, post, 0.5, engine_name="event").ravel()
    trace, traces = np.zeros(2), []
    for n in range(20_000):
        trace = trace * math.exp(-0.1) + pre[n]
        if post[n, 0]:
            traces.append(trace)
    np.testing.assert_allclose(found, 2.0 * np.mean(traces, axis=0), rtol=0.15)
    assert found[0] > 2 * found[1]


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_recurrent_weights(engine_name: str) -> None:
    """Oracle: the equation in a loop over steps, with the membrane that inhibition moves and the teacher resets."""
    rng = stream(2, "efficient")
    pre, post = rng.random((300, 2)) < 0.1, rng.random((300, 1)) < 0.08
    post[0] = False
    rule = EfficientBalance(eta=0.3, beta=1.5, cost_mV=0.4, tau_ms=9.0)
    found = forced(
        rule, pre, post, 0.6, cell=LIF(tau_mem_ms=15.0, v_threshold_mV=1e6, v_reset_mV=3.0), sign="inhibitory", modulator=0.5,
        engine_name=engine_name,
    )  # fmt: skip
    w, v, heard, r = np.full(2, 0.6), 0.0, 0.0, 0.0
    for n in range(300):
        v = 3.0 if post[n, 0] else math.exp(-1 / 15.0) * (v + heard)
        r *= math.exp(-1 / 9.0)
        heard = -float(w @ pre[n])
        asked = np.maximum(w + 0.5 * 0.3 * (1.5 * (v + 0.4 * r) - w), 0.0)
        w = np.where(pre[n], asked, w)
        r += float(post[n, 0])
    np.testing.assert_allclose(found[:, 0], w, rtol=1e-9)
    assert np.abs(w - 0.6).max() > 0.05
