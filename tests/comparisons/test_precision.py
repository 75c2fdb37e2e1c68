"""Weights to a number of bits: what is rounded, to what, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparisons.inspection import CircuitRun, load_run
from comparisons.learning import Job
from comparisons.making import learned
from comparisons.movies import Source
from comparisons.precision import rounded
from plasticity.training import Plan
from snn.state import initial_state

SOURCE = Source(frames="photographs", size=8, n_movies=3)


def test_weights_are_rounded_to_the_nearest_of_so_many_steps() -> None:
    """Oracle: by hand: 2 bits are 0, 1/3, 2/3 and the largest; what is not learned keeps its weights."""
    network = Job(source=SOURCE).network()
    state = initial_state(network, dt_ms=1.0, seed=0)
    name = next(j.name for j in network.projections if j.rule is not None)
    w = np.random.default_rng(0).random(state.weights(name).shape)
    state.arrays[f"weights/{name}"][:] = w
    found = rounded(state, network, 2)
    steps = w.max() * np.array([0.0, 1 / 3, 2 / 3, 1.0])
    assert found.weights(name) == pytest.approx(steps[np.abs(w[..., None] - steps).argmin(-1)], rel=1e-12)
    for j in network.projections:
        if j.name != name:
            assert np.array_equal(found.weights(j.name), state.weights(j.name))
    assert rounded(state, network, None) is state


def test_many_bits_change_little_and_signs_take_one_of_them() -> None:
    network = Job(source=SOURCE, ablations=("signed",)).network()
    state = initial_state(network, dt_ms=1.0, seed=0)
    name = next(j.name for j in network.projections if j.rule is not None)
    w = np.random.default_rng(0).normal(size=state.weights(name).shape)
    state.arrays[f"weights/{name}"][:] = w
    assert len(np.unique(rounded(state, network, 3).weights(name))) == 7
    assert rounded(state, network, 32).weights(name) == pytest.approx(w, abs=np.abs(w).max() / 2**31)


def test_a_run_is_rounded_once_it_has_learned(tmp_path: Path) -> None:
    """Oracle: the same run without bits, rounded by hand; the setting is written only where it is made."""
    job = Job(source=SOURCE, plan=Plan(passes=1, eta_start=0.8, eta_end=0.1))
    coarse = job.model_copy(update={"weight_bits": 4})
    assert "weight_bits" not in job.model_dump() and coarse.model_dump()["weight_bits"] == 4
    states = []
    for k, one in enumerate((job, coarse)):
        learned(one, tmp_path / str(k), figures=False)
        run = load_run(tmp_path / str(k))
        assert isinstance(run, CircuitRun)
        states.append(run)
    exact, kept = states
    for j in exact.network.projections:
        assert np.array_equal(kept.state.weights(j.name), rounded(exact.state, exact.network, 4).weights(j.name))
    assert any(not np.array_equal(kept.state.weights(j.name), exact.state.weights(j.name)) for j in exact.network.projections)
