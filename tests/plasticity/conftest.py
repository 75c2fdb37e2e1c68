"""What tests of rules share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

FrameMeans = Callable[[np.ndarray, float, int], np.ndarray]


@pytest.fixture(scope="session")
def frame_means() -> FrameMeans:
    """Means over frames (n_frames, n) of a trace of spikes (n_steps, n) that rises by 1 and decays with tau, step by step."""

    def means(spikes: np.ndarray, tau_ms: float, frame_steps: int) -> np.ndarray:
        trace, traces = np.zeros(spikes.shape[1]), np.empty(spikes.shape)
        for n, row in enumerate(spikes):
            trace = trace * math.exp(-1.0 / tau_ms) + row
            traces[n] = trace
        found: np.ndarray = traces.reshape(-1, frame_steps, spikes.shape[1]).mean(axis=1)
        return found

    return means
