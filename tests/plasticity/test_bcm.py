"""The sliding threshold: the equation frame by frame. What cells come to answer is in `examples/selectivity.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plasticity import BCM
from plasticity.testing import forced
from snn.seeding import stream

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
