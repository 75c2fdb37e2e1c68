"""Eligibility propagation: the gradient that it claims to be, by finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plasticity import EProp
from plasticity.testing import forced
from snn.cells import LIF
from snn.seeding import stream

CELL = LIF(tau_mem_ms=12.0, v_threshold_mV=1e6)
RULE = {"threshold_mV": 1.0, "width_mV": 0.8, "tau_mem_ms": 12.0, "tau_out_ms": 30.0}


def told(weights: np.ndarray, pre: np.ndarray, signal: np.ndarray) -> float:
    """Sum of learning signal times the low-passed output of a cell whose output has the rule's psi as its slope."""
    decay, out_decay, v, heard, out, total = math.exp(-1 / 12.0), math.exp(-1 / 30.0), 0.0, 0.0, 0.0, 0.0
    for x, error in zip(pre, signal, strict=True):
        v = decay * (v + heard)
        heard = float(weights @ x)
        # The integral of 0.3 max(0, 1 - |v - 1| / 0.8).
        s = np.clip((v - 1.0) / 0.8, -1.0, 1.0)
        sent = 0.3 * 0.8 * (s + 0.5 - 0.5 * s * abs(s))
        out = out_decay * out + (1.0 - out_decay) * sent
        total += float(error) * out
    return total


@pytest.mark.parametrize("engine_name", ["reference", "event"])
@pytest.mark.parametrize("sign", ["excitatory", "mixed"])
def test_it_is_the_gradient(engine_name: str, sign: str) -> None:
    """Oracle: central differences of what the learning signal weighs, in a cell that is not reset; small steps."""
    rng = stream(0, "eprop")
    pre = rng.random((300, 4)) < 0.06
    excess, deficit = rng.random((300, 1)) < 0.1, rng.random((300, 1)) < 0.06
    w, eta = np.array([0.9, 0.5, 1.2, 0.7]), 1e-7
    found = forced(
        EProp(eta_mV=eta, quantum=2.0, **RULE), pre, np.zeros((300, 1), bool), w[:, None], told={"excess": excess, "deficit": deficit},
        cell=CELL, sign=sign, modulator=0.5, engine_name=engine_name,
    )  # type: ignore[arg-type] # fmt: skip
    signal = 2.0 * (excess[:, 0].astype(float) - deficit[:, 0])
    gradient = [(told(w + 1e-6 * one, pre, signal) - told(w - 1e-6 * one, pre, signal)) / 2e-6 for one in np.eye(4)]
    assert np.abs(gradient).min() > 1e-3
    np.testing.assert_allclose((found[:, 0] - w) / (0.5 * eta), gradient, rtol=1e-4)


def test_far_from_threshold_nothing_is_learned() -> None:
    """Oracle: a pseudo-derivative of 0."""
    pre = np.ones((50, 1), bool)
    given = {"excess": np.ones((50, 1), bool), "deficit": np.zeros((50, 1), bool)}
    for weight in (0.0, 50.0):
        found = forced(EProp(eta_mV=0.1, **RULE), pre, np.zeros((50, 1), bool), weight, told=given, cell=CELL, w_max_mV=100.0)
        # From 0 the first steps are as far from threshold as the whole width.
        assert found[0, 0] == weight
