"""How alike two populations are: closed forms, invariances, and a plain second implementation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import rankdata

from comparisons.representation import correlation, lag_of, linear_cka, participation_ratio, readout_nrmse, rsa
from snn.errors import SubjectError

RNG = np.random.default_rng(0)


def test_cka() -> None:
    """Oracle: invariance to turning and scaling; the sum over quadruples of different frames; independence near 0 with many cells."""
    x, y = RNG.normal(size=(200, 5)), RNG.normal(size=(200, 30))
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    assert linear_cka(x, 3.0 * x @ turn + 1.0) == pytest.approx(1.0)
    few = [v[:6, :3] - v[:6, :3].mean(0) for v in (x, y)]

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        """Mean over all (i, j, q, r) of different frames of k_ij (m_ij + m_qr - 2 m_iq)."""
        found = [k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(len(k)), 4)]
        return float(np.mean(found))

    a, b = (v @ v.T for v in few)
    assert linear_cka(few[0], few[1]) == pytest.approx(hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b)))
    many = RNG.normal(size=(130, 512)), RNG.normal(size=(130, 512))
    assert abs(linear_cka(*many)) < 0.05
    assert np.isnan(linear_cka(x, np.ones((200, 3))))
    with pytest.raises(SubjectError, match="different numbers of frames"):
        linear_cka(x, y[:-1])


def test_rsa_is_rho_a_of_correlation_distances() -> None:
    """Oracle: rho-a written out, with ranks by scipy; 1 for a population and itself in another order."""
    x, y = RNG.normal(size=(12, 20)), RNG.normal(size=(12, 7))
    x[:6] += RNG.normal(size=20)
    y[:6] += RNG.normal(size=7)
    upper = np.triu_indices(12, 1)
    ranks = [rankdata((1 - np.corrcoef(v))[upper]) for v in (x, y)]
    n = len(ranks[0])
    rho_a = float(np.dot(*(r - r.mean() for r in ranks)) * 12 / (n**3 - n))
    assert rsa(x, y) == pytest.approx(rho_a, abs=1e-9)
    assert rsa(x, x[:, ::-1]) == pytest.approx(1.0)
    assert np.isnan(rsa(x, np.zeros_like(x)))
    silent = np.vstack([x, np.zeros(20), np.ones(20)])
    other = np.vstack([y, RNG.normal(size=(2, 7))])
    assert rsa(silent, other) == pytest.approx(rsa(x, y)), "pairs with silent frames are left out"


def test_participation_ratio() -> None:
    """Oracle: n for n equal independent directions, 1 for one."""
    basis = np.linalg.qr(RNG.normal(size=(50, 50)))[0][:, :4]
    basis -= basis.mean(0)
    basis = np.linalg.qr(basis)[0]
    assert participation_ratio(basis) == pytest.approx(4.0)
    assert participation_ratio(basis @ RNG.normal(size=(4, 1)) @ RNG.normal(size=(1, 90))) == pytest.approx(1.0)
    assert np.isnan(participation_ratio(np.ones((5, 3))))


@pytest.mark.parametrize("lag", [-2, 0, 1])
def test_lag(lag: int) -> None:
    """Oracle: a trajectory that was moved by hand."""
    x = RNG.normal(size=(6, 30))
    y = np.roll(x, lag, axis=1) + 0.1 * RNG.normal(size=(6, 30))
    found, best = lag_of(x, y, 3)
    assert found == lag and best > 0.9
    assert correlation(x, 2 * x + 1) == pytest.approx(1.0) and np.isnan(correlation(x, 0 * x))


def test_reading_one_population_from_another() -> None:
    """Oracle: 0 where it is a linear map of the other, near 1 where it is independent, and noise of known size between."""
    y = RNG.normal(size=(4, 10, 3, 3, 6))
    x = y @ RNG.normal(size=(6, 2)) + 1.0
    assert readout_nrmse(x, y) < 0.01
    assert readout_nrmse(RNG.normal(size=x.shape), y) == pytest.approx(1.0, abs=0.05)
    noisy = x + x.std() * RNG.normal(size=x.shape)
    assert readout_nrmse(noisy, y) == pytest.approx(np.sqrt(0.5), abs=0.06)
    with pytest.raises(SubjectError, match="same places"):
        readout_nrmse(x[:1], y[:1])
