"""The sliding threshold: the equation frame by frame, and cells that come to answer one pattern of several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plasticity import BCM
from plasticity.testing import forced
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

FrameMeans = Callable[[np.ndarray, float, int], np.ndarray]
STEPS = 40


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_the_equation(engine_name: str, frame_means: FrameMeans) -> None:
    """Oracle: the docstring's equation in a loop over frames; the threshold's mean is that of the frames before, each by its age."""
    rng = stream(0, "bcm")
    pre, post = rng.random((60 * STEPS, 3)) < 0.06, rng.random((60 * STEPS, 2)) < 0.04
    post[0] = False
    rule = BCM(eta_mV=0.4, usual=0.3, tau_ms=12.0, share=0.05)
    found = forced(rule, pre, post, 0.7, frame_steps=STEPS, modulator=0.5, engine_name=engine_name)
    x, y = frame_means(pre, 12.0, STEPS), frame_means(post, 12.0, STEPS)
    w = np.full((3, 2), 0.7)
    for t in range(60):
        age = 0.95 ** np.arange(t)[::-1]
        theta = (age @ y[:t] ** 2) / age.sum() / 0.3 if t else np.zeros(2)
        w = np.clip(w + 0.5 * 0.4 * np.outer(x[t], y[t] * (y[t] - theta)), 0.0, 10.0)
    np.testing.assert_allclose(found, w, rtol=1e-9, atol=1e-12)
    assert np.abs(found - 0.7).max() > 0.1


def patterned(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of 6 sources in frames of one of three patterns, each of its own two sources above the rest; which it was."""
    rng = stream(seed, "bcm", "patterns")
    which = rng.integers(3, size=frames)
    rates = np.where(np.arange(6) // 2 == which[:, None], 0.30, 0.02)
    return (rng.random((frames, STEPS, 6)) < rates[:, None]).reshape(-1, 6), which


def test_a_cell_comes_to_answer_one_pattern() -> None:
    """Oracle: the fixed points of the paper: one pattern at usual over its probability, the others not; a rule without a threshold not."""
    rule = BCM(eta_mV=2e-4, usual=1.0, tau_ms=20.0, share=0.05)
    network = Network(
        frame_ms=float(STEPS),
        populations=(
            Population(name="in", shape=(1, 1, 6), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, 8), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0),
                receptors=(Receptor(name="r", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.05, high_mV=0.15), delay_ms=1.0,
                rule=rule, w_max_mV=3.0,
            ),
        ),
    )  # fmt: skip
    simulation = engine("event").build(network, seed=0)

    def answers() -> np.ndarray:
        """Mean trace of each cell (3, 8) for each pattern: spikes of a frame, times decay over frame."""
        rasters, which = patterned(120, 99)
        counts = simulation.run(n_frames=120, rasters={"in": rasters}).counts["out"].reshape(120, 8)
        return np.stack([counts[which == k].mean(axis=0) for k in range(3)]) * 20.0 / STEPS

    born = answers()
    rasters, _ = patterned(6000, 1)
    simulation.run(n_frames=6000, rasters={"in": rasters}, learn=True)
    learned = np.sort(answers(), axis=0)
    assert (born.max(axis=0) < 2 * born.min(axis=0)).all()
    assert (learned[2] > 3 * learned[1]).all()
    np.testing.assert_allclose(learned[2], 1.0 / (1.0 / 3.0), rtol=0.2)
