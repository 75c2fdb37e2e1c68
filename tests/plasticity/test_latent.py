"""Latent prediction: the equation frame by frame. What cells come to tell is in `examples/selectivity.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plasticity import LatentPrediction
from plasticity.testing import forced
from snn.seeding import stream

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
