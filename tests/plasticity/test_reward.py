"""Three factors: eligibilities pair by pair, what reward and surprise make of them, and reward that comes late."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import RewardModulatedSTDP, SurpriseModulatedSTDP
from plasticity.testing import forced
from snn.seeding import stream

GIVEN = {"a_plus_mV": 0.02, "a_minus_mV": 0.03, "tau_plus_ms": 9.0, "tau_minus_ms": 25.0, "tau_c_ms": 200.0}


def eligibility(pre: np.ndarray, post: np.ndarray, ends: list[int]) -> np.ndarray:
    """At the ends of frames, a sum over all pairs: each decays from its later spike on. Arrivals come first in a step."""
    found = np.zeros(len(ends))
    before, after = np.flatnonzero(pre).tolist(), np.flatnonzero(post).tolist()
    for a in before:
        for t in after:
            step = 0.02 * math.exp((a - t) / 9.0) if a <= t else -0.03 * math.exp((t - a) / 25.0)
            found += [step * math.exp((max(a, t) - end) / 200.0) if max(a, t) <= end else 0.0 for end in ends]
    return found


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_the_equations(engine_name: str) -> None:
    """Oracle: sums over pairs; with surprise, spikes of a frame counted by themselves."""
    rng = stream(0, "reward")
    pre, post, surprise = rng.random((400, 3)) < 0.08, rng.random((400, 2)) < 0.08, rng.random((400, 2)) < 0.05
    post[0] = False
    ends = list(range(49, 400, 50))
    rewarded = forced(RewardModulatedSTDP(**GIVEN), pre, post, 5.0, frame_steps=50, modulator=-0.7, engine_name=engine_name)
    rule = SurpriseModulatedSTDP(**GIVEN, usual=2.0)
    surprised = forced(rule, pre, post, 5.0, told={"surprise": surprise}, frame_steps=50, modulator=0.5, engine_name=engine_name)
    for i in range(3):
        for k in range(2):
            c = eligibility(pre[:, i], post[:, k], ends)
            counts = surprise[:, k].reshape(8, 50).sum(axis=1)
            assert rewarded[i, k] == pytest.approx(5.0 - 0.7 * c.sum(), rel=1e-9)
            assert surprised[i, k] == pytest.approx(5.0 + 0.5 * float((counts / (2.0 + counts)) @ c), rel=1e-9)


def test_a_site_without_surprise_learns_nothing() -> None:
    rng = stream(1, "reward")
    pre, post = rng.random((100, 2)) < 0.2, rng.random((100, 1)) < 0.2
    post[0] = False
    found = forced(SurpriseModulatedSTDP(**GIVEN), pre, post, 1.0, told={"surprise": np.zeros((100, 1), bool)}, frame_steps=50)
    assert (found == 1.0).all()
