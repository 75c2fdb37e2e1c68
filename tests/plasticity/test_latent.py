"""Latent prediction: the equation frame by frame, and cells that come to tell what lasts, not what is loud."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plasticity import LatentPrediction, Oja
from plasticity.testing import forced
from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.local import Rule
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

FrameMeans = Callable[[np.ndarray, float, int], np.ndarray]
STEPS = 40


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_the_equation(engine_name: str, frame_means: FrameMeans) -> None:
    """Oracle: the docstring's equation in a loop over frames, with means and variances of the frames before, each by its age."""
    rng = stream(0, "latent")
    pre, post = rng.random((60 * STEPS, 3)) < 0.06, rng.random((60 * STEPS, 2)) < 0.04
    post[0] = False
    rule = LatentPrediction(eta_mV=0.1, variance=0.3, xi=0.02, silence=0.1, decay=0.01, tau_ms=12.0, share=0.05)
    found = forced(rule, pre, post, 0.7, frame_steps=STEPS, modulator=0.5, engine_name=engine_name)
    x, z = frame_means(pre, 12.0, STEPS), frame_means(post, 12.0, STEPS)
    w, squares = np.full((3, 2), 0.7), np.zeros((0, 2))
    for t in range(60):
        age = 0.95 ** np.arange(t)[::-1]
        mean, variance = ((age @ z[:t]) / age.sum(), (age @ squares) / age.sum()) if t else (np.zeros(2), np.zeros(2))
        before = z[t - 1] if t else 0.0
        told = before - z[t] + 0.3 * (z[t] - mean) / (variance + 0.02)
        w = np.clip(w + 0.5 * (0.1 * np.outer(x[t], z[t] / (z[t] + 0.1) * told) - 0.01 * w), 0.0, 10.0)
        squares = np.vstack([squares, (z[t] - mean) ** 2])
    np.testing.assert_allclose(found, w, rtol=1e-9, atol=1e-12)
    assert np.abs(found - 0.7).max() > 0.1


def movie(frames: int, seed: int) -> np.ndarray:
    """Four sources whose rate lasts for ten frames, and four, louder, whose rate is another in each."""
    rng = stream(seed, "latent", "movie")
    lasting = np.repeat(rng.random((frames // 10, 1)) < 0.5, 10, axis=0)
    fleeting = rng.random((frames, 1)) < 0.5
    rates = np.hstack([np.repeat(np.where(lasting, 0.12, 0.04), 4, axis=1), np.repeat(np.where(fleeting, 0.20, 0.02), 4, axis=1)])
    return (rng.random((frames, STEPS, 8)) < rates[:, None]).reshape(-1, 8)


def share_of_what_lasts(rule: Rule) -> np.ndarray:
    """Of the weights of each cell after 4000 frames."""
    network = Network(
        frame_ms=float(STEPS),
        populations=(
            Population(name="in", shape=(1, 1, 8), cell=SpikeSource()),
            Population(
                name="out", shape=(1, 1, 6), cell=IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0),
                receptors=(Receptor(name="r", kinetics="pulse"),),
            ),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Uniform(low_mV=0.05, high_mV=0.15), delay_ms=1.0,
                rule=rule, w_max_mV=1.0,
            ),
        ),
    )  # fmt: skip
    simulation = engine("event").build(network, seed=0)
    simulation.run(n_frames=4000, rasters={"in": movie(4000, 1)}, learn=True)
    w = simulation.state().weights("in->out/r")
    found: np.ndarray = w[:4].sum(axis=0) / w.sum(axis=0)
    return found


def test_what_lasts_is_learned_and_what_is_loud_is_not() -> None:
    """Oracle: the paper's figure 2, in shape: the rule finds the direction that lasts, a Hebbian rule that of the greatest variance."""
    latent, hebbian = (
        share_of_what_lasts(LatentPrediction(eta_mV=1e-3, variance=0.3, decay=1e-3)),
        share_of_what_lasts(Oja(eta_mV=1e-3, unit_mV=0.2)),
    )
    print(latent, hebbian)
    assert latent.min() > 0.9 > 0.5 > hebbian.max()
