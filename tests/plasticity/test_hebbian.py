"""Oja's rule and correlation measuring: against plain loops over frames, and what they are known to find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plasticity import CorrelationMeasuring, Oja
from snn.cells import IF, LIF, SpikeSource
from snn.description import MIXED, Network, Population, Projection
from snn.engines import engine
from snn.local import Rule
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Constant, Normal, Uniform, Weights

STEPS, W_MAX_mV = 40, 8.0
FrameMeans = Callable[[np.ndarray, float, int], np.ndarray]
LINEAR = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0)
DEAF = LIF(tau_mem_ms=1.0, v_threshold_mV=1e6)


def network(
    rule: Rule, n_pre: int, n_out: int, *, forced: bool = False, sign: str = "excitatory", weights: Weights | None = None
) -> Network:
    """Sources on cells without a leak, whose spike counts are the weighted counts of their input, or those of a teacher."""
    return Network(
        frame_ms=float(STEPS),
        populations=(
            Population(name="in", shape=(1, 1, n_pre), cell=SpikeSource(), sign=sign),
            Population(name="teacher", shape=(1, 1, n_out), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, n_out), cell=DEAF if forced else LINEAR,
                receptors=(Receptor(name="fast", kinetics="pulse"), Receptor(name="push", kinetics="pulse")),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="fast", topology=Dense(), weights=weights or Uniform(low_mV=0.1, high_mV=1.0),
                delay_ms=1.0, rule=rule, w_max_mV=W_MAX_mV,
            ),
            Projection(
                source="teacher", target="out", receptor="push", topology=Dense(), weights=Constant(value_mV=4e6), delay_ms=1.0
            ),
        ),
    )  # fmt: skip


def trains(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three inputs and one teacher; inputs 0 and 1 fire in the frames in which the teacher does more often than chance."""
    rng = stream(seed, "hebbian")
    on = rng.random((frames, 1)) < 0.5
    rate = np.where(on, [0.08, 0.05, 0.04], [0.02, 0.03, 0.04])
    pre = rng.random((frames, STEPS, 3)) < rate[:, None]
    post = rng.random((frames, STEPS, 1)) < np.where(on, 0.06, 0.01)[:, None]
    post[:, -1] = False
    return pre.reshape(-1, 3), post.reshape(-1, 1)


def forced(rule: Rule, pre: np.ndarray, post: np.ndarray, modulator: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights before and after, and the spikes of the target, which follow the teacher."""
    simulation = engine("event").build(network(rule, pre.shape[1], 1, forced=True), seed=2)
    before = simulation.state().weights("in->out/fast")
    frames = len(pre) // STEPS
    recording = simulation.run(n_frames=frames, rasters={"in": pre, "teacher": post}, learn=True, modulator=modulator)
    spikes = np.concatenate([np.zeros_like(post[:1]), post[:-1]])
    assert np.array_equal(recording.counts["out"].reshape(frames, 1), spikes.reshape(frames, STEPS).sum(axis=1, keepdims=True))
    return before.ravel(), simulation.state().weights("in->out/fast").ravel(), spikes


def test_the_equation_of_oja(frame_means: FrameMeans) -> None:
    """Oracle: the docstring's equation in a loop over frames."""
    rule = Oja(eta_mV=0.3, unit_mV=0.5, tau_ms=7.0)
    pre, post = trains(200, 0)
    w, after, spikes = forced(rule, pre, post, 0.5)
    x, y = frame_means(pre, 7.0, STEPS), frame_means(spikes, 7.0, STEPS)
    for t in range(200):
        w = np.clip(w + 0.5 * 0.3 * y[t] * (x[t] - y[t] * w / 0.5), 0.0, W_MAX_mV)
    np.testing.assert_allclose(after, w, rtol=1e-9)


def test_the_equation_of_correlation_measuring(frame_means: FrameMeans) -> None:
    """Oracle: the docstring's equation in a loop over frames."""
    rule = CorrelationMeasuring(eta_mV=0.3, unit_mV=0.5, tau_ms=7.0, share=0.02)
    pre, post = trains(200, 1)
    w, after, spikes = forced(rule, pre, post, 0.5)
    x, y = frame_means(pre, 7.0, STEPS), frame_means(spikes, 7.0, STEPS)
    for t in range(200):
        old = 0.98 ** np.arange(t)[::-1]
        chance = 0.0 if t == 0 else (old @ x[:t]) * (old @ y[:t]) / old.sum() ** 2
        w = np.clip(w + 0.5 * 0.3 * (x[t] * y[t] - chance * (1.0 + w / 0.5)), 0.0, W_MAX_mV)
    np.testing.assert_allclose(after, w, rtol=1e-9, atol=1e-12)


def test_correlations_are_measured(frame_means: FrameMeans) -> None:
    """Oracle: the rule's fixed point, the coincidences of the very trains over those expected by chance; 0 for independent ones."""
    pre, post = trains(6000, 2)
    _, after, spikes = forced(CorrelationMeasuring(eta_mV=0.01, unit_mV=1.0, tau_ms=7.0, share=2e-4), pre, post)
    x, y = frame_means(pre, 7.0, STEPS), frame_means(spikes, 7.0, STEPS)
    expected = (x * y).mean(axis=0) / (x.mean(axis=0) * y.mean()) - 1.0
    assert expected[0] > 0.25 > 0.2 > expected[1] > 0.05 > abs(expected[2])
    np.testing.assert_allclose(after, np.maximum(expected, 0.0), atol=0.03)


@pytest.mark.parametrize("sign", ["excitatory", MIXED])
def test_the_first_principal_component(sign: str, frame_means: FrameMeans) -> None:
    """Oracle: the first eigenvector of the second moments of the very input, by linear algebra; Oja's length, sqrt(unit)."""
    rng = stream(0, "oja")
    mixing = np.array([[3.0, 2.5, 0.2, 0.1, 1.0, 0.1], [0.1, 0.2, 2.0, 0.1, 0.2, 1.5]]) * 0.03
    counts = rng.gamma(1.0, 1.0, (3000, 2)) @ mixing
    pre = (rng.random((3000, STEPS, 6)) < np.minimum(counts, 1.0)[:, None]).reshape(-1, 6)
    weights = Uniform(low_mV=0.1, high_mV=1.0) if sign != MIXED else Normal(mean_mV=0.2, scale_mV=0.4)
    built = network(Oja(eta_mV=0.05, unit_mV=1.0, tau_ms=7.0), 6, 3, sign=sign, weights=weights)
    simulation = engine("event").build(built, seed=1)
    cosines = []
    x = frame_means(pre, 7.0, STEPS)
    _, vectors = np.linalg.eigh(x.T @ x)
    first = np.abs(vectors[:, -1])
    for part in (slice(0, 1), slice(1, None)):
        w = simulation.state().weights("in->out/fast")
        cosines.append(first @ w / np.linalg.norm(w, axis=0))
        given = pre.reshape(3000, STEPS, 6)[part].reshape(-1, 6)
        rasters = {"in": given, "teacher": np.zeros((len(given), 3), bool)}
        simulation.run(n_frames=len(given) // STEPS, rasters=rasters, learn=True)
    w = simulation.state().weights("in->out/fast")
    found = first @ w / np.linalg.norm(w, axis=0)
    assert cosines[0].max() < 0.97
    assert found.min() >= 0.99, found
    np.testing.assert_allclose(np.linalg.norm(w, axis=0), 1.0, rtol=0.05)
