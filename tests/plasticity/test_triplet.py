"""Triplet STDP against sums over pairs and triplets of spike times, and what is known of its frequency curve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import TripletSTDP
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

RULE = TripletSTDP()
BORN_mV, W_MAX_mV = 1.0, 3.0


def taught(rule: TripletSTDP, n: int, dt_ms: float, frame_steps: int) -> Network:
    """``n`` synapses, one a pair of cells, too weak to fire anything; a teacher fires each target in its next step."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1e6, reset_by_mV=1e6, v_floor_mV=0.0)
    receptors = (Receptor(name="weak", tau_ms=1.0), Receptor(name="push", kinetics="pulse"))
    sources = (Population(name=name, shape=(1, 1, n), cell=SpikeSource()) for name in ("in", "teacher"))
    learned = {"weights": Constant(value_mV=BORN_mV), "delay_ms": dt_ms, "rule": rule, "w_max_mV": W_MAX_mV}
    return Network(
        frame_ms=frame_steps * dt_ms,
        populations=(*sources, Population(name="out", shape=(1, 1, n), cell=cell, receptors=receptors)),
        projections=(
            Projection(source="in", target="out", receptor="weak", topology=OneToOne(), **learned),
            Projection(
                source="teacher", target="out", receptor="push", topology=OneToOne(),
                weights=Constant(value_mV=1.001e6), delay_ms=dt_ms,
            ),
        ),
    )  # fmt: skip


def learned(rule: TripletSTDP, pre: np.ndarray, post: np.ndarray, dt_ms: float = 1.0, name: str = "event") -> np.ndarray:
    """Change of each synapse's weight; rasters (n_steps, n) of arrivals and of spikes of the targets, the last step empty."""
    network = taught(rule, pre.shape[1], dt_ms, len(pre))
    simulation = engine(name).build(network, dt_ms=dt_ms, seed=0)
    teacher = np.concatenate([post[1:], np.zeros_like(post[:1])])
    recording = simulation.run(n_frames=1, rasters={"in": pre, "teacher": teacher}, learn=True)
    assert not post[0].any() and recording.counts["out"].sum() == post.sum()
    return simulation.state().weights("in->out/weak").ravel() - BORN_mV


def closed_form(rule: TripletSTDP, pre_ms: list[float], post_ms: list[float]) -> float:
    """Sum over spike times; at equal times pre comes first, and no spike sees itself."""

    def trace(times: list[float], now: float, tau_ms: float, with_now: bool) -> float:
        return sum(math.exp((t - now) / tau_ms) for t in times if t < now or (with_now and t == now))

    up = sum(
        trace(pre_ms, t, rule.tau_plus_ms, True) * (rule.a2_plus_mV + rule.a3_plus_mV * trace(post_ms, t, rule.tau_y_ms, False))
        for t in post_ms
    )
    down = sum(
        trace(post_ms, t, rule.tau_minus_ms, False) * (rule.a2_minus_mV + rule.a3_minus_mV * trace(pre_ms, t, rule.tau_x_ms, False))
        for t in pre_ms
    )
    return up - down


def raster(times_ms: list[list[float]], dt_ms: float = 1.0) -> np.ndarray:
    found = np.zeros((round(max(max(t) for t in times_ms) / dt_ms) + 2, len(times_ms)), bool)
    for i, times in enumerate(times_ms):
        found[np.rint(np.array(times) / dt_ms).astype(int), i] = True
    return found


def both(pre_ms: list[list[float]], post_ms: list[list[float]], dt_ms: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    a, b = raster(pre_ms, dt_ms), raster(post_ms, dt_ms)
    size = max(len(a), len(b))
    return tuple(np.concatenate([x, np.zeros((size - len(x), x.shape[1]), bool)]) for x in (a, b))  # type: ignore[return-value]


def test_the_window_of_pairs() -> None:
    """Oracle: two exponentials, which are all that is left of the rule for a pair."""
    gaps = list(range(-60, 61, 5))
    rule = RULE.model_copy(update={"a2_plus_mV": 4.6e-3})
    change = learned(rule, *both([[100.0]] * len(gaps), [[100.0 + g] for g in gaps]))
    expected = [4.6e-3 * math.exp(-g / 16.8) if g >= 0 else -7e-3 * math.exp(g / 33.7) for g in gaps]
    np.testing.assert_allclose(change, expected, rtol=0, atol=1e-9)


def test_triplets() -> None:
    """Oracle: the closed-form sum, and for one triplet of each kind its terms written out."""
    spans = [(5, 5), (10, 10), (15, 5), (5, 15), (30, 60)]
    pre_post_pre = [([100.0, 100.0 + a + b], [100.0 + a]) for a, b in spans]
    post_pre_post = [([100.0 + a], [100.0, 100.0 + a + b]) for a, b in spans]
    quadruple = [([100.0, 195.0], [105.0, 190.0]), ([105.0, 190.0], [100.0, 195.0])]
    cases = [*pre_post_pre, *post_pre_post, *quadruple]
    change = learned(RULE, *both([p for p, _ in cases], [q for _, q in cases]))
    np.testing.assert_allclose(change, [closed_form(RULE, *case) for case in cases], rtol=0, atol=1e-9)
    a, b = spans[2]
    by_hand = 5e-10 * math.exp(-a / 16.8) - math.exp(-b / 33.7) * (7e-3 + 2.3e-4 * math.exp(-(a + b) / 101.0))
    assert change[2] == pytest.approx(by_hand, abs=1e-12)
    by_hand = math.exp(-b / 16.8) * (5e-10 + 6.2e-3 * math.exp(-(a + b) / 125.0)) - math.exp(-a / 33.7) * 7e-3
    assert change[len(spans) + 2] == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("name", ["reference", "event", "brian"])
def test_random_trains(name: str) -> None:
    """Oracle: the closed-form sum, coincidences included."""
    rng = stream(0, "triplets")
    pre, post = rng.random((2, 500, 4)) < 0.05
    pre[-1] = post[0] = post[-1] = False
    times = [([float(t) for t in np.flatnonzero(pre[:, i])], [float(t) for t in np.flatnonzero(post[:, i])]) for i in range(4)]
    assert (pre & post).any()
    np.testing.assert_allclose(learned(RULE, pre, post, name=name), [closed_form(RULE, *t) for t in times], rtol=0, atol=1e-9)


def test_the_frequency_of_pairings_decides() -> None:
    """Oracle: the closed-form sum over 60 pairings; potentiation in either order at high rates, as in Sjöström et al. (2001)."""
    dt_ms, found = 10.0, {}
    for rate_Hz in (0.1, 10.0, 20.0, 50.0):
        begins = [1000.0 + k * 1000.0 / rate_Hz for k in range(60)]
        begins = [dt_ms * round(t / dt_ms) for t in begins]
        trains = [(begins, [t + gap for t in begins]) for gap in (10.0, -10.0)]
        change = learned(RULE, *both([p for p, _ in trains], [q for _, q in trains], dt_ms), dt_ms)
        np.testing.assert_allclose(change, [closed_form(RULE, *t) for t in trains], rtol=0, atol=1e-6)
        found[rate_Hz] = change
    assert abs(found[0.1][0]) < 0.005 and found[0.1][1] < -0.2
    assert found[10.0][1] < 0 < found[50.0][1]
    assert 0.1 < found[10.0][0] < found[20.0][0] < found[50.0][0] and found[50.0][0] > 0.7
