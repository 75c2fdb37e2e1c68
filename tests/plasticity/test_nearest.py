"""STDP of neighbouring spikes: against lists of the pairs that count, written from the definition of each scheme."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import NearestSTDP
from plasticity.testing import forced
from snn.seeding import stream

RULE = {"a_plus_mV": 0.03, "a_minus_mV": 0.02, "tau_plus_ms": 9.0, "tau_minus_ms": 25.0}


def pairs(before: list[int], after: list[int], scheme: str) -> tuple[list[int], list[int]]:
    """Times from arrival to spike of the pairs that count: those that strengthen, and those that weaken."""
    gain, loss = [], []
    for t in after:
        since = max((s for s in after if s < t), default=-1)
        heard = [a for a in before if a <= t]
        if scheme == "symmetric":
            gain += [t - heard[-1]] if heard else []
        elif scheme == "pre_centred":
            gain += [t - a for a in heard if a > since]
        else:
            gain += [t - heard[-1]] if heard and heard[-1] > since else []
    for a in before:
        earlier = [t for t in after if t < a]
        # An arrival in the step of a spike comes before it.
        fresh = not any(earlier[-1] < b < a for b in before) if earlier else False
        loss += [a - earlier[-1]] if earlier and (scheme != "restricted" or fresh) else []
    return gain, loss


@pytest.mark.parametrize("engine_name", ["reference", "event"])
@pytest.mark.parametrize("scheme", ["symmetric", "pre_centred", "restricted"])
def test_which_pairs_count(scheme: str, engine_name: str) -> None:
    """Oracle: the pairs of the scheme's definition, with coincidences among them."""
    rng = stream(0, "nearest")
    pre, post = rng.random((400, 3)) < 0.1, rng.random((400, 2)) < 0.1
    post[0] = False
    found = forced(NearestSTDP(**RULE, scheme=scheme), pre, post, 5.0, modulator=0.5, engine_name=engine_name)  # type: ignore[arg-type]
    for i in range(3):
        for k in range(2):
            gain, loss = pairs(np.flatnonzero(pre[:, i]).tolist(), np.flatnonzero(post[:, k]).tolist(), scheme)
            assert 0 in gain and len(loss) > 5
            change = 0.03 * math.fsum(math.exp(-g / 9.0) for g in gain) - 0.02 * math.fsum(math.exp(-g / 25.0) for g in loss)
            assert found[i, k] == pytest.approx(5.0 + 0.5 * change, rel=1e-12)


def test_schemes_differ_where_they_should() -> None:
    """Oracle: one triplet by hand: pre, pre, post pairs once when restricted, twice when centred on arrivals."""
    pre, post = np.zeros((60, 1), bool), np.zeros((60, 1), bool)
    pre[[10, 20]], post[30] = True, True
    near, far = 0.03 * math.exp(-10 / 9.0), 0.03 * math.exp(-20 / 9.0)
    found = {
        s: float(forced(NearestSTDP(**RULE, scheme=s), pre, post, 1.0)[0, 0] - 1.0) for s in ("symmetric", "pre_centred", "restricted")
    }  # type: ignore[arg-type]
    assert found == pytest.approx({"symmetric": near, "pre_centred": near + far, "restricted": near})
