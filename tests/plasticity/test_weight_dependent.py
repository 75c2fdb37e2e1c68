"""STDP whose steps depend on the weight: against sums over pairs, the additive rule, and the weights at which it rests."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from plasticity import PairSTDP, PowerLawSTDP, WeightDependentSTDP
from plasticity.testing import forced
from snn.local import Rule, power
from snn.seeding import stream


def trains(n_steps: int, share: float, n_pre: int = 3, n_post: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(seed, "weight dependent")
    pre, post = rng.random((n_steps, n_pre)) < share, rng.random((n_steps, n_post)) < share
    post[0] = False
    return pre, post


def pair_by_pair(
    pre: np.ndarray, post: np.ndarray, w: float, loss: Callable[[float], float], gain: Callable[[float], float], tau: tuple[float, float]
) -> np.ndarray:
    """All pairs from lists of times, no traces: an arrival and a spike in one step are pre before post."""
    found = np.full((pre.shape[1], post.shape[1]), w)
    for i in range(pre.shape[1]):
        for k in range(post.shape[1]):
            before, after = np.flatnonzero(pre[:, i]).tolist(), np.flatnonzero(post[:, k]).tolist()
            w_ik = w
            for n, is_spike in sorted([(n, False) for n in before] + [(n, True) for n in after]):
                if is_spike:
                    step = gain(w_ik) * math.fsum(math.exp((m - n) / tau[0]) for m in before if m <= n)
                else:
                    step = -loss(w_ik) * math.fsum(math.exp((m - n) / tau[1]) for m in after if m < n)
                w_ik = min(max(w_ik + step, 0.0), 2.0)
            found[i, k] = w_ik
    return found


SOFT = WeightDependentSTDP(eta_mV=0.2, alpha=1.3, mu_plus=0.4, mu_minus=0.7, scale_mV=2.0, tau_plus_ms=9.0, tau_minus_ms=25.0)
POWER = PowerLawSTDP(eta_mV=0.2, alpha=0.8, mu=0.4, unit_mV=0.5, tau_plus_ms=9.0, tau_minus_ms=25.0)


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_the_equations(engine_name: str) -> None:
    """Oracle: the docstrings' equations, pair by pair."""
    pre, post = trains(400, 0.08)
    laws: tuple[tuple[Rule, Callable[[float], float], Callable[[float], float]], ...] = (
        (SOFT, lambda w: 0.5 * 0.2 * 1.3 * (w / 2.0) ** 0.7, lambda w: 0.5 * 0.2 * (1.0 - w / 2.0) ** 0.4),
        (POWER, lambda w: 0.5 * 0.2 * 0.8 * (w / 0.5), lambda w: 0.5 * 0.2 * (w / 0.5) ** 0.4),
    )
    for rule, loss, gain in laws:
        found = forced(rule, pre, post, 1.0, w_max_mV=2.0, modulator=0.5, engine_name=engine_name)
        np.testing.assert_allclose(found, pair_by_pair(pre, post, 1.0, loss, gain, (9.0, 25.0)), rtol=1e-9)
        assert np.abs(found - 1.0).min() > 1e-3


def test_exponents_of_0_are_the_additive_rule() -> None:
    """Oracle: `PairSTDP`."""
    pre, post = trains(300, 0.05, seed=1)
    soft = WeightDependentSTDP(eta_mV=0.02, alpha=1.2, mu_plus=0.0, mu_minus=0.0, scale_mV=2.0)
    hard = PairSTDP(a_plus_mV=0.02, a_minus_mV=0.024)
    np.testing.assert_allclose(*(forced(rule, pre, post, 1.0, w_max_mV=2.0) for rule in (soft, hard)), rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "gain", "loss", "rest"),
    [
        (WeightDependentSTDP(eta_mV=6e-3, alpha=1.5), lambda v: 1.0 - v, lambda v: 1.5 * v, 1.0 / 2.5),
        (PowerLawSTDP(eta_mV=6e-3, alpha=1.3), lambda v: v**0.4, lambda v: 1.3 * v, 1.3 ** (-1.0 / 0.6)),
    ],
    ids=["soft", "power"],
)
def test_unrelated_spikes_leave_weights_where_gain_and_loss_meet(
    rule: Rule, gain: Callable[[np.ndarray], np.ndarray], loss: Callable[[np.ndarray], np.ndarray], rest: float
) -> None:
    """Oracle: over trains whose pairs of either order are as many, gain and loss are one on average; from below and from above."""
    pre, post = trains(60_000, 0.03, 12, 4, seed=2)
    # An arrival in the step of a spike is pre before post: such pairs are taken out, so that both orders weigh the same.
    post &= ~pre.any(axis=1)[:, None]
    for born in (0.3 * rest, 1.4 * rest):
        found = forced(rule, pre, post, born, w_max_mV=1.0, engine_name="event")
        assert gain(found).mean() == pytest.approx(loss(found).mean(), rel=0.05)
        assert found.mean() == pytest.approx(rest, rel=0.1)


def test_a_power_below_0_is_refused() -> None:
    """Oracle: the range in its docstring; a weight of 0 would have no value."""
    with pytest.raises(ValueError, match="exponent must be 0 or more"):
        power(1.0, -0.5)
    with pytest.raises(ValueError, match="mu_plus"):
        WeightDependentSTDP(mu_plus=-0.1)
